"""All comparisons in numbers: a group for each pair, a row for each output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ptmobile.report.numbers import NO_BREAK, short
from ptmobile.report.page.heat import status_of
from ptmobile.result import Comparison, OutputComparison, Values
from ptmobile.visible import shorten

_MAX_OUTPUTS = 25
_NAME = 120


@dataclass(frozen=True)
class OutputRow:
    """One output of a pair. Differences are in the output's own unit, ``of_scale`` a part of its largest value."""

    status: str
    name: str
    result: str
    max_abs: str = ""
    of_scale: str = ""
    max_rel: str = ""
    snr: str = ""
    tolerance: str = ""
    needed_atol: str = ""
    needed_rtol: str = ""
    at: str = ""


@dataclass(frozen=True)
class PairGroup:
    """One pair; ``more`` outputs are left out."""

    status: str
    reference: str
    candidate: str
    owed: str
    decides: bool
    trials: int
    rows: tuple[OutputRow, ...]
    more: int


def pair_groups(comparisons: Sequence[Comparison]) -> tuple[PairGroup, ...]:
    """The groups in the order in which they were compared; equal outputs are one row."""
    return tuple(map(_group, comparisons))


def _group(comparison: Comparison) -> PairGroup:
    status = status_of(comparison)
    differing = [output for output in comparison.outputs if not output.equal]
    rows = [_row(output, comparison) for output in differing[:_MAX_OUTPUTS]]
    equal = [output.output for output in comparison.outputs if output.equal]
    if equal or not rows:
        name = _names(equal) if differing else "all outputs" if len(equal) > 1 else _names(equal)
        same = "equal bits" if comparison.passed or equal else "differs in structure"
        rows.append(OutputRow("passed" if equal else status, name, same))
    return PairGroup(
        status=status,
        reference=comparison.reference,
        candidate=comparison.candidate,
        owed="equal bits" if comparison.owed == "exact" else "the tolerance",
        decides=comparison.decides,
        trials=comparison.trials,
        rows=tuple(rows),
        more=max(len(differing) - _MAX_OUTPUTS, 0),
    )


def _names(names: Sequence[str]) -> str:
    return shorten(", ".join(names), _NAME)


def _row(output: OutputComparison, comparison: Comparison) -> OutputRow:
    status = "passed" if output.passed else "failed" if comparison.decides else "aside"
    name = shorten(output.output, _NAME)
    values = output.values
    if values is None:
        return OutputRow(status, name, "differs in structure")
    part = values.max_abs / values.scale if values.max_abs is not None and values.scale else None
    return OutputRow(
        status,
        name,
        "within the tolerance" if output.passed else f"{values.mismatched:,} of {values.total:,} values differ",
        short(values.max_abs),
        short(part),
        short(values.max_rel),
        f"{values.snr_db:.0f}{NO_BREAK}dB" if values.snr_db is not None else "-",
        "none" if comparison.owed == "exact" else f"{short(values.atol)} + {short(values.rtol)}·|e|",
        _needed(values.required_atol),
        _needed(values.required_rtol),
        _at(values),
    )


def _needed(value: float | None) -> str:
    return short(max(value, 0.0)) if value is not None else "-"


def _at(values: Values) -> str:
    if values.at is None:
        return ""
    where = f"input {values.trial}, " if values.trial is not None else ""
    return shorten(f"{where}{list(values.at.index)}: {values.at.actual}, expected {values.at.expected}", _NAME)
