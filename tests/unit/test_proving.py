"""Which comparison is the proof of a file, and what it says of each output."""

from __future__ import annotations

from report_support import captured, comparison, result, road

from ptmobile.proving import proof_of, prove
from ptmobile.result import OutputComparison, OutputProof


def test_the_last_variant_that_this_machine_ran_is_compared_with_the_model() -> None:
    pairs = [*captured(), *road("script"), comparison("eager", "lite attempt 2 (script)", 0.5), *road("trace", 0.25)]
    for variant, largest in (("lite (script)", 7.6e-6), ("lite attempt 2 (script)", 0.5), ("lite (trace)", 0.25)):
        proof = prove(pairs, variant)
        assert proof is not None
        assert (proof.reference, proof.candidate) == ("eager", variant)
        assert [output.max_abs for output in proof.outputs] == [largest]
        assert proof_of(result(comparisons=pairs, proof=proof)) in pairs
    assert prove(pairs, "backported (script)") is None


def test_of_a_file_that_was_there_before_it_is_the_first() -> None:
    pairs = [comparison("lite", "device 1.12.2 x86_64", 0.5), comparison("lite", "device 1.9.0 x86_64", 3.0)]
    proof = prove(pairs, "")
    assert proof is not None
    assert (proof.reference, proof.candidate) == ("lite", "device 1.12.2 x86_64")
    assert prove([], "") is None


def test_each_output_has_its_error_its_tolerance_and_the_multiple_of_the_models_own() -> None:
    outputs = (
        OutputComparison(output="out['label']", equal=False, passed=False),
        *comparison("a", "b", 8e-6).outputs,
    )

    def own(output: str, trial: int | None) -> float | None:
        return {("out", None): 2e-6}.get((output, trial))

    proof = prove([comparison("eager", "lite (script)", outputs=outputs)], "lite (script)", own)
    assert proof is not None
    assert proof.outputs[0] == OutputProof(output="out['label']", equal=False, passed=False)
    assert proof.outputs[1].rtol == 1e-4
    assert (proof.outputs[1].own_error, proof.outputs[1].multiple) == (2e-6, 4.0)


def test_nothing_is_a_multiple_of_no_error() -> None:
    pairs = [comparison("eager", "lite (script)", 8e-6)]
    for error in (None, 0.0):
        proof = prove(pairs, "lite (script)", lambda output, trial, error=error: error)  # type: ignore[misc]
        assert proof is not None
        assert (proof.outputs[0].own_error, proof.outputs[0].multiple) == (error, None)


def test_a_result_without_a_proof_names_no_comparison() -> None:
    assert proof_of(result(proof=None)) is None
