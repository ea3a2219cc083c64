"""The packaged tables, loaded once, and what they say about one operator on one release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec

from ptmobile.runtimes.limits.asked import AskedLibrary, read_all
from ptmobile.runtimes.limits.model import Boundary, Evidence, PageSize, Presence
from ptmobile.runtimes.limits.schemas import unpack
from ptmobile.runtimes.releases import Release

#: Releases whose operators are those of another line than their number says.
_BUILT_FROM: Final = {"1.12": "1.11"}
_EVIDENCE: Final[dict[str, Evidence]] = {"measured": "asked", "documented": "desktop", "unsure": "inferred"}


class Kernel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Operators that are registered everywhere, but fail where a library is not built in.

    Names are without namespace and overload; `run` are those that were seen to fail. `absent` and `works` are versions.
    """

    name: str
    message: str
    operators: frozenset[str]
    run: frozenset[str]
    absent: dict[str, Evidence]
    works: frozenset[str] = frozenset()


class Remark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that was seen when operators ran on some releases.

    They are named in full, or without namespace and overload, which means all overloads.
    """

    versions: frozenset[str]
    operators: frozenset[str]
    text: str
    advice: str = ""


class Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of types, as in a file, that releases refuse: those that `pattern` fits, a regular expression.

    `refused` are versions, with how it is known.
    """

    pattern: str
    refused: dict[str, Evidence]
    text: str
    advice: str


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Facts that are no tables of operators; versions are those of `pytorch_android_lite`, lines are of PyTorch."""

    origin: tuple[str, ...]
    archive_versions: dict[str, int]
    kernels: tuple[Kernel, ...]
    remarks: tuple[Remark, ...]
    mismatches: dict[str, frozenset[str]]
    debug_records: dict[str, Evidence]
    names: tuple[Names, ...]
    boundary: Boundary
    boundary_run: frozenset[str]
    page_sizes: dict[str, PageSize]


@dataclass(frozen=True)
class Limits:
    """The version numbers that a release reads, inclusive."""

    bytecode_min: int
    bytecode_max: int
    archive_max: int
    evidence: Evidence


@dataclass(frozen=True)
class Tables:
    """Everything that is known: operators of desktop builds by line, answers of libraries by `artifact:version`."""

    schemas: Mapping[str, tuple[str, Mapping[str, int]]]
    asked: Mapping[str, AskedLibrary]
    facts: Facts

    def line_of(self, release: Release) -> str:
        """The line of PyTorch that a release was built from."""
        if release.version in _BUILT_FROM:
            return _BUILT_FROM[release.version]
        return f"{release.line[0]}.{release.line[1]}"

    def answers_of(self, release: Release) -> AskedLibrary | None:
        """What the release's library answered, if it was asked."""
        return self.asked.get(f"{release.artifact}:{release.version}")

    def limits_of(self, release: Release) -> Limits:
        """Which version numbers a release reads."""
        answers = self.answers_of(release)
        if answers is not None:
            return Limits(answers.bytecode_min, answers.bytecode_max, answers.archive_max, "asked")
        evidence = _EVIDENCE[release.evidence]
        return Limits(release.bytecode_min, release.bytecode_max, release.archive_max, evidence)

    def arguments(self, line: str, operator: str) -> int | None:
        """How many arguments an operator takes in a line of PyTorch; None if it, or the line, is not known."""
        build = self.schemas.get(line)
        return None if build is None else build[1].get(operator)

    def presence(self, operator: str, release: Release) -> Presence:
        """Whether a release has an operator."""
        line = self.line_of(release)
        arguments = self.arguments(line, operator)
        answers = self.answers_of(release)
        if answers is not None:
            if answers.lacks(operator):
                return Presence("no", "asked")
            if operator in answers.beyond or self.arguments(answers.line, operator) is not None:
                return Presence("yes", "asked", arguments)
            if any(self.arguments(other, operator) is not None for other in answers.also):
                return Presence("no", "asked")
        if line not in self.schemas:
            return Presence("unknown", "inferred")
        if arguments is None:
            return Presence("no", "desktop")
        return self._from_neighbours(operator, release, arguments)

    def _from_neighbours(self, operator: str, release: Release, arguments: int) -> Presence:
        """For a library that nobody asked: those around it tell what is on desktops only."""
        if release.platform != "android":
            doubtful = any(answers.lacks(operator) for answers in self.asked.values())
            return Presence("unknown" if doubtful else "yes", "inferred", arguments)
        older = [one for one in self._asked_in_order if _numbers(one) < release.numbers]
        newer = [one for one in self._asked_in_order if _numbers(one) > release.numbers]
        around = [*older[-1:], *newer[:1]]
        lacking = [one for one in around if one.lacks(operator)]
        if older and newer and len(lacking) == 2:
            return Presence("no", "inferred", arguments)
        if lacking or operator.partition("::")[0] in self._desktop_only:
            return Presence("unknown", "inferred", arguments)
        return Presence("yes", "desktop", arguments)

    @cached_property
    def _asked_in_order(self) -> list[AskedLibrary]:
        return sorted(self.asked.values(), key=_numbers)

    @cached_property
    def _desktop_only(self) -> frozenset[str]:
        """Namespaces of which no library that was asked has any operator."""
        namespaces: set[str] = set()
        present: set[str] = set()
        for _, schemas in self.schemas.values():
            namespaces |= {name.partition("::")[0] for name in schemas}
        for answers in self.asked.values():
            known = self.schemas.get(answers.line, ("", {}))[1]
            present |= {name.partition("::")[0] for name in known if not answers.lacks(name)}
        return frozenset(namespaces - present)

    def boundary_of(self, release: Release) -> Boundary:
        """What Java can hand over and receive; the same for all releases, as far as is known."""
        run = release.platform == "android" and release.version in self.facts.boundary_run
        return msgspec.structs.replace(self.facts.boundary, evidence="run") if run else self.facts.boundary

    def page_size_of(self, release: Release) -> PageSize | None:
        """The alignment of the release's libraries; None for iOS, where it does not matter."""
        if release.platform != "android":
            return None
        answers = self.answers_of(release)
        if answers is not None and answers.page_bytes is not None:
            return PageSize(answers.page_bytes, "asked")
        return self.facts.page_sizes.get(release.version)


def _numbers(answers: AskedLibrary) -> tuple[int, ...]:
    return tuple(map(int, answers.version.split(".")))


@lru_cache(maxsize=4)
def load_tables(probed: Path | None = None) -> Tables:
    """The packaged tables, and the answers in a folder of the user's own, which take precedence.

    Raises:
        ValueError: a data file in `probed` holds something else.
        OSError: the folder cannot be read.
    """
    data = resources.files("ptmobile.runtimes.limits").joinpath("data")
    asked = read_all(data)
    if probed is not None:
        asked |= read_all(probed)
    return Tables(
        schemas=unpack(data.joinpath("operators.json.gz").read_bytes()),
        asked=asked,
        facts=msgspec.json.decode(data.joinpath("facts.json").read_bytes(), type=Facts),
    )
