"""The comparison must see every difference that matters, and say how far from its limit a difference is.

Every value goes through the files in which a worker's processes leave their outputs, as it does in a run. Several tests
stand for a hole in the comparison of another converter: what passes there must fail here.
"""

from __future__ import annotations

import math
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ptmobile.protocol import Finished, decode, encode
from ptmobile.result import Comparison, ModelResult, Trial, Values
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.worker.comparing import Policy, compare_pair, proof_notices
from ptmobile.worker.comparing.pairs import PairSpec
from ptmobile.worker.comparing.proof import output_cards
from ptmobile.worker.comparing.tolerance import Owed
from ptmobile.worker.values.files import StoredTree, load_tree, save_tree
from ptmobile.worker.values.trees import UnsupportedValueError, flatten

NAN, INF = math.nan, math.inf
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
COMPLEX = (torch.complex64, torch.complex128)


def stored(value: Any) -> StoredTree:
    """A value as the supervisor of a job reads it back."""
    with tempfile.TemporaryDirectory() as folder:
        save_tree(flatten(value), Path(folder, "0"))
        return load_tree(Path(folder, "0"))


def compare_trials(
    expected: Sequence[Any], actual: Sequence[Any], owed: Owed = "close", policy: Policy | None = None
) -> Comparison:
    """Compare the outputs of several trials."""
    trees = {("a", n): stored(v) for n, v in enumerate(expected)} | {("b", n): stored(v) for n, v in enumerate(actual)}
    pair = PairSpec("a", "b", owed, decides=True)
    comparison = compare_pair(pair, lambda name, n: trees[name, n], range(len(expected)), policy or Policy())
    _travels(comparison)
    return comparison


def compare(expected: Any, actual: Any, owed: Owed = "close", policy: Policy | None = None) -> Comparison:
    """Compare the outputs of one trial."""
    return compare_trials([expected], [actual], owed, policy)


