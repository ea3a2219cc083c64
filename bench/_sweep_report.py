"""A sweep's results as Markdown: per release what loaded, what is right, and why the rest is not."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from _sweep_reasons import reason_of
from _sweep_records import CAPTURES, FORMS, LOADED, Capture, Form, Outcome, Record
from msgspec.structs import replace

BEGIN, END = "<!-- sweep: made by bench/device.py sweep --write-docs -->", "<!-- end of sweep -->"
CAPTURED: dict[Capture, str] = {"trace": "traced", "script": "scripted"}
#: One letter per outcome, for the table of all models.
LETTERS: dict[Outcome, str] = {
    "right": "✔",
    "wrong": "≠",
    "refused": "R",
    "failed": "F",
    "crashed": "C",
    "not captured": "-",
    "not made": "-",
    "ended": "-",
    "too large": "L",
    "too slow": "S",
}
NO_FILE = ("not captured", "not made", "ended")
LIMITS = ("too large", "too slow")
MODELS_NAMED = 6


def tables(records: Sequence[Record], releases: Sequence[str]) -> str:
    """Everything that the results say."""
    wanted = _decided([record for record in records if record.variant.release in releases])
    if not wanted:
        return "No results yet."
    parts = ["\n".join(_head(wanted))]
    for release in releases:
        mine = [record for record in wanted if record.variant.release == release]
        if mine:
            parts += [f"### {release}, {mine[0].abi}", "\n".join(_counts(mine)), *_sentences(mine)]
            parts += ["\n".join(_reasons(mine))] if any(r.outcome != "right" for r in mine) else []
    wrong = [record for record in wanted if record.outcome == "wrong"]
    if wrong:
        parts += ["### Wrong on x86_64: the phones' library asked", "\n".join(_wrong(wrong, releases))]
    parts += ["### Every model", "\n".join(_models(wanted, releases))]
    return "\n\n".join(parts)


def _decided(records: Sequence[Record]) -> list[Record]:
    """The records, where what phones say of the traced file also stands for the scripted one with the same kernels."""
    asked = {(r.model, r.variant.form, r.variant.release): r.arm64 for r in records if r.arm64}
    return [
        replace(r, arm64=r.arm64 or asked.get((r.model, r.variant.form, r.variant.release)))
        if r.outcome == "wrong"
        else r
        for r in records
    ]


def write_document(path: Path, text: str) -> None:
    """Put the text between the document's markers.

    Raises:
        ValueError: it has none.
    """
    document = path.read_text(encoding="utf-8")
    if BEGIN not in document or END not in document:
        raise ValueError(f"{path.name} lacks the lines {BEGIN} and {END}")
    before, after = document.partition(BEGIN)[0], document.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _head(records: Sequence[Record]) -> Iterator[str]:
    models = {record.model for record in records}
    kinds = Counter({record.model: record.kind for record in records}.values())
    dates = sorted(record.date[:10] for record in records if record.date)
    machines = sorted({record.machine for record in records if record.machine})
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    yield f"{len(models)} models of torchvision ({listed}), {len(records)} files."
    if dates:
        yield f"Run from {dates[0]} to {dates[-1]} on {'; '.join(machines)}."


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def _counts(records: Sequence[Record]) -> Iterator[str]:
    def count(mine: Sequence[Record], *outcomes: str) -> int:
        return sum(record.outcome in outcomes for record in mine)

    rows = []
    for capture in CAPTURES:
        for form in FORMS:
            mine = [r for r in records if (r.variant.capture, r.variant.form) == (capture, form)]
            if mine:
                numbers = [
                    len(mine),
                    count(mine, *LOADED),
                    count(mine, "right"),
                    count(mine, "wrong"),
                    count(mine, "refused"),
                    count(mine, "failed", "crashed"),
                    count(mine, *NO_FILE),
                    count(mine, *LIMITS),
                ]
                rows.append([f"{CAPTURED[capture]}, {form}", *numbers])
    heads = ["files", "tried", "loaded", "right", "wrong", "refused", "failed when run", "no file", "over the limits"]
    yield from _table(heads, rows)


def _sentences(records: Sequence[Record]) -> Iterator[str]:
    """What one release's results say in words."""
    models = {record.model for record in records}
    good = {record.model for record in records if record.outcome == "right"}
    optimised = {record.model for record in records if record.outcome == "right" and record.variant.form == "optimised"}
    lowered = {record.model for record in records if record.outcome == "right" and record.changes}
    plainly = {record.model for record in records if record.outcome == "right" and not record.changes}
    yield (
        f"At least one right file: {len(good)} of {len(models)} models, with an optimised one {len(optimised)}. "
        f"{len(lowered - plainly)} of them have right files only because what the release lacks was rewritten."
    )
    ratios = _paired(records, lambda record: record.trial_ms)
    errors = _paired(records, lambda record: record.error or None)
    right = [record for record in records if record.outcome == "right" and record.error is not None]
    loose = sum(1 for record in right if (record.error or 0.0) > 1e-5)
    if ratios:
        yield (
            f"Optimised against plain, where both are right ({len(ratios)} pairs): median time of a run "
            f"{statistics.median(ratios):.2f} of the plain one's, median difference from eager "
            f"{statistics.median(errors or [1.0]):.1f} of it. The largest difference of a right file is "
            f"{max(record.error or 0.0 for record in right):.0e} of the output's largest value; {loose} of "
            f"{len(right)} are above 1e-5, where the model itself moves about as far when its weights move by their "
            "last bit."
        )


