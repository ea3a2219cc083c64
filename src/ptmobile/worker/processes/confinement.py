"""What a worker takes from itself before any code of a model runs in it: limits, and rights on files and processes.

Two fences, one in the other: around a whole worker, whose supervisor runs no code of a model; and, inside, around each
process that does, and around each that runs a file. A process behind a fence can neither trace nor signal one before
it, or behind another, so that a model reaches neither its supervisor nor the host nor those who run its file, also
where all of them are the same user.
"""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
from pathlib import Path

from ptmobile.protocol import Fence, WorkerLimits
from ptmobile.worker.processes import landlock
from ptmobile.worker.processes.children import close_memory

# Where there is too little memory, the kernel ends a worker's processes first, the largest of them before others.
_OOM_SCORE = 800
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")


def confine_worker(fence: Fence | None, limits: WorkerLimits, scratch: Path) -> None:
    """Confine the process that supervises a model, with all that it will start. Nothing here is required to work."""
    _set_limits(limits)
    close_memory(closed=False)  # what is closed cannot set its own score
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE), encoding="ascii")
    close_memory()
    if fence is None:
        return
    with contextlib.suppress(OSError), landlock.Ruleset(reading=True) as rules:
        own = [scratch, *map(Path, fence.writable)]
        rules.allow_changes([*own, *map(Path, _DEVICES)])
        hidden = [Path(path).resolve() for path in fence.hidden]
        rules.allow_reading(landlock.everything_but(hidden))
        rules.allow_reading(map(Path, fence.readable))
        rules.enforce()


def confine_model(desk: Path) -> None:
    """Part a process that runs a model's code, or a file made of one, from the one that supervises it, and from others.

    It can write to its own desk only: neither to what its supervisor keeps nor to the desks of others.

    Raises:
        OSError: the kernel has Landlock and does not do it; then nothing of a model must run.
    """
    if not landlock.version():
        return
    with landlock.Ruleset() as rules:
        rules.allow_changes([desk, *map(Path, _DEVICES)])
        rules.enforce()


def sit_down(desk: Path) -> None:
    """Make a desk the current folder, and the home folder in it the place of temporary files."""
    os.chdir(desk)
    home = desk / "home"
    os.environ.update(HOME=str(home), TMPDIR=str(home), TORCH_HOME=str(home / "torch"))
    tempfile.tempdir = None  # it was chosen for the parent


def _set_limits(limits: WorkerLimits) -> None:
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NPROC: limits.processes,
        # Not the address space: libraries reserve much more of it than they ever use.
        resource.RLIMIT_DATA: limits.memory_bytes,
    }
    for kind, value in wanted.items():
        if value is not None:
            highest = resource.getrlimit(kind)[1]
            low = value if highest == resource.RLIM_INFINITY else min(value, highest)
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(kind, (low, low))
