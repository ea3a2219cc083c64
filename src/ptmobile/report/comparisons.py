"""The comparisons of a model as they are shown: a square of all variants, the numbers, and what stood out."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ptmobile.report.numbers import NO_BREAK as _SPACE
from ptmobile.report.numbers import short
from ptmobile.result import Comparison, Finding, OutputComparison, Values
from ptmobile.visible import shorten

PASSED, FAILED, ASIDE, NOTE = "✅", "❌", "⚪", "💬"
# As many as there can be: two roads of six variants each beside the eager model.
_MAX_VARIANTS = 13
_TEXT = 500


@dataclass(frozen=True)
class Square:
    """References down, candidates across; each cell says in a word how the candidate compares."""

    candidates: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    has_asides: bool


@dataclass(frozen=True)
class PairRow:
    """One comparison in numbers, those of its worst output."""

    mark: str
    pair: str
    outcome: str
    max_abs: str = ""
    of_scale: str = ""
    snr: str = ""
    tolerance: str = ""
    needed: str = ""


@dataclass(frozen=True)
class FindingRow:
    """A difference, and the pairs that show it."""

    mark: str
    text: str
    pairs: tuple[str, ...]


def square_of(comparisons: Sequence[Comparison], proof: Comparison | None = None) -> Square | None:
    """All pairs of the main file at a glance, and of what was asked for where that is another; None if there are none.

    ``proof`` is the main file's own comparison with the model.
    """
    attempt = _ATTEMPT.search(proof.candidate) if proof else None
    name = re.compile(_MAIN.format(attempt=f"({re.escape(attempt[0])})?" if attempt else ""))
    main = [c for c in comparisons if name.fullmatch(c.reference) and name.fullmatch(c.candidate)]
    cells = {(c.reference, c.candidate): _cell(c) for c in main}
    references, candidates = axes(cells, _MAX_VARIANTS)
    if not candidates:
        return None
    rows = tuple((row, tuple(cells.get((row, column), "") for column in candidates)) for row in references)
    return Square(candidates, rows, any(_mark(c) == ASIDE for c in comparisons))


def axes(pairs: Collection[tuple[str, str]], most: int) -> tuple[list[str], tuple[str, ...]]:
    """The references and the candidates of pairs, in the order in which they come, of the first ``most`` names."""
    names = list(dict.fromkeys(name for pair in pairs for name in pair))[:most]
    references = [name for name in names if any(pair[0] == name for pair in pairs)]
    return references, tuple(name for name in names if any(pair[1] == name for pair in pairs))


#: Variants of the main file on this machine; there may be many others.
_MAIN = r"eager|traced|scripted|[a-z]+{attempt} \((trace|script)\)"
_ATTEMPT = re.compile(r" attempt \d+")


def pair_row(comparison: Comparison) -> PairRow:
    """One comparison in numbers."""
    mark, pair = _mark(comparison), _pair(comparison)
    if comparison.equal:
        return PairRow(mark, pair, "equal bits")
    worst = max(comparison.outputs, key=_badness, default=None)
    if worst is None or worst.values is None:
        return PairRow(mark, pair, "differs in structure")
    values = worst.values
    return PairRow(
        mark,
        f"{pair}: {worst.output}" if len(comparison.outputs) > 1 else pair,
        _outcome(comparison, values),
        short(values.max_abs),
        short(_of_scale(values)),
        f"{values.snr_db:.0f}{_SPACE}dB" if values.snr_db is not None else "-",
        "none" if comparison.owed == "exact" else f"{short(values.atol)} + {short(values.rtol)}·|e|",
        short(max(values.required_atol, 0.0)) if values.required_atol is not None else "-",
    )


def finding_rows(comparisons: Sequence[Comparison]) -> tuple[FindingRow, ...]:
    """Every difference once, with the pairs that show it; those that fail the model first."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for comparison in comparisons:
        for finding in comparison.findings:
            mark = NOTE if not finding.fails else FAILED if comparison.decides else ASIDE
            found.setdefault((mark, _said(finding)), {})[_pair(comparison)] = None
    rows = [FindingRow(mark, text, tuple(pairs)) for (mark, text), pairs in found.items()]
    return tuple(sorted(rows, key=lambda row: (FAILED, ASIDE, NOTE).index(row.mark)))


def largest_difference(comparison: Comparison) -> tuple[float | None, float | None]:
    """The largest absolute difference of all outputs, and the largest part of its output's size that one makes up.

    None stands for a difference that is not finite, or for none at all.
    """
    known = [output.values for output in comparison.outputs if output.values is not None]
    absolute = [values.max_abs for values in known]
    if not known or None in absolute:
        return None, None
    relative = [part for values in known if (part := _of_scale(values)) is not None]
    return max(value for value in absolute if value is not None), max(relative, default=None)


def _said(finding: Finding) -> str:
    trial = "" if finding.trial is None or finding.trial < 0 else f" (input {finding.trial})"
    return f"{shorten(finding.output, _TEXT)} {shorten(finding.message, _TEXT)}{trial}"


def _of_scale(values: Values) -> float | None:
    if values.max_abs is None or not values.scale:
        return None
    return values.max_abs / values.scale


def _badness(output: OutputComparison) -> tuple[bool, float]:
    """How far an output is over its limit, or how near to it."""
    values = output.values
    if values is None:
        return not output.passed, 0.0
    limit = values.atol + values.rtol * (values.scale or 0.0)
    difference = values.max_abs if values.max_abs is not None else float("inf")
    return not output.passed, difference / limit if limit else difference


def _mark(comparison: Comparison) -> str:
    return PASSED if comparison.passed else FAILED if comparison.decides else ASIDE


def _pair(comparison: Comparison) -> str:
    return f"{comparison.reference} → {comparison.candidate}"


def _cell(comparison: Comparison) -> str:
    mark = _mark(comparison)
    if comparison.equal:
        return f"{mark}{_SPACE}equal"
    if not comparison.passed and not any(o.values.mismatched for o in comparison.outputs if o.values):
        return f"{mark}{_SPACE}structure"
    difference, _ = largest_difference(comparison)
    return f"{mark}{_SPACE}{'not finite' if difference is None else short(difference)}"


def _outcome(comparison: Comparison, values: Values) -> str:
    if comparison.passed:
        return "within the tolerance"
    if values.mismatched:
        return f"{values.mismatched:,} of {values.total:,} values differ"
    return "differs in structure"
