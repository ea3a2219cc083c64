"""Two variants beside each other, output by output, and which of the pairs proves the file."""

from __future__ import annotations

from typing import Literal

from ptmobile.result.base import Name, Record, Text


class Located(Record, frozen=True, kw_only=True):
    """The element with the largest violation: its index in the tensor and both values."""

    index: tuple[int, ...]
    expected: Name
    actual: Name


class Values(Record, frozen=True, kw_only=True):
    """How far the values of one output differ. Absolute numbers are in the output's own unit.

    ``mismatched``, ``total``, ``cosine`` and ``snr_db`` are over all trials; the rest is from the ``trial`` that says
    most against the candidate: one with a value beyond the tolerance, then the one with the largest part of its scale.
    ``required_atol`` is the smallest absolute tolerance that would pass at the applied ``rtol``; ``required_rtol`` the
    smallest relative one at the applied ``atol``. None stands for a number that is not finite, or that does not exist.
    """

    mismatched: int
    total: int
    max_abs: float | None
    max_rel: float | None
    rtol: float
    atol: float
    required_atol: float | None
    required_rtol: float | None
    scale: float | None
    cosine: float | None = None
    snr_db: float | None = None
    at: Located | None = None
    trial: int | None = None


#: ``rows``: what became of the rows of outputs that differ, such as the boxes of a detector; a cause, never a failure.
FindingKind = Literal["container", "shape", "dtype", "memory-format", "nan", "value", "rows", "error"]


class Finding(Record, frozen=True, kw_only=True):
    """One difference between two variants, at one output."""

    kind: FindingKind
    output: Name
    trial: int | None = None
    message: Text
    fails: bool = True


class OutputComparison(Record, frozen=True, kw_only=True):
    """One output (a leaf of the output tree, such as ``out['aux'][0]``) over all trials."""

    output: Name
    equal: bool
    passed: bool
    values: Values | None = None


class Comparison(Record, frozen=True, kw_only=True):
    """A candidate variant judged against a reference variant over all trials.

    ``decides``: the pair lies on the road of the shipped file, so that its failure is the model's failure.
    """

    reference: Name
    candidate: Name
    owed: Literal["exact", "close"]
    decides: bool
    passed: bool
    equal: bool
    trials: int
    outputs: tuple[OutputComparison, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def max_abs(self) -> float | None:
        """Largest absolute difference over all outputs; None where values were not compared."""
        known = [o.values.max_abs for o in self.outputs if o.values is not None]
        return max((value for value in known if value is not None), default=None)


class OutputProof(Record, frozen=True, kw_only=True):
    """How far one output of the file is from the reference, in the output's own unit, and what that is measured by.

    The numbers are those of :class:`Values`, of the ``trial`` that says most against the file; without ``rtol`` and
    ``atol`` no values were compared. ``own_error`` is the model's own rounding error there (see :class:`NoiseFloor`),
    and ``multiple`` how many times that ``max_abs`` is. None stands for what is not known or not finite.
    """

    output: Name
    equal: bool
    passed: bool
    trial: int | None = None
    max_abs: float | None = None
    max_rel: float | None = None
    rtol: float | None = None
    atol: float | None = None
    scale: float | None = None
    own_error: float | None = None
    multiple: float | None = None


class Proof(Record, frozen=True, kw_only=True):
    """Which of the comparisons is the proof of the main file, and what it says of each output."""

    reference: Name
    candidate: Name
    passed: bool
    outputs: tuple[OutputProof, ...] = ()
