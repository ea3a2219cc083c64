"""What the tables can say about a file and a runtime, and how each statement is known."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

#: How something is known, best first. `run`: seen when the release's own library ran a file; `asked`: the library was
#: asked by loading something; `desktop`: PyTorch's desktop build of the same number, or its sources; `inferred`: from
#: neighbouring releases, from strings in a sister library, from reports.
Evidence = Literal["run", "asked", "desktop", "inferred"]
EVIDENCE: Final[tuple[Evidence, ...]] = ("run", "asked", "desktop", "inferred")
Answer = Literal["yes", "no", "unknown"]
Subject = Literal["bytecode", "archive", "debug-records", "types", "operators", "arguments", "kernels"]


def weakest(*evidence: Evidence) -> Evidence:
    """The kind that a conclusion from several facts has."""
    return max(evidence, key=EVIDENCE.index)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One reason against loading or running; `no` or at least doubt.

    `operators` are those it is about, sorted. `advice` is what would help, empty if nothing does.
    """

    subject: Subject
    stage: Literal["load", "run"]
    answer: Literal["no", "unknown"]
    evidence: Evidence
    text: str
    operators: tuple[str, ...] = ()
    advice: str = ""


class TableVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a release loads and runs a file, by tables alone.

    `runs` is never yes: that only running shows. The evidence of `runs` is None as long as it is unknown.
    """

    release: str
    loads: Answer
    loads_evidence: Evidence
    runs: Literal["no", "unknown"]
    runs_evidence: Evidence | None
    findings: tuple[Finding, ...]

    def reasons(self, stage: Literal["load", "run"]) -> tuple[str, ...]:
        """The texts that concern a stage."""
        return tuple(finding.text for finding in self.findings if finding.stage == stage)


class Presence(msgspec.Struct, frozen=True):
    """Whether a runtime has an operator, and how many arguments it takes there (None: not known)."""

    answer: Answer
    evidence: Evidence
    arguments: int | None = None


class Boundary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What crosses between Java and the library: data types of tensors, and kinds of values."""

    dtypes: tuple[str, ...]
    values: tuple[str, ...]
    evidence: Evidence = "inferred"


class PageSize(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The alignment of a release's shared libraries: they load on devices with pages of at most this size."""

    size_bytes: int
    evidence: Evidence
