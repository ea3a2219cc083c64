"""The comparison must see every difference that matters, and say how far from its limit a difference is.

Every value goes through the files in which a worker's processes leave their outputs, as it does in a run. Several tests
stand for a hole in the comparison of another converter: what passes there must fail here.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from comparing_support import INF, INTEGERS, NAN, compare, compare_trials, kinds, stored, tensors, values_of
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ptmobile.spec.conversion import ConversionSpec
from ptmobile.worker.comparing import Policy, compare_pair
from ptmobile.worker.comparing.pairs import PairSpec
from ptmobile.worker.comparing.tolerance import Owed
from ptmobile.worker.values.files import StoredTree, load_tree, save_tree
from ptmobile.worker.values.trees import flatten

# --- one verdict rule ------------------------------------------------------------------------------------------------


def test_an_element_fails_by_the_sum_of_both_tolerances_and_by_nothing_else() -> None:
    policy = Policy(rtol=1e-3, atol=1e-3)
    assert compare(tensors(1.0, -1.0), tensors(1.0019, -1.0019), policy=policy).passed
    assert not compare(tensors(1.0), tensors(1.0021), policy=policy).passed
    assert not compare(tensors(-1.0), tensors(-0.9979), policy=policy).passed
    assert not compare(tensors(1e6), tensors(1e6 + 1.1e3), policy=policy).passed  # a good ratio in the other direction
    assert not compare(tensors(1e-6), tensors(1.1e-3), policy=policy).passed  # however tiny both are


def test_the_relative_tolerance_is_that_of_the_reference() -> None:
    policy = Policy(rtol=0.5, atol=0.0)
    assert not compare(tensors(1.0), tensors(2.0), policy=policy).passed  # allowed by the candidate's size
    assert compare(tensors(2.0), tensors(1.0), policy=policy).passed


@pytest.mark.parametrize("broken", ["a", "b"])
def test_a_comparison_that_fails_itself_is_a_failure(broken: str) -> None:
    def load(name: str, number: int) -> StoredTree:
        if name == broken and number == 1:
            raise OSError("no such file")
        return stored(tensors(1.0))

    comparison = compare_pair(PairSpec("a", "b", "close", decides=True), load, range(2), Policy())
    assert not comparison.passed
    assert not comparison.equal
    assert kinds(comparison) == [("error", "out", True)]
    assert "no such file" in comparison.findings[0].message
    assert [output.passed for output in comparison.outputs] == [False]


def test_damaged_files_of_a_variant_are_a_failure(tmp_path: Path) -> None:
    save_tree(flatten(torch.ones(100)), tmp_path / "0")
    (tmp_path / "0.bin").write_bytes(b"\0" * 399)
    whole = stored(torch.ones(100))

    def load(name: str, number: int) -> StoredTree:
        return whole if name == "a" else load_tree(tmp_path / "0")

    comparison = compare_pair(PairSpec("a", "b", "exact", decides=True), load, [0], Policy())
    assert kinds(comparison) == [("error", "out", True)]


@pytest.mark.parametrize("reference_is_nan", [True, False])
@pytest.mark.parametrize("policy", [Policy(), Policy(rtol=1e30, atol=1e30), Policy(exact=True)])
def test_nan_on_one_side_always_fails(reference_is_nan: bool, policy: Policy) -> None:
    pair = (tensors(0.0, NAN), tensors(0.0, 0.0))
    comparison = compare(*(pair if reference_is_nan else pair[::-1]), policy=policy)
    assert not comparison.passed
    assert kinds(comparison) == [("nan", "out", True)]
    assert "1 NaN" in comparison.findings[0].message
    assert values_of(comparison).required_atol is None  # no tolerance would do


@pytest.mark.parametrize("owed", ["exact", "close"])
def test_nan_on_both_sides_is_equal(owed: Owed) -> None:
    comparison = compare(tensors(1.0, NAN), tensors(1.0, NAN), owed)
    assert comparison.passed
    assert comparison.equal
    assert (values_of(comparison).max_abs, values_of(comparison).mismatched) == (0.0, 0)


@pytest.mark.parametrize(
    ("expected", "actual", "passes"),
    [(INF, INF, True), (-INF, -INF, True), (INF, -INF, False), (INF, 1.0, False), (1.0, INF, False), (INF, NAN, False)],
)
def test_infinities_are_equal_only_to_themselves(expected: float, actual: float, passes: bool) -> None:
    comparison = compare(tensors(1.0, expected), tensors(1.0, actual), policy=Policy(rtol=1e3, atol=1e3))
    assert comparison.passed is passes
    assert comparison.equal is passes


def test_an_infinity_in_the_reference_loosens_no_other_element() -> None:
    assert not compare(tensors(INF, 1.0), tensors(INF, 1.1)).passed


def test_every_output_must_pass() -> None:
    good, bad = torch.full((10_000,), 100.0), tensors(1e-3)
    comparison = compare({"big": good, "small": bad}, {"big": good, "small": bad * 2})
    assert not comparison.passed
    assert {output.output: output.passed for output in comparison.outputs} == {
        "out['big']": True,
        "out['small']": False,
    }


def test_one_bad_element_among_many_good_ones_fails() -> None:
    expected = torch.linspace(-5, 5, 100_000)
    actual = expected.clone()
    actual[70_000] += 1e-2
    comparison = compare(expected, actual)
    assert not comparison.passed
    assert values_of(comparison).mismatched == 1
    assert values_of(comparison).total == 100_000


def test_all_bad_outputs_are_told_and_not_only_the_first() -> None:
    comparison = compare([tensors(1.0)] * 5, [tensors(2.0)] * 5)
    assert [finding.output for finding in comparison.findings] == [f"out[{n}]" for n in range(5)]


@pytest.mark.parametrize(
    "actual",
    [
        pytest.param(torch.arange(6.0).reshape(3, 2), id="reshaped"),
        pytest.param(torch.arange(6.0).reshape(1, 2, 3), id="one more dimension"),
        pytest.param(torch.arange(6.0).reshape(2, 3).t(), id="transposed"),
    ],
)
def test_shapes_are_never_realigned(actual: torch.Tensor) -> None:
    comparison = compare(torch.arange(6.0).reshape(2, 3), actual)
    assert kinds(comparison) == [("shape", "out", True)]


def test_the_axes_of_equal_size_are_never_permuted() -> None:
    square = torch.arange(9.0).reshape(3, 3)
    assert kinds(compare(square, square.t())) == [("value", "out", True)]


def test_a_difference_in_any_trial_fails() -> None:
    ones = [torch.ones(3)] * 3
    comparison = compare_trials(ones, [torch.ones(3), torch.ones(3), torch.ones(3) * 1.5])
    assert not comparison.passed
    assert comparison.findings[0].trial == 2


# --- exactness -------------------------------------------------------------------------------------------------------


def test_where_exactness_is_owed_the_last_bit_counts() -> None:
    one = tensors(1.0)
    next_one = torch.nextafter(one, tensors(2.0))
    assert compare(one, next_one, "close").passed
    comparison = compare(one, next_one, "exact")
    assert not comparison.passed
    assert "exact equality is owed" in comparison.findings[0].message


def test_a_difference_within_the_tolerance_passes_but_is_not_called_equal() -> None:
    comparison = compare(tensors(1.0), tensors(1.00001))
    assert comparison.passed
    assert not comparison.equal
    assert not comparison.outputs[0].equal


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("policy", [Policy(), Policy(rtol=10.0, atol=10.0)])
def test_integers_are_exact_whatever_the_tolerance(dtype: torch.dtype, policy: Policy) -> None:
    assert not compare(tensors(100, dtype=dtype), tensors(101, dtype=dtype), policy=policy).passed
    assert compare(tensors(100, dtype=dtype), tensors(100, dtype=dtype), policy=policy).equal


@pytest.mark.parametrize("other", [2**53 + 1, 2**63 - 1, -(2**63)])
def test_large_integers_are_not_rounded_together(other: int) -> None:
    comparison = compare(tensors(2**53, dtype=torch.int64), tensors(other, dtype=torch.int64))
    assert not comparison.passed
    assert values_of(comparison).mismatched == 1
    assert values_of(comparison).max_abs == float(abs(other - 2**53))


def test_the_whole_range_of_integers_is_told_apart() -> None:
    extremes = tensors(-(2**63), 2**63 - 1, dtype=torch.int64)
    assert compare(extremes, extremes).equal
    assert values_of(compare(extremes, extremes.flip(0))).mismatched == 2


def test_booleans_are_exact() -> None:
    assert compare(torch.tensor([True, False]), torch.tensor([True, False])).equal
    comparison = compare(torch.tensor([True, False]), torch.tensor([True, True]), policy=Policy(atol=5.0))
    assert values_of(comparison).mismatched == 1


# --- tolerances ------------------------------------------------------------------------------------------------------


def test_the_tolerance_that_was_applied_is_published() -> None:
    values = values_of(compare(tensors(-8.0, 2.0), tensors(-8.0, 2.0)))
    assert (values.rtol, values.atol, values.scale) == (1e-4, 8e-5, 8.0)
    given = values_of(compare(tensors(8.0), tensors(8.0), policy=Policy(rtol=0.25, atol=0.5)))
    assert (given.rtol, given.atol) == (0.25, 0.5)
    exact = values_of(compare(tensors(8.0), tensors(8.0), "exact"))
    assert (exact.rtol, exact.atol) == (0.0, 0.0)


def test_a_tolerance_of_the_user_waives_exactness_and_compare_exact_demands_it() -> None:
    expected, actual = tensors(1.0), tensors(1.000001)
    assert not compare(expected, actual, "exact", Policy.of(ConversionSpec(model="m.py:M"))).passed
    assert compare(expected, actual, "exact", Policy.of(ConversionSpec(model="m.py:M", rtol=1e-5))).passed
    assert compare(expected, actual, "exact", Policy.of(ConversionSpec(model="m.py:M", atol=1e-5))).passed
    assert compare(expected, actual, "close", Policy.of(ConversionSpec(model="m.py:M"))).passed
    assert not compare(expected, actual, "close", Policy.of(ConversionSpec(model="m.py:M", compare="exact"))).passed


@pytest.mark.parametrize("scale", [1e-14, 1.0, 1e12])
def test_the_absolute_tolerance_follows_the_scale_of_the_output(scale: float) -> None:
    """An untrained EfficientNet puts out 1e-14, an Inception 1e12: no number in units of the output fits both."""
    expected = torch.tensor([1.0, -0.5, 0.0]) * scale
    wrong = expected + torch.tensor([0.0, 0.0, 1e-2]) * scale
    rounded = expected + torch.tensor([0.0, 0.0, 5e-6]) * scale
    assert not compare(expected, wrong).passed
    assert not compare(expected, torch.zeros(3)).passed
    assert compare(expected, rounded).passed


def test_the_scale_is_that_of_all_trials() -> None:
    """An output near zero in one trial is judged by the size that it has in others."""
    assert compare_trials([tensors(10.0), tensors(0.0)], [tensors(10.0), tensors(5e-5)]).passed
    assert not compare_trials([tensors(10.0), tensors(0.0)], [tensors(10.0), tensors(5e-4)]).passed


@pytest.mark.parametrize(
    ("dtype", "step", "passes"),
    [
        (torch.float64, 1e-8, True),
        (torch.float64, 1e-6, False),
        (torch.complex128, 1e-8, True),
        (torch.complex128, 1e-6, False),
        (torch.float32, 5e-5, True),
        (torch.float32, 5e-4, False),
        (torch.complex64, 5e-5, True),
        (torch.complex64, 5e-4, False),
        (torch.float16, 5e-3, True),
        (torch.float16, 5e-2, False),
        (torch.bfloat16, 3e-2, True),
        (torch.bfloat16, 2e-1, False),
    ],
)
def test_the_default_tolerance_fits_the_precision_of_the_dtype(dtype: torch.dtype, step: float, passes: bool) -> None:
    assert compare(tensors(1.0, dtype=dtype), tensors(1.0 + step, dtype=dtype)).passed is passes


FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)
PAIRS = st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=6)


@settings(max_examples=150)
@given(PAIRS, st.sampled_from([0.0, 1e-4, 0.3]))
@example([(1e6, 1e6 - 1e-4)], 1e-4)
@example([(3.0, 3.0 + 1e-9), (-1e6, 1e6)], 0.3)
def test_the_absolute_tolerance_that_would_have_passed_is_the_boundary(
    pairs: list[tuple[float, float]], rtol: float
) -> None:
    expected, actual = (tensors(*side, dtype=torch.float64) for side in zip(*pairs, strict=True))
    required = values_of(compare(expected, actual, policy=Policy(rtol=rtol, atol=0.0))).required_atol
    assert required is not None
    assert compare(expected, actual, policy=Policy(rtol=rtol, atol=required)).passed
    if required > 0:
        below = math.nextafter(required, 0.0)
        assert not compare(expected, actual, policy=Policy(rtol=rtol, atol=below)).passed


# References so small that a ratio to them is infinite have no such tolerance either.
SIZES = st.one_of(st.just(0.0), st.floats(1e-3, 1e6), st.floats(-1e6, -1e-3))


@settings(max_examples=100)
@given(st.lists(st.tuples(SIZES, FINITE), min_size=1, max_size=6), st.sampled_from([0.0, 1e-3, 10.0]))
def test_the_relative_tolerance_that_would_have_passed_is_the_boundary(
    pairs: list[tuple[float, float]], atol: float
) -> None:
    expected, actual = (tensors(*side, dtype=torch.float64) for side in zip(*pairs, strict=True))
    required = values_of(compare(expected, actual, policy=Policy(rtol=0.0, atol=atol))).required_rtol
    if required is None:  # a difference at a zero: no relative tolerance allows it
        assert any(e == 0 and abs(a - e) > atol for e, a in pairs)
        return
    # The rounding of the rule itself: sizes up to 2e6 in float64, seen from a reference that may be small.
    slack = max(4e-10 / abs(e) for e, _ in pairs if e) if any(e for e, _ in pairs) else 0.0
    assert compare(expected, actual, policy=Policy(rtol=required * (1 + 1e-9) + slack, atol=atol)).passed
    assume(required * (1 - 1e-9) - slack > 0)
    below = required * (1 - 1e-9) - slack
    assert not compare(expected, actual, policy=Policy(rtol=below, atol=atol)).passed


def test_what_would_have_passed_is_known_for_a_failure_by_default() -> None:
    values = values_of(compare(tensors(10.0, 0.0), tensors(10.0, 3e-3)))
    assert values.required_atol == pytest.approx(3e-3)
    assert values.required_rtol is None
    values = values_of(compare(tensors(10.0, 2.0), tensors(10.0, 2.4)))
    assert values.required_rtol == pytest.approx((0.4 - 1e-4) / 2, rel=1e-5)


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_numbers_about_a_difference_are_those_of_plain_formulas() -> None:
    random = np.random.default_rng(3)
    expected = [random.normal(size=(4, 5)).astype(np.float32) * 7 for _ in range(3)]
    for array in expected:
        array[0, 0] = 30.0  # the largest value of each: then all trials have one scale
    actual = [array + random.normal(size=(4, 5)).astype(np.float32) * 1e-2 for array in expected]
    values = values_of(compare_trials([torch.tensor(e) for e in expected], [torch.tensor(a) for a in actual]))
    e, a = np.concatenate(expected).astype(np.float64).ravel(), np.concatenate(actual).astype(np.float64).ravel()
    assert values.max_abs == pytest.approx(np.abs(a - e).max(), rel=1e-12)
    assert values.max_rel == pytest.approx((np.abs(a - e) / np.abs(e)).max(), rel=1e-12)
    assert values.cosine == pytest.approx((e @ a) / np.linalg.norm(e) / np.linalg.norm(a), rel=1e-12)
    assert values.snr_db == pytest.approx(10 * np.log10((e @ e) / ((a - e) @ (a - e))), rel=1e-9)
    assert values.total == 60


def test_the_worst_trial_gives_the_numbers_that_belong_to_one_tolerance() -> None:
    expected = [tensors(1.0, -2.0), tensors(2.0, -1.0), tensors(1e6, 1.0), tensors(1.0, 0.0), tensors(1.0, 0.0)]
    actual = [tensors(1.0, -2.0), tensors(2.0, -1.01), tensors(1e6 + 1.0, 1.0), tensors(1.0, 0.0), tensors(1.0, 0.0)]
    values = values_of(compare_trials(expected, actual))
    assert (values.trial, values.scale, values.mismatched, values.total) == (1, 2.0, 1, 10)
    assert values.max_abs == pytest.approx(0.01, rel=1e-4)
    assert values.atol == pytest.approx(2e-5)


def test_a_trial_with_huge_outputs_excuses_nothing_in_the_others() -> None:
    """An error of 1e-2 in the first trial, where the last one's outputs are 1e6, and 1e-2 would be nothing."""
    expected, wrong = [tensors(1.0), tensors(1e6)], [tensors(1.01), tensors(1e6)]
    trees = {("a", n): stored(v) for n, v in enumerate(expected)} | {("b", n): stored(v) for n, v in enumerate(wrong)}
    pair = PairSpec("a", "b", "close", decides=True)
    comparison = compare_pair(pair, lambda name, n: trees[name, n], [0, 1], Policy(), large=[1])
    assert not comparison.passed
    assert comparison.findings[0].trial == 0
    five = [tensors(1.0)] * 4 + [tensors(1e6)]
    assert not compare_trials(five, [tensors(1.01), *five[1:]]).passed
    assert compare_trials(five, [*five[:4], tensors(1e6 + 1)]).passed