def tensors(*numbers: float, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.tensor(numbers, dtype=dtype)


def values_of(comparison: Comparison, output: str = "out") -> Values:
    (values,) = [found.values for found in comparison.outputs if found.output == output]
    assert values is not None
    return values


def kinds(comparison: Comparison) -> list[tuple[str, str, bool]]:
    """Every finding: what differs, where, and whether that fails."""
    return [(finding.kind, finding.output, finding.fails) for finding in comparison.findings]


def _travels(comparison: Comparison) -> None:
    """Whatever is found must pass the strict reading on the host's side."""
    message = Finished(result=ModelResult(comparisons=(comparison,)))
    assert decode(encode(message)) == message


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


# --- shapes, dtypes, layouts, containers -----------------------------------------------------------------------------


def test_tensors_without_dimensions() -> None:
    assert compare(torch.tensor(3.0), torch.tensor(3.0)).equal
    comparison = compare(torch.tensor(3.0), torch.tensor(4.0))
    at = values_of(comparison).at
    assert not comparison.passed
    assert at is not None
    assert at.index == ()
    assert kinds(compare(torch.tensor(3.0), tensors(3.0))) == [("shape", "out", True)]


def test_empty_tensors() -> None:
    comparison = compare(torch.empty(0, 4), torch.empty(0, 4))
    assert comparison.equal
    assert values_of(comparison).total == 0
    assert kinds(compare(torch.empty(0, 4), torch.empty(0, 5))) == [("shape", "out", True)]
    assert not compare_trials([torch.empty(0), tensors(1.0)], [torch.empty(0), tensors(2.0)]).passed


@pytest.mark.parametrize("dtype", COMPLEX)
def test_complex_numbers_are_compared_in_both_parts(dtype: torch.dtype) -> None:
    expected = torch.tensor([1 + 2j, 3 - 4j], dtype=dtype)
    assert compare(expected, expected).equal
    assert not compare(expected, expected.conj()).passed
    assert not compare(expected, expected + 1e-2j).passed


@pytest.mark.parametrize("owed", ["exact", "close"])
def test_nan_in_one_part_of_a_complex_number_hides_nothing_in_the_other(owed: Owed) -> None:
    expected, actual = (torch.tensor([complex(NAN, part)]) for part in (1.0, 2.0))
    comparison = compare(expected, actual, owed)
    assert not comparison.passed
    assert not comparison.equal
    assert compare(expected, expected, owed).equal
    assert not compare(expected, torch.tensor([complex(NAN, 1.00001)]), owed).equal


@settings(max_examples=100)
@given(
    st.sampled_from([torch.quint8, torch.qint8, torch.qint32]),
    st.floats(1e-6, 1e3),
    st.integers(-100, 100),
    st.integers(-100, 100),
)
@example(torch.quint8, 0.1, 0, 100)
@example(torch.qint32, 1e-6, -100, 2**30)
def test_a_quantised_output_may_differ_by_one_step(dtype: torch.dtype, scale: float, zero: int, value: int) -> None:
    zero = abs(zero) if dtype == torch.quint8 else zero
    value = abs(value) if dtype == torch.quint8 else value

    def quantised(step: int) -> torch.Tensor:
        integers = torch.tensor([0, value + step], dtype=torch.int64)
        bits = {torch.quint8: torch.uint8, torch.qint8: torch.int8, torch.qint32: torch.int32}[dtype]
        return torch._make_per_tensor_quantized_tensor(integers.to(bits), scale, zero)

    assert compare(quantised(0), quantised(0), "exact").equal
    assert compare(quantised(0), quantised(1), "close").passed
    assert not compare(quantised(0), quantised(1), "exact").passed
    assert not compare(quantised(0), quantised(2), "close").passed


def test_an_output_quantised_per_channel_is_exact() -> None:
    def quantised(values: torch.Tensor) -> torch.Tensor:
        return torch.quantize_per_channel(values, torch.tensor([0.1, 0.2]), torch.tensor([0, 0]), 0, torch.qint8)

    expected = torch.tensor([[0.1, 0.3], [0.2, 0.4]])
    assert compare(quantised(expected), quantised(expected)).equal
    assert not compare(quantised(expected), quantised(expected + 0.2)).passed


def test_dtype_is_a_finding_of_its_own() -> None:
    comparison = compare(tensors(1.5), tensors(1.5, dtype=torch.float64))
    assert kinds(comparison) == [("dtype", "out", True)]
    assert comparison.findings[0].message == "is float64, the reference float32"
    both = compare(tensors(1.5), tensors(9.5, dtype=torch.float64))
    assert [kind for kind, _, _ in kinds(both)] == ["dtype"]
    assert values_of(both).mismatched == 1


def test_dtype_and_shape_are_separate_findings() -> None:
    comparison = compare(torch.zeros(2, dtype=torch.int64), torch.zeros(3))
    assert [kind for kind, _, _ in kinds(comparison)] == ["dtype", "shape"]


def test_memory_format_is_noted_but_does_not_fail() -> None:
    image = torch.arange(60.0).reshape(1, 3, 4, 5)
    comparison = compare(image, image.contiguous(memory_format=torch.channels_last))
    assert comparison.passed
    assert comparison.equal
    assert kinds(comparison) == [("memory-format", "out", False)]
    assert comparison.findings[0].message.startswith("is channels_last, the reference contiguous")


def test_a_shape_that_has_both_memory_formats_gives_no_note() -> None:
    pixels = torch.arange(3.0).reshape(1, 3, 1, 1)
    assert not compare(pixels, pixels.contiguous(memory_format=torch.channels_last)).findings
    assert not compare(torch.arange(6.0).reshape(2, 3).t(), torch.arange(6.0).reshape(2, 3).t().contiguous()).findings


class Pair(NamedTuple):
    logits: torch.Tensor
    aux: torch.Tensor | None


@pytest.mark.parametrize(
    ("expected", "actual", "fails"),
    [
        pytest.param(Pair(tensors(1.0), None), (tensors(1.0), None), False, id="NamedTuple to tuple"),
        pytest.param(OrderedDict(a=tensors(1.0)), {"a": tensors(1.0)}, False, id="OrderedDict to dict"),
        pytest.param([tensors(1.0)], (tensors(1.0),), True, id="list to tuple"),
        pytest.param((tensors(1.0),), [tensors(1.0)], True, id="tuple to list"),
        pytest.param([], (), True, id="empty list to empty tuple"),
        pytest.param((tensors(1.0), ([],)), (tensors(1.0), ({},)), True, id="empty list to empty dict, nested"),
    ],
)
def test_containers(expected: Any, actual: Any, fails: bool) -> None:
    comparison = compare(expected, actual)
    (finding,) = comparison.findings
    assert (finding.kind, finding.fails) == ("container", fails)
    assert comparison.passed is not fails
    assert comparison.equal is not fails
    assert compare(expected, expected).equal
    assert not compare(expected, expected).findings


@pytest.mark.parametrize(
    ("expected", "actual", "found"),
    [
        ((tensors(1.0), tensors(2.0)), (tensors(1.0),), [("container", "out[1]", True)]),
        ((tensors(1.0),), (tensors(1.0), tensors(2.0)), [("container", "out[1]", True)]),
        ({"a": tensors(1.0)}, {"b": tensors(1.0)}, [("container", "out['a']", True), ("container", "out['b']", True)]),
        ({"a": tensors(1.0)}, {}, [("container", "out['a']", True)]),
    ],
)
def test_outputs_that_are_missing_or_too_many(expected: Any, actual: Any, found: list[tuple[str, str, bool]]) -> None:
    comparison = compare(expected, actual)
    assert kinds(comparison) == found
    assert not comparison.passed
    assert [output.output for output in comparison.outputs if not output.passed] == [path for _, path, _ in found]


def test_a_tensor_in_place_of_a_container() -> None:
    comparison = compare((tensors(1.0),), tensors(1.0))
    assert not comparison.passed
    assert ("container", "out", True) in kinds(comparison)
    assert comparison.findings[0].message == "is of kind tensor, the reference of kind tuple"


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_another_order_of_the_keys_is_noted_but_does_not_fail(kind: type) -> None:
    """Dictionaries in Java have no order; who takes the first value of one has to know."""
    expected, actual = {"a": tensors(1.0), "b": tensors(2.0)}, kind(b=tensors(2.0), a=tensors(1.0))
    comparison = compare((expected,), (actual,))
    assert comparison.equal
    assert ("container", "out[0]", False) in kinds(comparison)
    assert "another order" in comparison.findings[0].message
    assert not [finding for finding in compare(expected, kind(expected)).findings if "order" in finding.message]


def test_keys_of_different_types_are_different_keys() -> None:
    assert not compare({1: tensors(1.0)}, {"1": tensors(1.0)}).passed


@pytest.mark.parametrize(
    ("expected", "actual"), [(1, 2), (True, False), ("a", "b"), (None, 0), (1, True), (1, 1.0), (2**62, 2**62 + 1)]
)
def test_plain_values_must_be_equal_and_of_one_type(expected: Any, actual: Any) -> None:
    comparison = compare((tensors(1.0), expected), (tensors(1.0), actual), policy=Policy(rtol=9.0, atol=9.0))
    assert not comparison.passed
    assert [(kind, path) for kind, path, _ in kinds(comparison)] == [("value", "out[1]")]
    assert compare((expected,), (expected,)).equal


def test_a_plain_value_in_place_of_a_tensor() -> None:
    assert not compare(torch.tensor(1.0), 1.0).passed
    assert not compare(None, torch.tensor(1.0)).passed


def test_plain_floats_have_the_tolerance_of_the_tensors_they_are_computed_from() -> None:
    assert compare({"loss": 1.0}, {"loss": 1.00001}).passed
    assert not compare({"loss": 1.0}, {"loss": 1.00001}, "exact").passed
    comparison = compare({"loss": 1.0}, {"loss": 1.1})
    assert kinds(comparison) == [("value", "out['loss']", True)]
    assert values_of(comparison, "out['loss']").max_abs == pytest.approx(0.1)
    assert compare(NAN, NAN).equal
    assert kinds(compare(1.0, NAN)) == [("nan", "out", True)]


def test_the_same_difference_in_every_trial_is_said_once() -> None:
    comparison = compare_trials([[tensors(1.0)]] * 4, [(tensors(1.0),)] * 4)
    assert len(comparison.findings) == 1


def test_more_differences_than_are_told_still_fail() -> None:
    comparison = compare([1] * 60, [2] * 60)
    assert len(comparison.findings) < 60
    assert sum(not output.passed for output in comparison.outputs) == 60


# --- what agreement proves -------------------------------------------------------------------------------------------


def proof(trials: Sequence[Any], *, varied: bool = True) -> list[str]:
    trees = [stored(value) for value in trials]
    made = [Trial(number=number, seed=number if varied else None, arguments=()) for number in range(len(trees))]
    notices = proof_notices(lambda name, n: trees[n], made, Policy())
    assert all(notice.level == "warning" for notice in notices)
    return [f"{notice.code}: {notice.message.split()[0]}" for notice in notices]


def test_an_output_that_reacts_gives_no_warning() -> None:
    assert proof([tensors(1.0), tensors(2.0)]) == []
    assert proof([torch.tensor([1]), torch.tensor([2])]) == []


@pytest.mark.parametrize("zero", [torch.zeros(3), torch.zeros(3, dtype=torch.int64), torch.zeros(2, dtype=torch.bool)])
def test_an_output_of_zeros_is_warned_of(zero: torch.Tensor) -> None:
    assert proof([zero, zero]) == ["zero-output: out"]
    assert proof([zero], varied=False) == ["zero-output: out"]


def test_an_output_that_stands_still_is_warned_of() -> None:
    assert proof([(tensors(1.0), tensors(5.0)), (tensors(2.0), tensors(5.0))]) == ["still-output: out[1]"]


def test_an_output_that_hardly_reacts_is_warned_of() -> None:
    """A file that ignored its input would be within the tolerance."""
    assert proof([tensors(1.0, 5.0), tensors(1.0 + 1e-5, 5.0)]) == ["still-output: out"]
    assert proof([tensors(1.0, 5.0) * 1e-14, tensors(1.1, 5.0) * 1e-14]) == []


def test_a_reaction_in_any_trial_is_one() -> None:
    assert proof([tensors(1.0), tensors(1.0), tensors(3.0)]) == []


def test_different_shapes_are_no_reaction() -> None:
    assert proof([torch.ones(2), torch.ones(3), torch.ones(2), torch.ones(3)]) == ["still-output: out"]


def test_one_input_or_always_the_same_cannot_show_a_reaction() -> None:
    assert proof([tensors(1.0)]) == []
    assert proof([tensors(1.0), tensors(1.0)], varied=False) == []


def test_outputs_without_values_are_warned_of() -> None:
    assert proof([None, None]) == ["no-tensor: The"]
    assert proof([torch.empty(0), torch.empty(0)]) == ["empty-output: out"]
    assert proof([tensors(NAN, NAN), tensors(NAN, NAN)]) == ["nan-output: out"]
    assert proof([1.0, 2.0]) == []
    assert proof([1.0, 1.0]) == ["still-output: out"]


def test_infinity_is_no_zero() -> None:
    assert proof([tensors(INF, 0.0), tensors(0.0, 0.0)]) == []


def test_output_cards_tell_an_app_what_to_expect() -> None:
    image = torch.zeros(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)
    cards = output_cards(stored({"image": image, "rest": [3, None]}))
    listed = {card.output: (card.kind, card.dtype, card.shape, card.memory_format) for card in cards}
    assert listed == {
        "out": ("dict", "", (), ""),
        "out['image']": ("tensor", "float32", (1, 2, 3, 4), "channels_last"),
        "out['rest']": ("list", "", (), ""),
        "out['rest'][0]": ("int", "", (), ""),
        "out['rest'][1]": ("NoneType", "", (), ""),
    }


# --- value files -----------------------------------------------------------------------------------------------------

DTYPES = [torch.bool, *INTEGERS, *FLOATS, *COMPLEX]


def _of_bits(dtype: torch.dtype, shape: tuple[int, ...], raw: bytes) -> torch.Tensor:
    """A tensor whose elements have these bits, NaN payloads included."""
    size = torch.empty((), dtype=dtype).element_size() * math.prod(shape)
    data = bytearray((raw * (size // max(len(raw), 1) + 1))[:size]) or bytearray(1)
    if dtype == torch.bool:
        data = bytearray(byte & 1 for byte in data)
    flat = torch.frombuffer(data, dtype=torch.uint8)[:size]
    if dtype.is_complex:
        part = torch.float64 if dtype == torch.complex128 else torch.float32
        return torch.view_as_complex(flat.view(part).reshape(-1, 2)).reshape(shape)
    return flat.view(dtype).reshape(shape)


def _bits(tensor: torch.Tensor) -> bytes:
    tensor = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())


@settings(max_examples=150)
@given(st.sampled_from(DTYPES), st.lists(st.integers(0, 3), max_size=4).map(tuple), st.binary(min_size=1, max_size=64))
def test_a_tensor_of_any_dtype_and_shape_comes_back_bit_by_bit(
    dtype: torch.dtype, shape: tuple[int, ...], raw: bytes
) -> None:
    tensor = _of_bits(dtype, shape, raw)
    back = stored(("before", tensor, tensor.clone(), "behind"))
    for path in ("out[1]", "out[2]"):
        found = back.leaves[path]
        assert isinstance(found, torch.Tensor)
        assert (found.dtype, tuple(found.shape), _bits(found)) == (dtype, shape, _bits(tensor))
    assert back.dtypes["out[1]"] == str(dtype).removeprefix("torch.")


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
KEYS = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.integers(-9, 9))
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(KEYS, inner, max_size=3),
    ),
    max_leaves=8,
)


