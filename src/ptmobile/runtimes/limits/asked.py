"""What a library answered when it was asked: one data file for each release, written by `ptmobile runtimes probe`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec


class AskedLibrary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One release's answers.

    `line` is the line of PyTorch (`1.12`) whose desktop operators were asked for, `desktop` the exact version;
    `absent` are those that the library said it lacks, sorted. `also` are the lines whose other operators were asked
    for too, `beyond` those among them that it has. `page_bytes` is the alignment of its segments, `sha256` the hash of
    the published file.
    """

    artifact: str
    version: str
    sha256: str = ""
    abi: str
    how: str
    line: str
    desktop: str
    operators_asked: int
    also: tuple[str, ...] = ()
    bytecode_min: int
    bytecode_max: int
    archive_max: int
    page_bytes: int | None = None
    beyond: tuple[str, ...] = ()
    absent: tuple[str, ...]

    def lacks(self, operator: str) -> bool:
        """Whether the library said that it lacks an operator."""
        position = bisect_left(self.absent, operator)
        return position < len(self.absent) and self.absent[position] == operator


class _Folder(Protocol):
    """A folder on disk or in a package."""

    def iterdir(self) -> Iterable[_File]: ...


class _File(Protocol):
    @property
    def name(self) -> str: ...

    def read_bytes(self) -> bytes: ...


def file_name(library: AskedLibrary) -> str:
    """The name of a library's data file."""
    return f"{library.artifact.rpartition(':')[2]}-{library.version}.json"


def render(library: AskedLibrary) -> bytes:
    """A library's data file: one operator on each line, so that a change can be read."""
    return msgspec.json.format(msgspec.json.encode(library), indent=1) + b"\n"


def read_all(folder: _Folder | Path) -> dict[str, AskedLibrary]:
    """All data files of a folder, by `group:artifact:version`.

    Raises:
        ValueError: a file holds something else, or its operators are not sorted.
        OSError: the folder cannot be read.
    """
    found = {}
    for file in folder.iterdir():
        if file.name.startswith("pytorch_android") and file.name.endswith(".json"):
            try:
                library = msgspec.json.decode(file.read_bytes(), type=AskedLibrary)
            except msgspec.DecodeError as problem:
                raise ValueError(f"{file.name} is no answer of a library: {problem}") from None
            if list(library.absent) != sorted(library.absent):
                raise ValueError(f"{file.name}: the absent operators are not sorted")
            found[f"{library.artifact}:{library.version}"] = library
    return found
