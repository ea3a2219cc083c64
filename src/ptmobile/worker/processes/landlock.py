"""Landlock: what the kernel lets a process take from itself, for good and for all that it will ever start.

Needs no privileges; the kernel must know it (its second version, 5.19 and later, unless it was left out) and the
container's seccomp profile must let the three system calls through (Docker's does). See landlock(7) for the numbers.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same numbers on all architectures
_GET_VERSION, _PATH_BENEATH = 1, 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_AND_MAKE: Final = sum(1 << bit for bit in range(4, 13))
_MAKE_DEVICES: Final = 1 << 6 | 1 << 11
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_SCOPES: Final = 1 << 0 | 1 << 1  # abstract sockets, signals
#: The versions of the interface that brought them.
_REFER_SINCE, _TRUNCATE_SINCE, _SCOPES_SINCE = 2, 3, 6
#: What a rule about a file, and not a folder, may grant.
_OF_FILES: Final = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE | _IOCTL_DEV


def version() -> int:
    """The version of Landlock here; 0 where there is none, or the first one, under which no file can be moved."""
    found = _call(_CREATE, None, 0, _GET_VERSION)
    return found if found >= _REFER_SINCE else 0


def has_scopes(abi: int) -> bool:
    """Whether signals out of a domain can be forbidden."""
    return abi >= _SCOPES_SINCE


class Ruleset:
    """What stays allowed. Everything is forbidden that is handled and not granted.

    ``reading`` says whether reading is handled, besides changing. Use as a context manager.

    Raises:
        OSError: the kernel has no Landlock, or too old a version.
    """

    def __init__(self, *, reading: bool = False) -> None:
        self._abi = version()
        # Moving a file to another folder is forbidden by every ruleset that does not handle and grant it.
        self._changes = _REFER | WRITE_FILE | _REMOVE_AND_MAKE | (_TRUNCATE if self._abi >= _TRUNCATE_SINCE else 0)
        if not self._abi:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        self._handled = self._changes | (READ_FILE if reading else 0)
        scopes = _SCOPES if has_scopes(self._abi) else 0
        attributes = struct.pack("=QQQ" if scopes else "=Q", self._handled, *([0, scopes] if scopes else []))
        self._descriptor = _checked(_CREATE, attributes, len(attributes), 0)

    def __enter__(self) -> Ruleset:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def allow_changes(self, paths: Iterable[Path]) -> None:
        """Let everything below these folders, or these files, be read and changed, device files aside."""
        self._allow(paths, self._handled & ~_MAKE_DEVICES)

    def allow_reading(self, paths: Iterable[Path]) -> None:
        """Let everything below these folders, or these files, be read."""
        self._allow(paths, self._handled & READ_FILE)

    def enforce(self) -> None:
        """Take the rest from this process and from all that it starts.

        Raises:
            OSError: the kernel does not do it; without ``no_new_privs`` it never does.
        """
        _checked(_RESTRICT, self._descriptor, 0)

    def _allow(self, paths: Iterable[Path], rights: int) -> None:
        for path in paths if rights else ():
            try:
                descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue  # what is not there, or cannot be reached, needs no rule
            try:
                folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
                granted = rights if folder else rights & _OF_FILES
                rule = struct.pack("=Qi", granted, descriptor)
                if granted:
                    _checked(_ADD_RULE, self._descriptor, _PATH_BENEATH, rule, 0)
            finally:
                os.close(descriptor)


def everything_but(hidden: Iterable[Path], root: Path = Path("/")) -> Iterator[Path]:
    """The fewest folders and files that hold all there is below ``root`` except what is hidden.

    Landlock can grant and not deny: so a folder with something hidden in it is replaced by what else it holds.
    Links are left out: what counts is where they lead.
    """
    inside = [path for path in hidden if path.is_relative_to(root)]
    if not inside:
        yield root
    elif root not in inside:
        try:
            entries = sorted(os.scandir(root), key=lambda entry: entry.name)
        except OSError:
            return
        for entry in entries:
            if not entry.is_symlink():
                yield from everything_but(inside, root / entry.name)


def _call(number: int, *arguments: object) -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(number, *arguments))


def _checked(number: int, *arguments: object) -> int:
    answer = _call(number, *arguments)
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return answer
