"""Which user a worker runs as, and what it finds in its environment: nothing that it does not need."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

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
    model gives the same bytes.
    """
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "TORCH_HOME": str(home / "torch"),
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
