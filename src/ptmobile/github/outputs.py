"""A step's outputs: the file named by GITHUB_OUTPUT.

Every entry has the heredoc form with a random delimiter and is appended by one write, so that no value can end its
entry or begin another. The runner and `act` do not read the same values from such a file, therefore values are
normalised to what both give back unchanged (`normalise`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = str | int | float | None
"""What an output may be; booleans become `true` and `false`, None becomes empty."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


def normalise(value: Value) -> str:
    """Return an output's value as the steps after us will see it, on the runner and on act.

    Line ends become `\\n` (act drops a carriage return before one, the runner keeps it), newlines at the start are
    dropped (act loses them), and what cannot be encoded becomes U+FFFD. All else stays, newlines at the end too.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value).replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")
    # Lone surrogates stand for bytes of a file name that are no UTF-8.
    return text if text.isascii() else "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def entry(name: str, value: Value, delimiter: str) -> str:
    """Return one entry of the file.

    Raises ValueError for a name that workflows cannot refer to, and for a name or value that contains the delimiter.
    """
    if not _NAME.match(name):
        raise ValueError(f"not an output's name: {name!r}")
    text = normalise(value)
    if delimiter in name or delimiter in text:
        raise ValueError(f"output {name} contains its delimiter")
    return f"{name}<<{delimiter}\n{text}\n{delimiter}\n"


def random_delimiter() -> str:
    """Return a delimiter that whoever chose the value cannot know."""
    return f"ghadelimiter_{os.urandom(16).hex()}"


class OutputFile:
    """Writes a step's outputs; without a file (run by hand, or mounted nowhere) it writes nothing and says so."""

    def __init__(self, path: Path | None, *, delimiter: Callable[[], str] = random_delimiter) -> None:
        self._path = path
        self._delimiter = delimiter

    def write(self, name: str, value: Value) -> bool:
        """Append one output; tell whether it was written."""
        return self.write_all({name: value})

    def write_all(self, outputs: Mapping[str, Value]) -> bool:
        """Append outputs, each by a write of its own, and tell whether all were written; none if one is refused."""
        entries = [entry(name, value, self._delimiter()) for name, value in outputs.items()]
        if self._path is None:
            return False
        written = [append_in_place(self._path, text) for text in entries]
        return all(written)


def append_in_place(path: Path, text: str) -> bool:
    """Append text to an existing file by one write, or leave it as it was and return False.

    The file is never created, replaced or given another mode: the runner, as another user, reads the one it made. It is
    given a final newline first if whoever wrote before us left it without.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _append(descriptor, text.encode("utf-8", "replace"))
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _append(descriptor: int, data: bytes) -> bool:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        data = b"\n" + data
    if os.write(descriptor, data) == len(data):
        return True
    # A full disk took a part: half an entry would make the runner fail the step.
    os.ftruncate(descriptor, size)
    return False
