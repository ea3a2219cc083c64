"""Whether there is memory for a second, twice as wide copy of a model."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

import torch

from ptmobile.worker.evidence.noise.widening import WIDER, NoFloorError

#: The part of what is free that may be taken: other models and the roads need theirs.
_SHARE = 0.5
_CGROUP = Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60


def peak_bytes() -> int:
    """The most that this process has had in memory so far; 0 if it cannot be read."""
    return _of_status("VmHWM")


def current_bytes() -> int:
    """What this process has in memory now; 0 if it cannot be read."""
    return _of_status("VmRSS")


def refuse_large(module: torch.nn.Module, values_bytes: int) -> None:
    """See that there is room, and let nothing take more than that from now on.

    ``values_bytes``: what running the model took besides its weights, in float32.

    Raises:
        NoFloorError: it would take more than half of the memory that is free.
    """
    weights = sum(t.numel() * t.element_size() for t in (*module.parameters(), *module.buffers()) if t.dtype in WIDER)
    needed, free = 2 * (weights + values_bytes), free_bytes()
    if needed > _SHARE * free:
        raise NoFloorError(
            f"In float64 it would take about {needed / 1e9:.1f} GB, more than half of the {free / 1e9:.1f} GB of "
            "memory that is free."
        )
    _limit(free)


def free_bytes() -> int:
    """What can still be taken: of the machine's memory, or of what this container has been given."""
    return min(_free_on_machine(), _free_in_container())


def _limit(more: int) -> None:
    """Fail rather than take the machine down: an allocation beyond this is an error that can be told."""
    with contextlib.suppress(OSError, ValueError):
        size = _of_status("VmSize")
        resource.setrlimit(resource.RLIMIT_AS, (size + more, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with contextlib.suppress(OSError):  # where memory runs out all the same, this process is the one to go
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _of_status(field: str) -> int:
    for line in _lines(Path("/proc/self/status")):
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


def _free_on_machine() -> int:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return _UNLIMITED


def _free_in_container() -> int:
    """By the limit of the second version of control groups; files can be dropped from what is taken."""
    limit, taken = (next(iter(_lines(_CGROUP / name)), "") for name in ("memory.max", "memory.current"))
    if not (limit.isdigit() and taken.isdigit()):
        return _UNLIMITED
    files = next((int(line.split()[1]) for line in _lines(_CGROUP / "memory.stat") if line.startswith("file ")), 0)
    return max(int(limit) - int(taken) + files, 0)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
