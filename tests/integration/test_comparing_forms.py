"""The comparison must see every difference in form, and say where agreement proves little."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
import torch
from comparing_support import COMPLEX, INF, NAN, compare, compare_trials, kinds, stored, tensors, values_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ptmobile.result import Trial
from ptmobile.worker.comparing import Policy, proof_notices
from ptmobile.worker.comparing.proof import output_cards
from ptmobile.worker.comparing.tolerance import Owed

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