def _paired(records: Sequence[Record], figure: Callable[[Record], float | None]) -> list[float]:
    """A figure of optimised files by that of plain ones, where both are right."""
    found: dict[tuple[str, Capture], dict[Form, float]] = defaultdict(dict)
    for record in records:
        value = figure(record)
        if record.outcome == "right" and value:
            found[record.model, record.variant.capture][record.variant.form] = value
    return [pair["optimised"] / pair["plain"] for pair in found.values() if len(pair) == len(FORMS)]


def _reasons(records: Sequence[Record]) -> Iterator[str]:
    groups: dict[tuple[str, str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.outcome != "right":
            reason = reason_of(record)
            groups[record.outcome, reason.name, reason.why, reason.help].append(record)
    rows = []
    for (outcome, name, why, remedy), mine in sorted(groups.items(), key=lambda item: -len(item[1])):
        forms = sorted({f"{CAPTURED[r.variant.capture]} {r.variant.form}" for r in mine})
        models = sorted({r.model for r in mine})
        rows.append([outcome, f"{name}", len(mine), f"{_named(models)} ({', '.join(forms)})", why, remedy])
    heads = ["outcome", "what it says", "files", "which", "why", "what would help"]
    yield from _table(heads, [[_cell(cell) for cell in row] for row in rows])


def _named(models: Sequence[str]) -> str:
    rest = len(models) - MODELS_NAMED
    return ", ".join(models[:MODELS_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _cell(value: object) -> str:
    text = " ".join(str(value).split())
    return re.sub(r"([|<>*_\[\]])", r"\\\1", text)


def _wrong(records: Sequence[Record], releases: Sequence[str]) -> Iterator[str]:
    rows = []
    for model in sorted({record.model for record in records}):
        cells = []
        for release in releases:
            mine = [r for r in records if r.model == model and r.variant.release == release]
            asked = next((r for r in mine if r.arm64), None)
            errors = [r.error for r in mine if r.error is not None]
            forms = ", ".join(sorted({f"{CAPTURED[r.variant.capture]} {r.variant.form}" for r in mine}))
            cells += [f"{max(errors):.0e} ({forms})" if errors else forms or "-"]
            cells += [f"{asked.arm64.outcome}{_error(asked.arm64.error)}" if asked and asked.arm64 else "-"]
        rows.append([_cell(model), *cells])
    yield from _table(
        ["model", *(f"{release} {what}" for release in releases for what in ("x86_64", "arm64-v8a"))], rows
    )


def _error(error: float | None) -> str:
    return "" if error is None else f", {error:.0e}"


def _models(records: Sequence[Record], releases: Sequence[str]) -> Iterator[str]:
    yield "✔ right, ≠ wrong, R refused when loaded, F failed and C crashed when run, - no file, L too large, S too"
    yield "slow, · not tried. In each cell: traced plain, traced optimised, scripted plain, scripted optimised. MB: of"
    yield "the smallest optimised file."
    yield "\n<details><summary>All models</summary>\n"
    found = {(r.model, r.variant.release, r.variant.capture, r.variant.form): r for r in records}
    rows = []
    for model, kind in sorted({(r.model, r.kind) for r in records}, key=lambda pair: (pair[1], pair[0])):
        cells = []
        for release in releases:
            mine = [found.get((model, release, capture, form)) for capture in CAPTURES for form in FORMS]
            cells.append(" ".join(LETTERS[record.outcome] if record else "·" for record in mine))
        sizes = [r.size_bytes for r in records if r.model == model and r.variant.form == "optimised" and r.size_bytes]
        rows.append([_cell(model), kind, f"{min(sizes) / 1e6:.1f}" if sizes else "-", *cells])
    yield from _table(["model", "kind", "MB", *releases], rows)
    yield "\n</details>"
