"""Which comparison proves a file: the one place that knows. Pure, for the worker, the report and the baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ptmobile.result import Comparison, ModelResult, OutputComparison, OutputProof, Proof

EAGER = "eager"
#: The model's own rounding error of an output in a trial; None if it is not known.
Own = Callable[[str, int | None], float | None]


def prove(comparisons: Iterable[Comparison], variant: str, own: Own | None = None) -> Proof | None:
    """The comparison that matters in the end, output by output; None if it did not come to that.

    ``variant`` is the last one of the main file that this machine has run: it is compared with the eager model. It is
    empty for a file that was there before, whose first comparison is taken.
    """
    proof = next((c for c in comparisons if not variant or (c.reference, c.candidate) == (EAGER, variant)), None)
    if proof is None:
        return None
    outputs = tuple(_output(output, own) for output in proof.outputs)
    return Proof(reference=proof.reference, candidate=proof.candidate, passed=proof.passed, outputs=outputs)


def _output(compared: OutputComparison, own: Own | None) -> OutputProof:
    values = compared.values
    if values is None:
        return OutputProof(output=compared.output, equal=compared.equal, passed=compared.passed)
    error = own(compared.output, values.trial) if own else None
    return OutputProof(
        output=compared.output,
        equal=compared.equal,
        passed=compared.passed,
        trial=values.trial,
        max_abs=values.max_abs,
        max_rel=values.max_rel,
        rtol=values.rtol,
        atol=values.atol,
        scale=values.scale,
        own_error=error,
        multiple=values.max_abs / error if values.max_abs is not None and error else None,
    )


def proof_of(result: ModelResult) -> Comparison | None:
    """The whole comparison that a result names as its proof."""
    pair = (result.proof.reference, result.proof.candidate) if result.proof else None
    return next((c for c in result.comparisons if (c.reference, c.candidate) == pair), None)
