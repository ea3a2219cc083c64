"""What the noise floor says about a difference: a tolerance below the model's own error refuses any conversion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from ptmobile.result import Comparison, Failure, Finding, Notice, OutputComparison
from ptmobile.worker.comparing.tolerance import MOST_ROOM, Own, Policy

#: Up to so many times the model's own rounding error, another order of the same sums explains a difference.
EXPLAINED: Final = 10.0
#: What is said where such a multiple was asked for, and is not known.
UNKNOWN: Final = "own-error-multiple allows nothing here, since the model's own rounding error is not known: "
PARTLY: Final = (
    "The model's own rounding error was measured on {} of {} inputs, for the sake of time; on the others "
    "own-error-multiple allows nothing."
)
_TIGHT: Final = (
    "The tolerance may be too tight for this model: no float32 computation of it is exact to that degree. Set {what}, "
    "or have the model compute the sensitive part otherwise."
)
_TOLERANCES: Final = "rtol or atol"
_MULTIPLE: Final = "own-error-multiple: 10, which allows each output so many times its own error, or rtol or atol"


def with_floor(comparison: Comparison, own: Own) -> Comparison:
    """The comparison with what the floor says of the differences in its findings; whether it passed stays."""
    if comparison.passed:
        return comparison
    return replace(comparison, findings=tuple(_told(finding, comparison, own) for finding in comparison.findings))


def _told(finding: Finding, comparison: Comparison, own: Own) -> Finding:
    words = _words(finding, comparison, own)
    return replace(finding, message=f"{finding.message}; {words}") if words else finding


def _words(finding: Finding, comparison: Comparison, own: Own) -> str:
    """Empty unless the worst difference in values is within a small multiple of the model's own error there."""
    values = next((output.values for output in comparison.outputs if output.output == finding.output), None)
    if finding.kind != "value" or not finding.fails or values is None or values.max_abs is None:
        return ""
    error = own(finding.output, values.trial)
    if not error or values.max_abs > EXPLAINED * error:
        return ""
    where = f" with input {values.trial}" if values.trial != finding.trial else ""
    return (
        f"the model's own rounding error in float32 is {error:.3g}{where}, and the largest difference "
        f"{values.max_abs / error:.2g} times that"
    )


def failure_with_floor(failure: Failure, comparisons: Sequence[Comparison], own: Own) -> Failure:
    """A failure by a difference, with the floor's word on it."""
    if failure.kind != "mismatch":
        return failure
    failed = (c for c in comparisons if not c.passed and c.candidate == failure.stage)
    told = next(((text, c) for c in failed for f in c.findings if (text := _words(f, c, own))), None)
    if told is None:
        return failure
    words, comparison = told
    problem = failure.problem
    message = f"{problem.message}\n{words[:1].upper()}{words[1:]}."
    advice = f"{problem.advice} {_TIGHT.format(what=_MULTIPLE if _would_do(comparison, own) else _TOLERANCES)}".strip()
    return replace(failure, problem=replace(problem, message=message, advice=advice))


def failure_with_rows(failure: Failure, comparisons: Sequence[Comparison], moved: Mapping[str, str]) -> Failure:
    """A failure by rows that come otherwise, with the word that float64 does that to the model too; ``moved`` says how.

    So the outputs jump by nature: no conversion gives the same ones for certain, and no tolerance helps.
    """
    failed = (c for c in comparisons if not c.passed and c.candidate == failure.stage)
    rows = (f.output for c in failed for f in c.findings if f.kind == "rows")
    words = next((moved[output] for output in rows if output in moved), "")
    if failure.kind != "mismatch" or not words:
        return failure
    message = f"{failure.problem.message}\nThe model itself does that before it is converted: {words}."
    return replace(failure, problem=replace(failure.problem, message=message))


def room_notices(outputs: Sequence[OutputComparison], policy: Policy) -> Iterator[Notice]:
    """A notice for each output that passed only since a multiple of the model's own error was allowed."""
    for output in outputs:
        values = output.values
        error = policy.own(output.output, values.trial) if policy.own and values else None
        if values is None or not error or not output.passed or values.max_abs is None or values.required_atol is None:
            continue
        usual = policy.tolerance("close", "float32", values.scale or 0.0, None)  # other types have no such error
        if values.required_atol > usual.atol:
            message = (
                f"{output.output} differs by up to {values.max_abs:.3g}, more than the tolerance by itself allows "
                f"({usual.atol:.3g} and {usual.rtol:.3g} of a value); that is {values.max_abs / error:.2g} times the "
                "model's own rounding error, and own-error-multiple allows it."
            )
            yield Notice(level="notice", code="noise-floor", message=message)


def _would_do(comparison: Comparison, own: Own) -> bool:
    """Whether as much room as a multiple of the own error may give is enough for every output of a comparison."""
    failed = [output for output in comparison.outputs if not output.passed]
    return all(_enough(output, own) for output in failed)


def _enough(output: OutputComparison, own: Own) -> bool:
    values = output.values
    if values is None or values.required_atol is None:
        return False
    error = own(output.output, values.trial) or 0.0
    return values.required_atol <= min(EXPLAINED * error, MOST_ROOM * (values.scale or 0.0))