@settings(max_examples=150)
@given(NESTED)
@example({"": [(), {}, "']['"], 1: None, "1": True})
def test_nested_plain_values_come_back_as_they_were(value: Any) -> None:
    before, back = flatten(value), stored(value)
    assert back.containers == before.containers
    assert list(back.leaves) == list(before.leaves)
    for path, leaf in before.leaves.items():
        found = back.leaves[path]
        assert type(found) is type(leaf)
        assert found == leaf or (found != found and leaf != leaf)  # noqa: PLR0124 - NaN
    assert compare(value, value, "exact").equal


def test_memory_formats_are_noted_and_values_stored_in_logical_order() -> None:
    image = torch.arange(120.0).reshape(2, 3, 4, 5)
    tree = stored([image, image.contiguous(memory_format=torch.channels_last), image.transpose(1, 2), image[:1, :1]])
    assert list(tree.formats.values()) == ["contiguous", "channels_last", "strided", "either"]
    found = tree.leaves["out[1]"]
    assert isinstance(found, torch.Tensor)
    assert found.is_contiguous()
    assert torch.equal(found, image)
    assert torch.equal(tree.tensors()["out[2]"], image.transpose(1, 2))


def test_views_that_are_lazy_are_resolved() -> None:
    wave = torch.tensor([1 + 2j, 3 - 4j])
    tree = stored([wave.conj(), wave.imag, torch._neg_view(tensors(1.0, -2.0))])
    assert torch.equal(tree.tensors()["out[0]"], torch.tensor([1 - 2j, 3 + 4j]))
    assert torch.equal(tree.tensors()["out[2]"], tensors(-1.0, 2.0))


