"""The gates on size and latency: what may be, what is, and why that fails the model. Pure: no files, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ptmobile.baseline.model import Baseline, FileDifference
from ptmobile.report.model import Reason, ShippedFile
from ptmobile.report.numbers import size
from ptmobile.result import Timing
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.spec.quantities import parse_percentage, parse_size

MAKE_A_BASELINE: Final = (
    "Make the baseline first: run without max-size-growth, then commit that run's report.json and name it in baseline, "
    "or download the report of an earlier run in a step before."
)


@dataclass(frozen=True)
class Gates:
    """What the budgets say of one model: reasons to fail it, and what could not be asked but is no failure."""

    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()


def gates(
    spec: ConversionSpec,
    files: Sequence[ShippedFile],
    differences: Sequence[FileDifference],
    baseline: Baseline | None,
    timing: Timing | None = None,
) -> Gates:
    """Hold the files of a model that verified against its budgets."""
    found = [*_sizes(spec, files), *_growths(spec, files, differences, baseline), *_latency(spec, timing)]
    return Gates(
        reasons=tuple(reason for fails, reason in found if fails),
        warnings=tuple(reason for fails, reason in found if not fails),
    )


def _sizes(spec: ConversionSpec, files: Sequence[ShippedFile]) -> Iterator[tuple[bool, Reason]]:
    if not spec.max_size:
        return
    limit = parse_size(spec.max_size)
    for file in files:
        over = file.content.size_bytes - limit
        if over > 0:
            yield (
                True,
                Reason(
                    title="The file is larger than max-size",
                    message=(
                        f"{file.path} has {_exactly(file.content.size_bytes)}; max-size is {spec.max_size} "
                        f"({limit:,} bytes), so it is {_exactly(over)} too large."
                    ),
                    advice=_smaller(file),
                ),
            )


def _growths(
    spec: ConversionSpec, files: Sequence[ShippedFile], differences: Sequence[FileDifference], baseline: Baseline | None
) -> Iterator[tuple[bool, Reason]]:
    if not spec.max_size_growth:
        return
    if baseline is None or not baseline.usable:
        problem = baseline.source.problem if baseline else "No baseline is given."
        advice = (baseline.source.advice if baseline else "") or MAKE_A_BASELINE
        yield True, Reason(title="max-size-growth cannot be checked", message=problem, advice=advice)
        return
    compared = {difference.edition: difference for difference in differences}
    for file in files:
        if file.edition not in compared:
            yield (
                False,
                Reason(
                    title="not-in-baseline",
                    message=(
                        f"max-size-growth says nothing about {file.path}: the baseline has no verified file of "
                        f"{spec.name}{f' for {file.edition}' if file.edition else ''} to compare it with."
                    ),
                ),
            )
        elif reason := _growth(spec, file, compared[file.edition]):
            yield True, reason


def _growth(spec: ConversionSpec, file: ShippedFile, difference: FileDifference) -> Reason | None:
    allowed, before = parse_percentage(spec.max_size_growth), difference.before.size_bytes
    if difference.growth_bytes * 100 <= allowed * before:
        return None
    grown = f"{100 * difference.growth_bytes / before:.3g}\N{NO-BREAK SPACE}%" if before else "from nothing"
    added = difference.operators_added
    more = f" New operators: {', '.join(added[:10])}{', …' if len(added) > 10 else ''}." if added else ""
    return Reason(
        title="The file has grown more than max-size-growth",
        message=(
            f"{file.path} has grown by {grown}, from {_exactly(before)} to {_exactly(file.content.size_bytes)}; "
            f"max-size-growth is {spec.max_size_growth.removesuffix('%').strip()} %.{more}"
        ),
        advice="If this is meant, make the baseline anew from this run's report.json, or raise max-size-growth.",
    )


def _latency(spec: ConversionSpec, timing: Timing | None) -> Iterator[tuple[bool, Reason]]:
    limit, ratio = spec.max_latency_ratio, timing.ratio if timing else None
    if limit is None:
        return
    if ratio is None:
        yield (
            True,
            Reason(
                title="max-latency-ratio cannot be checked",
                message="The latency of the file as a multiple of the model's was not measured.",
                advice="Do not set timing to false; a file in mode check has no model to be measured against.",
            ),
        )
    elif ratio > limit:
        yield (
            True,
            Reason(
                title="The file is slower than max-latency-ratio",
                message=(
                    f"It takes {ratio:.3g} times the latency of the model on this machine, by one thread; "
                    f"max-latency-ratio is {limit:g}."
                ),
                advice="Let optimize be true, look at what repairs cost, or raise max-latency-ratio.",
            ),
        )


def _exactly(count: int) -> str:
    """Rounded for the eye and exact for the budget."""
    return f"{count:,} bytes" if count < 1000 else f"{size(count)} ({count:,} bytes)"


def _smaller(file: ShippedFile) -> str:
    """What to look at first, by what the file is made of."""
    sections = {section.name: section.size_bytes for section in file.content.sections}
    largest = max(sections, key=lambda name: sections[name], default="")
    if largest == "weights":
        return "Most of it is weights: a smaller architecture or quantised weights make it smaller; or raise max-size."
    what = f"Most of it is {largest}: " if largest else ""
    return f"{what}ptmobile inspect shows what is in the file; make the model smaller, or raise max-size."
