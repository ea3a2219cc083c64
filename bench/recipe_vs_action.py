"""The plain recipe against ``ptmobile convert``, in turn (A B A B ...), as whole processes on the same machine.

Usage: .venv/bin/python bench/recipe_vs_action.py [--runs N] [--json FILE] [MODEL ...]

The run in the phone's library is left out: the recipe has none. Wall time is of the whole command. Peak memory is
measured twice: the largest single process (the kernel's own figure), and the proportional set size of the whole family
of processes, sampled every 20 ms, in which shared pages count once.
Ratios below 1 mean that ours needs less. Goals: 1.0 of the recipe's time, 0.8 of its memory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

MODELS = ("squeezenet1_1", "mobilenet_v2", "resnet50")
HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
SAMPLE_SECONDS = 0.02


@dataclass(frozen=True)
class Measured:
    """One run: seconds, and bytes."""

    wall: float
    cpu: float
    largest_process: int
    family: int


def measure(command: list[str], folder: Path) -> Measured:
    """Run a command to its end and measure it.

    Raises:
        RuntimeError: it failed; its output is in the message.
    """
    with (folder / "log").open("w+") as log:
        start = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        family = _FamilyMemory(process.pid)
        family.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        family.stop()
        if status:
            log.seek(0)
            raise RuntimeError(f"{command} failed:\n{log.read()[-2000:]}")
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, family.peak)


class _FamilyMemory(threading.Thread):
    """Samples the memory of a process and all its descendants."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._root = root
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(map(_proportional_bytes, _family(self._root))))

    def stop(self) -> None:
        self._stopping.set()
        self.join()


def _family(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
    members = [root]
    for member in members:
        members += [process for process, parent in parents.items() if parent == member]
    return members


def _proportional_bytes(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def commands(model: str, folder: Path) -> dict[str, list[str]]:
    """The two commands that are compared."""
    return {
        "recipe": [sys.executable, str(HERE / "plain_recipe.py"), model, str(folder)],
        "ours": [str(BIN / "ptmobile"), "convert", "--model", f"torchvision:{model}", "--device-check", "off"],
    }


def compare(model: str, runs: int) -> dict[str, list[Measured]]:
    """Warm up once, then run both in turn."""
    found: dict[str, list[Measured]] = {"recipe": [], "ours": []}
    for number in range(runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            for name, command in commands(model, Path(folder)).items():
                measured = measure(command, Path(folder))
                if number:
                    found[name].append(measured)
    return found


def main() -> None:
    """Measure and print a table of medians and of ratios pair by pair."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} processors, {arguments.runs} runs each in turn, medians; ratio = ours / recipe")
    print(f"{'model':<20}{'figure':<18}{'recipe':>10}{'ours':>10}{'ratio (min - max)':>24}")
    everything = {}
    for model in arguments.models:
        found = compare(model, arguments.runs)
        everything[model] = {name: [asdict(run) for run in measured] for name, measured in found.items()}
        for figure, unit in (("wall", 1.0), ("cpu", 1.0), ("largest_process", 1e6), ("family", 1e6)):
            recipe, ours = ([getattr(run, figure) / unit for run in found[name]] for name in ("recipe", "ours"))
            ratios = sorted(b / a for a, b in zip(recipe, ours, strict=True))
            label = f"{figure.replace('_', ' ')} {'s' if unit == 1.0 else 'MB'}"
            spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} - {ratios[-1]:.2f})"
            print(
                f"{model:<20}{label:<18}{statistics.median(recipe):>10.2f}{statistics.median(ours):>10.2f}{spread:>24}",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(everything, indent=2))


if __name__ == "__main__":
    main()
