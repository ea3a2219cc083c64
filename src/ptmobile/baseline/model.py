"""What is compared of an earlier run, and how a run differs from it: plain data, a part of ``report.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec


class FileMeasures(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared of one file.

    ``max_abs`` is the largest difference from the eager model, ``relative`` the same as a part of the output's largest
    value; ``latency_ratio`` the file's latency as a multiple of the eager model's. None where one is not finite or was
    not measured (as for other editions).
    """

    size_bytes: int
    sha256: str
    bytecode_version: int
    operators: tuple[str, ...] = ()
    max_abs: float | None = None
    relative: float | None = None
    latency_ratio: float | None = None


class FileDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a model against that of the baseline. ``edition`` is empty for the main file."""

    edition: str = ""
    before: FileMeasures
    now: FileMeasures

    @property
    def same_bytes(self) -> bool:
        """Whether the file is the baseline's, bit by bit."""
        return self.before.sha256 == self.now.sha256

    @property
    def growth_bytes(self) -> int:
        """How much larger the file is; negative if it is smaller."""
        return self.now.size_bytes - self.before.size_bytes

    @property
    def operators_added(self) -> tuple[str, ...]:
        """Operators that the baseline's file did not need."""
        return tuple(sorted(set(self.now.operators) - set(self.before.operators)))

    @property
    def operators_removed(self) -> tuple[str, ...]:
        """Operators that only the baseline's file needed."""
        return tuple(sorted(set(self.before.operators) - set(self.now.operators)))


class BaselineSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where the baseline is from. ``problem`` says why there is none, with ``advice``; then the rest is empty.

    ``run_url`` is the page of the run whose artifact it is from, empty for a file of the workspace; ``gone`` are models
    that it has and this run has not.
    """

    given: str
    created: str = ""
    repository: str = ""
    sha: str = ""
    run_url: str = ""
    problem: str = ""
    advice: str = ""
    gone: tuple[str, ...] = ()


@dataclass(frozen=True)
class BaselineModel:
    """A model in an earlier report. ``files`` are those that verified, by edition; ``seconds`` is its whole time."""

    seconds: float = 0.0
    files: Mapping[str, FileMeasures] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """An earlier report that was asked for, or why it cannot be had."""

    source: BaselineSource
    models: Mapping[str, BaselineModel] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether there is something to compare with."""
        return not self.source.problem
