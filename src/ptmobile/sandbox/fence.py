"""What workers may read and take: not the runner's own folders and credentials, and not the whole machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ptmobile.protocol import Fence, WorkerLimits

#: Where the runner keeps what is not for a model: its command files, the event, and its temporary folder, in which
#: actions/checkout leaves the token that it fetches with.
_FILES: Final = (
    *("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_STATE", "GITHUB_PATH", "GITHUB_EVENT_PATH"),
)
#: Where people and tools keep credentials in a home folder.
_CREDENTIALS: Final = (
    *(".ssh", ".gnupg", ".netrc", ".git-credentials", ".npmrc", ".pypirc", ".docker", ".kube", ".aws", ".azure"),
    *(".config/gh", ".config/git", ".config/gcloud", ".config/pip"),
)
#: Git's own folder holds the token of older versions of actions/checkout.
_GIT: Final = ".git"
_OURS: Final = ("PTMOBILE_CACHE", "PTMOBILE_DEVICE_KIT", "PTMOBILE_JRE", "PTMOBILE_RUNTIMES")

_PROCESSES: Final = 512
_FILE_BYTES: Final = 8 << 30
#: The memory that a container may take, in both versions of control groups.
_MEMORY_OF_GROUP: Final = tuple(Path("/sys/fs/cgroup", name) for name in ("memory.max", "memory/memory.limit_in_bytes"))
GIB: Final = 1 << 30


def fence_for(environment: Mapping[str, str], workspace: Path, base: Path, home: Path, *, separate: bool) -> Fence:
    """The fence around a worker. ``base`` is the folder of all workers, ``home`` their common home folder.

    In a job's container the whole home folder of the runner is hidden; elsewhere it may hold the very Python that
    runs the worker, so that only the usual places of credentials in it are.
    """
    hidden = [Path(environment[name]) for name in _FILES if environment.get(name)]
    hidden += [folder for file in hidden if not workspace.is_relative_to(folder := file.parent)]
    if (temporary := environment.get("RUNNER_TEMP")) and not workspace.is_relative_to(temporary):
        hidden.append(Path(temporary))
    hidden.append(workspace / _GIT)
    if own := environment.get("HOME"):
        hidden += [Path(own)] if separate and own == "/github/home" else [Path(own) / name for name in _CREDENTIALS]
    readable = [base, *(Path(environment[name]) for name in _OURS if environment.get(name))]
    return Fence(writable=(str(home),), hidden=_absolute(hidden), readable=_absolute(readable))


def limits_for(memory_gib: float | None, *, separate: bool) -> WorkerLimits:
    """What each process of a worker may take.

    The number of processes is limited where the workers' user is nobody else: the kernel counts by user.
    """
    memory = int(memory_gib * GIB) if memory_gib else _machine_memory() // 4 * 3
    return WorkerLimits(memory_bytes=memory, file_bytes=_FILE_BYTES, processes=_PROCESSES if separate else None)


def _machine_memory() -> int:
    """The memory of the machine, or of the container where that has less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in _MEMORY_OF_GROUP:
        with contextlib.suppress(OSError, ValueError):  # the other version, or "max"
            memory = min(memory, int(file.read_text(encoding="ascii")))
    return memory


def _absolute(paths: list[Path]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(path.absolute()) for path in paths))