def test_a_view_of_a_large_tensor_stores_its_own_elements_only(tmp_path: Path) -> None:
    save_tree(flatten(torch.zeros(1_000_000)[10:15]), tmp_path / "0")
    assert (tmp_path / "0.bin").stat().st_size == 20


def test_every_tensor_begins_at_a_multiple_of_64_bytes(tmp_path: Path) -> None:
    """So that every runtime may map the file and read it in place."""
    save_tree(flatten([torch.ones(n, dtype=torch.uint8) for n in (1, 65, 0, 3)]), tmp_path / "0")
    manifest = (tmp_path / "0.json").read_text()
    offsets = [int(part.split(",")[0]) for part in manifest.split('"offset":')[1:]]
    assert all(offset % 64 == 0 for offset in offsets)
    assert len(offsets) == 4


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([object()], "type object at out[0]"),
        ({"a": {1, 2}}, "type set at out['a']"),
        (list(range(10_001)), "more than 10000 values"),
        ({"k" * 300: tensors(1.0)}, "too long a key"),
    ],
)
def test_what_no_lite_interpreter_returns_is_named(value: Any, message: str) -> None:
    with pytest.raises(UnsupportedValueError, match=message.replace("[", r"\[")):
        flatten(value)


def test_keys_that_look_alike_are_not_taken_for_one() -> None:
    class Key:
        def __repr__(self) -> str:
            return "key"

    with pytest.raises(UnsupportedValueError, match="look alike"):
        flatten({Key(): tensors(1.0), Key(): tensors(2.0)})
