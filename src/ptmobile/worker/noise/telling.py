"""What the noise floor says about a difference: a tolerance below the model's own error refuses any conversion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from ptmobile.result import Comparison, Failure, Finding, NoiseFloor

#: Up to so many times the model's own rounding error, another order of the same sums explains a difference.
EXPLAINED: Final = 10.0
ADVICE: Final = (
    "The tolerance may be too tight for this model: no float32 computation of it is exact to that degree. Set rtol or "
    "atol, or have the model compute the sensitive part otherwise."
)


def with_floor(comparison: Comparison, floor: NoiseFloor | None) -> Comparison:
    """The comparison with what the floor says of the differences in its findings; whether it passed stays."""
    if comparison.passed or floor is None or not floor.outputs:
        return comparison
    return replace(comparison, findings=tuple(_told(finding, comparison, floor) for finding in comparison.findings))


def _told(finding: Finding, comparison: Comparison, floor: NoiseFloor) -> Finding:
    words = _words(finding, comparison, floor)
    return replace(finding, message=f"{finding.message}; {words}") if words else finding


def _words(finding: Finding, comparison: Comparison, floor: NoiseFloor) -> str:
    """Empty unless a difference in values is within a small multiple of the model's own error."""
    noise = next((noise for noise in floor.outputs if noise.output == finding.output), None)
    values = next((output.values for output in comparison.outputs if output.output == finding.output), None)
    if finding.kind != "value" or not finding.fails or noise is None or values is None:
        return ""
    if values.max_abs is None or not noise.max_abs or values.max_abs > EXPLAINED * noise.max_abs:
        return ""
    return (
        f"the model's own rounding error in float32 is {noise.max_abs:.3g}, and the largest difference "
        f"{values.max_abs / noise.max_abs:.2g} times that"
    )


def failure_with_floor(failure: Failure, comparisons: Sequence[Comparison], floor: NoiseFloor | None) -> Failure:
    """A failure by a difference, with the floor's word on it."""
    if floor is None or failure.kind != "mismatch":
        return failure
    for comparison in comparisons:
        if comparison.passed or comparison.candidate != failure.stage:
            continue
        words = next(filter(None, (_words(f, comparison, floor) for f in comparison.findings)), "")
        if words:
            problem = failure.problem
            message = f"{problem.message}\n{words[:1].upper()}{words[1:]}."
            return replace(
                failure, problem=replace(problem, message=message, advice=f"{problem.advice} {ADVICE}".strip())
            )
    return failure
