"""Processes as the kernel shows them, for tests of what a run leaves behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")
PATIENCE_SECONDS = 60.0


def read(path: Path) -> bytes:
    """A file of a process; nothing once that has ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def children(process: int) -> list[int]:
    """The children of a process, of each of its threads the oldest first; none if it has ended."""
    try:
        threads = sorted((PROC / f"{process}/task").iterdir(), key=lambda thread: int(thread.name))
    except OSError:
        return []
    return [int(child) for thread in threads for child in read(thread / "children").split()]


def descendants(process: int) -> list[int]:
    """All that descend from a process."""
    found = children(process)
    return [*found, *(further for child in found for further in descendants(child))]


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    state = read(PROC / f"{process}/stat").rpartition(b")")[2].split()[:1]
    return bool(state) and state != [b"Z"]


def until(known: Callable[[], object], what: Callable[[], str]) -> None:
    """Wait until something holds; fail after a minute, and say what it was."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not known():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)
