"""What was answered about each module of the zoo: by the tables, and by the libraries. Plain data, kept in a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec

FILE: Final = Path(__file__).with_name("answers.json")

#: Best first. `kept`: it ran, and Java's API has no form for the output. `refused` is not to load.
Outcome = Literal["right", "wrong", "kept", "fails", "crashes", "refused", "unmade"]
RAN: Final = frozenset({"right", "wrong", "kept"})


class FromLibrary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a library made of a file; `words` are its own, shortened, unless it was right."""

    outcome: Outcome
    words: str = ""

    @property
    def loads(self) -> bool:
        """Whether the file was loaded."""
        return self.outcome not in {"refused", "unmade"}


class FromTables(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tables' verdict with its evidence, and its reasons."""

    loads: Literal["yes", "no", "unknown"]
    loads_by: str
    runs: Literal["no", "unknown"]
    runs_by: str | None = None
    reasons: tuple[str, ...] = ()


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file: the tables, and the libraries by ABI."""

    tables: FromTables
    libraries: dict[str, FromLibrary]


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One module on one release: as it is, and lowered where lowering changes anything."""

    plain: Answered
    changes: tuple[str, ...] = ()
    lowered: Answered | None = None

    @property
    def shipped(self) -> Answered:
        """What a user gets: lowered where that is possible."""
        return self.lowered or self.plain


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was answered: by release, family and title of a module."""

    torch: str
    releases: dict[str, dict[str, dict[str, Record]]]

    def all(self) -> Iterator[tuple[str, str, str, Record]]:
        """Release, family, title, record."""
        for release, families in self.releases.items():
            for family, records in families.items():
                for title, record in records.items():
                    yield release, family, title, record


def read(path: Path = FILE) -> Records:
    """The recorded answers."""
    return msgspec.json.decode(path.read_bytes(), type=Records)


def render(records: Records) -> str:
    """The file's content: one module on each line, so that a change can be read."""
    blocks = []
    for release, families in records.releases.items():
        parts = [f"  {_text(family)}: {{\n{_lines(entries)}\n  }}" for family, entries in families.items()]
        blocks.append(f" {_text(release)}: {{\n" + ",\n".join(parts) + "\n }")
    return f'{{"torch": {_text(records.torch)},\n"releases": {{\n' + ",\n".join(blocks) + "\n}}\n"


def _lines(entries: Mapping[str, Record]) -> str:
    return ",\n".join(f"   {_text(title)}: {_text(record)}" for title, record in entries.items())


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def disagreements(release: str, answered: Answered) -> list[str]:
    """Where tables and libraries contradict each other about a file on a release, in words."""
    tables = answered.tables
    found = []
    for abi, library in answered.libraries.items():
        if library.outcome == "unmade":
            continue
        if (tables.loads == "yes" and not library.loads) or (tables.loads == "no" and library.loads):
            found.append(f"{release} {abi}: loads: the tables say {tables.loads}, the library {library.outcome}")
        elif tables.loads != "no" and tables.runs == "no" and library.outcome in RAN:
            found.append(f"{release} {abi}: runs: the tables say no, the library {library.outcome}")
    return found
