"""What fetching gives: files with their hashes, or the reason why there are none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from ptmobile.errors import ExitCode, PtmobileError

#: Where a file was found: baked into the image, in the cache, downloaded just now, or given by the user.
Origin = Literal["baked", "cache", "download", "given"]
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class TamperedError(PtmobileError):
    """A published file is not the one that was published."""

    code = ExitCode.RUNTIME_INCOMPATIBLE


@dataclass(frozen=True, slots=True)
class Coordinates:
    """The name of a file in a Maven repository."""

    group: str
    name: str
    version: str
    extension: str = "jar"

    def __post_init__(self) -> None:
        # They become a path; a version comes from somebody's build file.
        parts = (self.group, self.name, self.version, self.extension)
        # Words in a version's place (RELEASE, LATEST) would be looked up, and mean something else tomorrow.
        if not all(map(_PART.fullmatch, parts)) or not self.version[0].isdigit():
            raise ValueError(f"{self} are no coordinates of a published file")

    @classmethod
    def parse(cls, text: str) -> Coordinates:
        """Read `group:name:version@extension`, the form of `str()`.

        Raises:
            ValueError: the text has another form.
        """
        group, name, rest = text.split(":")
        version, _, extension = rest.partition("@")
        return cls(group, name, version, extension or "jar")

    def __str__(self) -> str:
        """As Gradle writes them."""
        return f"{self.group}:{self.name}:{self.version}@{self.extension}"

    @property
    def path(self) -> str:
        """Relative path in a repository."""
        file = f"{self.name}-{self.version}.{self.extension}"
        return f"{self.group.replace('.', '/')}/{self.name}/{self.version}/{file}"


class KeptCopy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept in the place of a published file of which only a part is used."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """One file of a runtime. `known`: its hash is recorded as that of a published file.

    `sha256` and `size_bytes` are those of the file as it was published (0: not told); `kept` is about the file at
    `path`, where that is less.
    """

    name: str
    path: Path
    sha256: str
    origin: Origin
    known: bool
    size_bytes: int = 0
    kept: KeptCopy | None = None


@dataclass(frozen=True, slots=True)
class RuntimeLibrary:
    """A runtime ready to be prepared: the AAR and the Java libraries it needs; `notices` are for the report."""

    version: str
    aar: LibraryFile
    jars: tuple[LibraryFile, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotAvailable:
    """Why there is no library to run; `advice` says what would help."""

    reason: str
    advice: str = ""
