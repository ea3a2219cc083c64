"""The comparisons as squares of cells: the darker, the larger the difference as a part of the output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ptmobile.report.comparisons import axes, largest_difference
from ptmobile.report.numbers import NO_BREAK, short
from ptmobile.report.page.variants import by_edition
from ptmobile.result import Comparison

#: Upper ends of the levels of heat, as parts of an output's largest value; what is larger has the last level.
DECADES = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
_MAX_VARIANTS = 24


@dataclass(frozen=True)
class Cell:
    """How a candidate compares with a reference.

    ``status`` is passed, failed or aside (it differs, but the shipped file was not made this way); ``level`` is 0 for
    equal bits, then one for each of `DECADES`, and one for more; None where no number is known.
    """

    status: str
    level: int | None
    value: str
    part: str = ""
    noise: str = ""


@dataclass(frozen=True)
class HeatSquare:
    """References down, candidates across; a cell is None where the two were not compared."""

    edition: str
    candidates: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]


def heat_squares(comparisons: Sequence[Comparison], editions: Mapping[str, str]) -> tuple[HeatSquare, ...]:
    """A square for each file; ``editions`` says which variant belongs to which."""
    return tuple(_square(edition, group) for edition, group in by_edition(comparisons, editions).items())


def legend() -> tuple[tuple[int, str], ...]:
    """Each level with what it stands for."""
    last = f"more than {short(DECADES[-1])}"
    bounds = [(level, f"up to {short(bound)}") for level, bound in enumerate(DECADES, start=1)]
    return ((0, "equal bits"), *bounds, (len(DECADES) + 1, last))


def status_of(comparison: Comparison) -> str:
    """Whether it passed, failed the model, or is beside the road that was taken."""
    return "passed" if comparison.passed else "failed" if comparison.decides else "aside"


def cell_of(comparison: Comparison) -> Cell:
    """One comparison, all outputs together."""
    status = status_of(comparison)
    if comparison.equal:
        return Cell(status, 0, "equal")
    if not comparison.passed and not any(o.values.mismatched for o in comparison.outputs if o.values):
        return Cell(status, None, "structure")
    absolute, relative = largest_difference(comparison)
    if absolute is None:
        return Cell(status, None, "not finite")
    ratios = [o.values.snr_db for o in comparison.outputs if o.values and o.values.snr_db is not None]
    return Cell(
        status,
        _level(relative),
        short(absolute),
        short(relative) if relative is not None else "",
        f"{min(ratios):.0f}{NO_BREAK}dB" if ratios else "",
    )


def _square(edition: str, group: Sequence[Comparison]) -> HeatSquare:
    cells = {(c.reference, c.candidate): cell_of(c) for c in group}
    references, candidates = axes(cells, _MAX_VARIANTS)
    rows = tuple((_label(row, edition), tuple(cells.get((row, name)) for name in candidates)) for row in references)
    return HeatSquare(edition, tuple(_label(name, edition) for name in candidates), rows)


def _label(variant: str, edition: str) -> str:
    """A variant's name without the edition, which stands over the square."""
    return variant.replace(f", {edition}", "").replace(f" {edition}", "") if edition else variant


def _level(part: float | None) -> int | None:
    if part is None:
        return None
    return next((level for level, bound in enumerate(DECADES, start=1) if part <= bound), len(DECADES) + 1)
