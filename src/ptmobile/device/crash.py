"""How a process that ran a library came to its end, in the words of the system and of the Java VM."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_READ_BYTES: Final = 1 << 16
_LAST_LINES: Final = 12
_SIGNAL: Final = re.compile(r"^#\s+(SIG[A-Z0-9]+) \(0x", re.MULTILINE)
_NO_MEMORY: Final = re.compile(r"^# There is insufficient memory for the Java Runtime Environment", re.MULTILINE)
_FRAME: Final = re.compile(r"^# Problematic frame:\n# *(.{1,300})$", re.MULTILINE)
# The VM's announcement of its report, and what the library logs as a warning or as less than that.
_NOISE: Final = re.compile(r"#|[VDIW]/")


@dataclass(frozen=True)
class Crash:
    """The end of a process in the middle of a step.

    ``how`` completes "the process ..."; ``frame`` is where it happened, if the VM knew; ``words`` are the last lines
    of standard error. ``memory``: this machine has too little of it, which says nothing about the file.
    """

    step: str
    how: str
    timeout: bool = False
    frame: str = ""
    words: str = ""
    memory: bool = False


def crash_of(step: str, status: int, folder: Path, error_file: Path, output: Path) -> Crash:
    """Describe an end by its exit status (as of ``subprocess``) and what the process left; removes the VM's report."""
    report = _read(error_file, first=True)
    error_file.unlink(missing_ok=True)
    for core in folder.glob("*.core"):  # written by qemu, whatever the limits of the process it emulates
        core.unlink(missing_ok=True)
    named, frame = _SIGNAL.search(report), _FRAME.search(report)
    # After a fault the VM writes its report and aborts: its own word for the signal is the right one.
    how = f"was ended by {named[1]}" if named else how_ended(status)
    memory = status == -signal.SIGKILL or bool(_NO_MEMORY.search(report))
    return Crash(step, how, frame=frame[1].strip() if frame else "", words=last_words(output), memory=memory)


def how_ended(status: int) -> str:
    """An exit status (as of ``subprocess``) in words."""
    if status >= 0:
        return f"ended by itself with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = " (the usual sign of too little memory)" if -status == signal.SIGKILL else ""
    return f"was ended by {name}{hint}"


def last_words(output: Path) -> str:
    """The last lines of what a process wrote to its standard error, without chatter."""
    lines = [line.strip() for line in _read(output, first=False).splitlines()]
    return "\n".join([line for line in lines if line and not _NOISE.match(line)][-_LAST_LINES:])


def _read(path: Path, *, first: bool) -> str:
    """The beginning or the end of a file, whatever it holds; nothing if it is no file that can be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as stream:
        size = os.fstat(descriptor).st_size
        if not first and size > _READ_BYTES:
            stream.seek(size - _READ_BYTES)
        try:
            data = stream.read(_READ_BYTES)
        except OSError:
            return ""
    text = data.decode("utf-8", "replace")
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)