@pytest.mark.parametrize("scale", [1e-160, 1e160])
def test_cosine_and_noise_survive_extreme_sizes(scale: float) -> None:
    expected = tensors(3.0, 4.0, dtype=torch.float64) * scale
    actual = tensors(4.0, 3.0, dtype=torch.float64) * scale
    values = values_of(compare(expected, actual))
    assert values.cosine == pytest.approx(24 / 25)
    assert values.snr_db == pytest.approx(10 * math.log10(25 / 2))


def test_a_sign_that_is_turned_shows_in_the_cosine() -> None:
    values = values_of(compare(tensors(3.0, 4.0), tensors(-3.0, -4.0)))
    assert values.cosine == pytest.approx(-1.0)
    assert not compare(tensors(3.0, 4.0), tensors(-3.0, -4.0)).passed


def test_equal_outputs_have_no_noise_and_zeros_no_direction() -> None:
    assert values_of(compare(tensors(3.0), tensors(3.0))).snr_db is None
    assert values_of(compare(tensors(0.0), tensors(0.0))).cosine is None


@pytest.mark.parametrize(
    ("shape", "index"), [((2, 3, 4), (1, 2, 1)), ((24,), (21,)), ((24, 1), (21, 0)), ((1, 24, 1), (0, 21, 0))]
)
def test_the_place_of_the_worst_element_is_its_index(shape: tuple[int, ...], index: tuple[int, ...]) -> None:
    expected = torch.arange(24.0).reshape(shape)
    actual = expected.clone()
    actual[index] += 3.0
    actual.view(-1)[2] += 1.0
    at = values_of(compare(expected, actual)).at
    assert at is not None
    assert (at.index, at.expected, at.actual) == (index, "21.0", "24.0")


def test_the_place_of_a_complex_element_counts_elements_and_not_parts() -> None:
    expected = torch.zeros(2, 3, dtype=torch.complex64)
    actual = expected.clone()
    actual[1, 1] = 5j
    at = values_of(compare(expected, actual)).at
    assert at is not None
    assert (at.index, at.actual) == ((1, 1), "5j")


def test_the_place_is_that_of_a_violation_and_not_of_a_larger_difference_that_is_allowed() -> None:
    policy = Policy(rtol=0.1, atol=0.0)
    allowed, violation = (tensors(1000.0, 1.0), tensors(1050.0, 1.0)), (tensors(1000.0, 1.0), tensors(1000.0, 1.2))
    for trials in ([allowed, violation], [violation, allowed]):
        at = values_of(compare_trials(*zip(*trials, strict=True), policy=policy)).at
        assert at is not None
        assert at.index == (1,)
    at = values_of(compare(*allowed, policy=policy)).at
    assert at is not None
    assert at.index == (0,)


def test_the_message_names_the_first_place() -> None:
    (finding,) = compare(tensors(1.0, 2.0), tensors(1.0, 2.5)).findings
    assert finding.message == "differs by up to 0.5 at [1]: 2.5, expected 2.0 (beyond the tolerance)"
