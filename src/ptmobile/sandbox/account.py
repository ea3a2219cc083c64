"""Which user a worker runs as, and what it finds in its environment: nothing that it does not need."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

# Kernels of ATen, oneDNN and OpenBLAS that x86-64 runners have in common. AVX-512, which some have, adds numbers up in
# another order: the golden outputs in a file would be others from run to run.
_KERNELS = {"ATEN_CPU_CAPABILITY": "avx2", "DNNL_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell"}
_NEEDED = {"avx2", "fma"}
# The image has this user; elsewhere a worker runs as whoever started the program, and the report says so.
WORKER_USER = "ptmobile-worker"


@dataclass(frozen=True)
class Account:
    """The user and group of workers; None where they stay those of the host side."""

    uid: int | None = None
    gid: int | None = None

    @property
    def separate(self) -> bool:
        """Whether workers run as a user of their own."""
        return self.uid is not None

    def give(self, path: Path) -> None:
        """Make a file or folder the worker's own."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def worker_account() -> Account:
    """The account for workers: the image's own user if we may switch to it."""
    if os.geteuid() != 0:
        return Account()
    try:
        entry = pwd.getpwnam(WORKER_USER)
    except KeyError:
        return Account()
    return Account(entry.pw_uid, entry.pw_gid)


def worker_environment(home: Path) -> dict[str, str]:
    """The whole environment of a worker, built from nothing.

    The hash seed is fixed because TorchScript writes some of its attributes in the order of a set: with it, the same
    model gives the same bytes. So it does where processors differ, with the same kernels on all of them.
    """
    return {
        **(_KERNELS if _processor_flags() >= _NEEDED else {}),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "TORCH_HOME": str(home / "torch"),
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _processor_flags(described: Path = Path("/proc/cpuinfo")) -> set[str]:
    """What an x86-64 processor can do, in the kernel's words; nothing of others."""
    try:
        lines = described.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return set(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())
