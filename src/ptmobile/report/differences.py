"""A run against its baseline, as it is shown: a row for each thing that is compared. No escaping here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ptmobile.baseline.model import BaselineSource, FileDifference
from ptmobile.report.model import ModelReport, Report
from ptmobile.report.numbers import NO_BREAK, short, size
from ptmobile.visible import shorten

_NAMES, _LINE, _NAME = 20, 500, 80
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class DifferenceRow:
    """One thing that is compared: what it was, what it is, and what that makes in words."""

    what: str
    before: str
    now: str
    change: str = ""


@dataclass(frozen=True)
class FileDifferenceView:
    """A file against the baseline's; ``title`` is empty for the main file, ``rows`` if the bytes are the same."""

    title: str
    rows: tuple[DifferenceRow, ...]
    notes: tuple[str, ...]


def difference_views(model: ModelReport) -> tuple[FileDifferenceView, ...]:
    """The files of a model against those of the baseline."""
    return tuple(
        FileDifferenceView(
            title=f"The file for {difference.edition}" if difference.edition else "",
            rows=() if difference.same_bytes else tuple(_rows(difference)),
            notes=tuple(_notes(difference)),
        )
        for difference in model.differences
    )


def growth(model: ModelReport) -> str:
    """How the size of the main file has changed, for the table over all models; empty without a baseline."""
    main = next((difference for difference in model.differences if not difference.edition), None)
    if main is None:
        return ""
    return "same file" if main.same_bytes else _percent(main.before.size_bytes, main.now.size_bytes)


def baseline_lines(report: Report) -> tuple[str, ...]:
    """What there is to say of the baseline as a whole."""
    source = report.baseline
    return tuple(shorten(line, _LINE) for line in _lines(source, report.models)) if source else ()


def _lines(source: BaselineSource, models: Sequence[ModelReport]) -> Iterator[str]:
    if source.problem:
        yield " ".join(filter(None, (source.problem, source.advice)))
        return
    when = f" of {source.created}" if source.created else ""
    commit = f", commit {source.sha[:12]}" if source.sha else ""
    run = f", run {source.run_url.rpartition('/')[2]}" if source.run_url else ""
    yield f"Compared with {source.given}{when}{commit}{run}."
    fresh = [model.spec.name for model in models if model.files and not model.differences]
    if fresh:
        yield f"Without a verified file in the baseline: {_names(fresh)}."
    if source.gone:
        yield f"Only in the baseline: {_names(source.gone)}."


def _rows(difference: FileDifference) -> Iterator[DifferenceRow]:
    before, now = difference.before, difference.now
    yield DifferenceRow("Size", size(before.size_bytes), size(now.size_bytes), _size_change(difference))
    if not difference.edition:
        yield _number("Largest difference", before.max_abs, now.max_abs)
        yield _number("Of the output", before.relative, now.relative)
        if now.latency_ratio is not None:
            yield _number("Latency, of the model's", before.latency_ratio, now.latency_ratio)
    changed = "" if before.bytecode_version == now.bytecode_version else "changed"
    yield DifferenceRow("Bytecode version", str(before.bytecode_version), str(now.bytecode_version), changed)
    added, removed = len(difference.operators_added), len(difference.operators_removed)
    moved = ", ".join(filter(None, (f"{added} new" if added else "", f"{removed} gone" if removed else "")))
    yield DifferenceRow("Operators", str(len(before.operators)), str(len(now.operators)), moved)


def _size_change(difference: FileDifference) -> str:
    grown = difference.growth_bytes
    if not grown:
        return ""
    sign = "+" if grown > 0 else _MINUS
    return f"{_percent(difference.before.size_bytes, difference.now.size_bytes)}, {sign}{size(abs(grown))}"


def _notes(difference: FileDifference) -> Iterator[str]:
    if difference.same_bytes:
        yield "The same bytes as in the baseline."
    for title, names in (("New", difference.operators_added), ("Gone", difference.operators_removed)):
        if names:
            yield shorten(f"{title}: {_names(names)}.", _LINE)


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(shorten(name, _NAME) for name in names[:_NAMES])
    more = len(names) - _NAMES
    return f"{shown} and {more:,} more" if more > 0 else shown


def _number(what: str, before: float | None, now: float | None) -> DifferenceRow:
    change = ""
    if before is not None and now is not None and before != now:
        change = f"{short(now / before)} times" if before else "was none"
    return DifferenceRow(what, short(before), short(now), change)


def _percent(before: int, now: int) -> str:
    """``+1.2 %``; ``±0`` where nothing has changed."""
    if before == now:
        return "±0"
    if not before:
        return "was empty"
    part = 100 * (now - before) / before
    return f"{'+' if part > 0 else _MINUS}{short(abs(part))}{NO_BREAK}%"
