"""What the benchmarks share: measuring a command with all its processes, and figures side by side."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SAMPLE_SECONDS = 0.02


@dataclass(frozen=True)
class Measured:
    """One run: seconds, and bytes."""

    wall: float
    cpu: float
    largest_process: int
    family: int


def measure(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end and measure it.

    Raises:
        RuntimeError: it failed; its output is in the message.
    """
    with (folder / "log").open("w+") as log:
        start = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=environment)
        watch = FamilyWatch(process.pid)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        watch.stop()
        if status:
            log.seek(0)
            raise RuntimeError(f"{command} failed:\n{log.read()[-2000:]}")
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, watch.peak)


class FamilyWatch(threading.Thread):
    """Samples what a process and all its descendants use.

    ``now`` and ``peak`` are bytes of memory, in which shared pages count once; ``cpu`` is seconds of processor time.
    """

    def __init__(self, root: int, seconds: float = SAMPLE_SECONDS) -> None:
        super().__init__(daemon=True)
        self.now = 0
        self.peak = 0
        self.cpu = 0.0
        self._root = root
        self._seconds = seconds
        self._stopping = threading.Event()

    def run(self) -> None:
        """Sample until stopped."""
        while not self._stopping.wait(self._seconds):
            members = family(self._root)
            self.now = sum(map(_proportional_bytes, members))
            self.peak = max(self.peak, self.now)
            self.cpu = max(self.cpu, sum(map(_processor_seconds, members)))

    def stop(self) -> None:
        """Sample no more."""
        self._stopping.set()
        self.join()


def family(root: int) -> list[int]:
    """A process and all its descendants, by their ids."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            status = _status(int(entry.name))
            if status:
                parents[int(entry.name)] = int(status[1])
    members = [root]
    for member in members:
        members += [process for process, parent in parents.items() if parent == member]
    return members


def _status(process: int) -> list[str]:
    """What the kernel says of a process, from its state on (see proc_pid_stat(5)); nothing if there is no such."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _processor_seconds(process: int) -> float:
    """Of a process and of those of its children that have ended and been waited for."""
    status = _status(process)
    return sum(map(int, status[11:15])) / os.sysconf("SC_CLK_TCK")


def _proportional_bytes(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def median_ratio(first: Sequence[float], second: Sequence[float]) -> str:
    """The ratios second / first, pair by pair: median, and the extremes in brackets."""
    ratios = sorted(b / a for a, b in zip(first, second, strict=True))
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} - {ratios[-1]:.2f})"
