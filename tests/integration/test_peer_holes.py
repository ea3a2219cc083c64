"""Holes in the comparison of other converters, each with a test of ours that falls into it no more.

``HOLES`` says where each is tested, here or elsewhere; that these tests exist is a test itself.
"""

from __future__ import annotations

import ast
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from ptmobile.result import Comparison
from ptmobile.worker.comparing import Policy, compare_pair
from ptmobile.worker.comparing.pairs import PairSpec
from ptmobile.worker.values.files import StoredTree, load_tree, save_tree
from ptmobile.worker.values.trees import flatten

HOLES: dict[str, tuple[str, ...]] = {
    "Polygraphy: an element fails only beyond both tolerances": (
        "test_comparing.test_an_element_fails_by_the_sum_of_both_tolerances_and_by_nothing_else",
        "test_peer_holes.test_one_tolerance_excuses_nothing_beyond_the_other",
    ),
    "optimum: the relative tolerance is that of the candidate": (
        "test_comparing.test_the_relative_tolerance_is_that_of_the_reference",
    ),
    "optimum: a comparison that raises passes": (
        "test_comparing.test_a_comparison_that_fails_itself_is_a_failure",
        "test_comparing.test_damaged_files_of_a_variant_are_a_failure",
    ),
    "all: a model that writes to its inputs spoils the next variant's": (
        "test_conversion_values.test_a_model_that_changes_its_input_changes_only_its_copy",
    ),
    "onnx2tf: NaN on one side counts as zero": (
        "test_comparing.test_nan_on_one_side_always_fails",
        "test_peer_holes.test_nan_where_the_reference_is_zero_fails",
    ),
    "onnx2tf: good outputs hide a bad one": (
        "test_comparing.test_every_output_must_pass",
        "test_comparing.test_one_bad_element_among_many_good_ones_fails",
        "test_acceptance.test_f_a_small_bad_output_beside_a_large_good_one_fails",
    ),
    "onnx2tf: axes are permuted and shapes changed until they fit": (
        "test_comparing.test_shapes_are_never_realigned",
        "test_comparing.test_the_axes_of_equal_size_are_never_permuted",
    ),
    "onnx2tf: integers as inputs are all zero": (
        "test_conversion_values.test_a_range_of_integers_is_covered_and_its_upper_end_left_out",
    ),
    "onnx2tf: limits grow with the output, unseen": (
        "test_comparing.test_the_tolerance_that_was_applied_is_published",
    ),
    "ExecuTorch: the difference that is shown has a sign": (
        "test_peer_holes.test_a_candidate_that_is_too_small_everywhere_is_as_wrong_as_one_that_is_too_large",
    ),
    "ExecuTorch, exporters: the first bad output ends it, and of two at most is told": (
        "test_comparing.test_all_bad_outputs_are_told_and_not_only_the_first",
        "test_peer_holes.test_every_bad_output_has_its_size",
    ),
    "ExecuTorch: golden files without data type and shape": (
        "test_value_files.test_a_tensor_of_any_dtype_and_shape_comes_back_bit_by_bit",
    ),
    "torch: a trace is checked on the input that it was made with": (
        "test_conversion_values.test_a_batch_size_baked_into_the_trace_is_found_on_the_second_shape",
        "test_conversion_values.test_a_branch_baked_into_the_trace_is_found_on_other_values",
    ),
    "all: one trial from one distribution": (
        "test_peer_holes.test_agreement_in_one_trial_proves_nothing_about_the_next",
        "test_comparing_forms.test_an_output_of_zeros_is_warned_of",
        "test_conversion_values.test_agreement_that_proves_nothing_is_a_warning",
    ),
    "all: state moves between the runs of variants": (
        "test_comparator_mutations.test_outputs_of_one_trial_in_another_are_found",
    ),
}


def test_each_hole_has_its_test() -> None:
    folder = Path(__file__).parent
    for hole, places in HOLES.items():
        assert places, hole
        for place in places:
            module, _, name = place.partition(".")
            tree = ast.parse((folder / f"{module}.py").read_text(encoding="utf-8"))
            assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, place


def stored(value: Any) -> StoredTree:
    """A value through a file, as a run leaves it."""
    with tempfile.TemporaryDirectory() as folder:
        save_tree(flatten(value), Path(folder, "0"))
        return load_tree(Path(folder, "0"))


def compare(expected: Sequence[Any], actual: Sequence[Any], policy: Policy | None = None) -> Comparison:
    """Trial by trial, with the tolerance owed."""
    trees = {"a": list(map(stored, expected)), "b": list(map(stored, actual))}
    pair = PairSpec("a", "b", "close", decides=True)
    return compare_pair(pair, lambda name, number: trees[name][number], range(len(expected)), policy or Policy())


@pytest.mark.parametrize(
    ("expected", "actual", "policy"),
    [
        pytest.param(1e6, 1e6 + 100, Policy(rtol=1e-6, atol=1e-3), id="a small part of a large value"),
        pytest.param(1e-6, 1e-2, Policy(rtol=1e-3, atol=1e-3), id="a large part of a small value"),
    ],
)
def test_one_tolerance_excuses_nothing_beyond_the_other(expected: float, actual: float, policy: Policy) -> None:
    """Beyond ``atol + rtol * |expected|`` in both cases, but within one of the two by itself, or nearly so."""
    wide = [torch.tensor([value], dtype=torch.float64) for value in (expected, actual)]
    assert not compare(wide[:1], wide[1:], policy).passed


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-30])
def test_nan_where_the_reference_is_zero_fails(value: float) -> None:
    expected, actual = torch.tensor([value, 5.0]), torch.tensor([math.nan, 5.0])
    for one, other in ((expected, actual), (actual, expected)):
        comparison = compare([one], [other])
        assert not comparison.passed
        assert [finding.kind for finding in comparison.findings] == ["nan"]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_candidate_that_is_too_small_everywhere_is_as_wrong_as_one_that_is_too_large(sign: float) -> None:
    expected = torch.linspace(1, 2, 10)
    comparison = compare([expected], [expected + sign * 0.5])
    assert not comparison.passed
    assert comparison.max_abs == pytest.approx(0.5, rel=1e-6)


def test_every_bad_output_has_its_size() -> None:
    expected = tuple(torch.ones(3) for _ in range(4))
    comparison = compare([expected], [tuple(tensor + 10.0**-n for n, tensor in enumerate(expected))])
    sizes = [output.values.max_abs for output in comparison.outputs if output.values]
    assert sizes == [pytest.approx(10.0**-n, rel=1e-3) for n in range(4)]
    assert [output.passed for output in comparison.outputs] == [False] * 4
    assert [finding.output for finding in comparison.findings] == [f"out[{n}]" for n in range(4)]


def test_agreement_in_one_trial_proves_nothing_about_the_next() -> None:
    """``2x`` and ``x - 1`` are one at -1, and nowhere else."""
    inputs = [torch.tensor([value]) for value in (-1.0, 0.5, 3.0)]
    doubled, lessened = [x * 2 for x in inputs], [x - 1 for x in inputs]
    assert compare(doubled[:1], lessened[:1]).passed
    comparison = compare(doubled, lessened)
    assert not comparison.passed
    assert comparison.findings[0].trial == 1
