"""What was answered about each module of the zoo: by the tables, and by the libraries. Plain data, kept in a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

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
    """The tables' verdict with its evidence."""

    loads: Literal["yes", "no", "unknown"]
    loads_by: str
    runs: Literal["no", "unknown"]
    runs_by: str | None = None


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


class Disagreement(NamedTuple):
    """Where the tables and a library contradict each other about a file."""

    about: Literal["loads", "runs"]
    abi: str
    tables: str
    library: Outcome


def disagreements(answered: Answered) -> list[Disagreement]:
    """All contradictions about a file; unknown contradicts nothing."""
    tables = answered.tables
    found = []
    for abi, library in answered.libraries.items():
        if library.outcome == "unmade":
            continue
        if tables.loads == ("no" if library.loads else "yes"):
            found.append(Disagreement("loads", abi, tables.loads, library.outcome))
        elif tables.runs == "no" and library.outcome in RAN:
            found.append(Disagreement("runs", abi, tables.runs, library.outcome))
    return found


def is_surprise(answered: Answered, library: FromLibrary) -> bool:
    """Whether a library did not get along with a file of which the tables did not say so."""
    if library.outcome in {"right", "unmade"}:
        return False
    return answered.tables.loads != "no" if not library.loads else answered.tables.runs == "unknown"


def contradictions(records: Records) -> Iterator[str]:
    """All disagreements, one sentence each."""
    for release, family, title, record in records.all():
        for kind, answered in (("", record.plain), (", lowered", record.lowered)):
            for found in disagreements(answered) if answered is not None else ():
                yield (
                    f"{release}, {family}: {title}{kind}: {found.about}: the tables say {found.tables}, "
                    f"the library for {found.abi} says {found.library}"
                )
