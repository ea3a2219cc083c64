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
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from _common import BIN, Measured, measure, median_ratio

MODELS = ("squeezenet1_1", "mobilenet_v2", "resnet50")
HERE = Path(__file__).resolve().parent


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
            label = f"{figure.replace('_', ' ')} {'s' if unit == 1.0 else 'MB'}"
            print(
                f"{model:<20}{label:<18}{statistics.median(recipe):>10.2f}{statistics.median(ours):>10.2f}"
                f"{median_ratio(recipe, ours):>24}",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(everything, indent=2))


if __name__ == "__main__":
    main()
