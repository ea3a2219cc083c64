"""Models from start to finish: their inputs and outputs, and models that do not answer twice alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conversion_support import assert_failed, assert_passed, codes, comparison
from run_support import MODELS, Converter, prepared_converter
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile.spec.conversion import ConversionSpec, ExampleInput
from ptmobile.worker.inputs.examples import make_trials


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converter]:
    with prepared_converter(tmp_path_factory.mktemp("workspace")) as converter:
        yield converter


# --- inputs ----------------------------------------------------------------------------------------------------------


def test_the_inputs_of_every_trial_are_reported_with_their_seeds(convert: Converter) -> None:
    report = convert("behaviour.py:Adds", {"shapes": [[2, 4], [3, 4]]}, {"shape": [4]}, trials=2, seed=5)
    assert_passed(report, "script")
    assert [(t.number, t.seed, t.arguments) for t in report.result.trials] == [
        (0, 5, ("float32 [2, 4]", "float32 [4]")),
        (1, 6, ("float32 [2, 4]", "float32 [4]")),
        (2, 5, ("float32 [2, 4]", "float32 [4]")),
        (3, 8, ("float32 [3, 4]", "float32 [4]")),
        (4, 9, ("float32 [3, 4]", "float32 [4]")),
        (5, 8, ("float32 [3, 4]", "float32 [4]")),
    ]
    assert [t.distribution for t in report.result.trials] == ["normal", "uniform", "normal"] * 2
    assert [t.repeats for t in report.result.trials] == [None, None, 0, None, None, 3]
    assert "on 4 inputs" in report.verdict.title


@pytest.mark.parametrize("method", ["trace", "script"])
def test_integers_booleans_and_numbers_as_inputs(convert: Converter, method: str) -> None:
    ids, mask = {"shape": [2, 40], "dtype": "int64", "range": [0, 5]}, {"shape": [2, 40], "dtype": "bool"}
    report = convert("behaviour.py:Text", ids, mask, {"shape": [], "range": [1, 2]}, method=method)
    assert_passed(report, method)
    assert report.result.trials[0].arguments == ("int64 [2, 40]", "bool [2, 40]", "float32 []")


def test_a_range_of_integers_is_covered_and_its_upper_end_left_out(convert: Converter) -> None:
    entry = {"shape": [100], "dtype": "int32", "range": [3, 6]}
    report = convert("behaviour.py:SeesAll", entry, method="trace", distributions=["normal", "uniform"])
    assert_passed(report, "trace")


def test_an_index_behind_the_end_of_a_table_is_explained(convert: Converter) -> None:
    ids, mask = {"shape": [2, 40], "dtype": "int64", "range": [0, 6]}, {"shape": [2, 40], "dtype": "bool"}
    report = convert("behaviour.py:Text", ids, mask, [1])
    assert_failed(report, 3, "index out of range", "behaviour.py:", "`range`")


def _write_data(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(1)
    arrays = {name: random.normal(size=(2, 4)).astype(np.float32) for name in ("x", "y")}
    np.save(folder / "x.npy", arrays["x"])
    np.save(folder / "y_big_endian.npy", np.asfortranarray(arrays["y"]).astype(">f4"))
    np.savez(folder / "both.npz", **arrays)
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    torch.save(tensors["x"], folder / "x.pt")
    torch.save(list(tensors.values()), folder / "list.pt")
    torch.save(tensors, folder / "dict.pt")
    return arrays


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(["x.npy", "y_big_endian.npy"], id="npy"),
        pytest.param(["both.npz"], id="npz: all its arrays"),
        pytest.param([{"file": "both.npz", "key": "x"}, {"file": "dict.pt", "key": "y"}], id="one key of npz and pt"),
        pytest.param(["x.pt", {"file": "both.npz", "key": "y"}], id="pt"),
        pytest.param(["list.pt"], id="pt: a list"),
        pytest.param(["dict.pt"], id="pt: a dict"),
    ],
)
def test_inputs_from_data_files_reach_the_model(convert: Converter, entries: list[Any]) -> None:
    arrays = _write_data(convert.workspace)
    report = convert("behaviour.py:Adds", *entries, bundle_inputs=True, trials=1)
    assert_passed(report, "script")
    assert report.result.trials[0].seed is None
    ((x, y),) = _load_for_lite_interpreter(str(convert.file(report))).run_method("get_all_bundled_inputs")
    assert np.array_equal(x.numpy(), arrays["x"])
    assert np.array_equal(y.numpy(), arrays["y"])


def test_a_data_file_beside_random_values(convert: Converter) -> None:
    _write_data(convert.workspace)
    report = convert("behaviour.py:Adds", "x.npy", {"shapes": [[2, 4], [4]]}, trials=2)
    assert_passed(report, "script")
    assert [trial.arguments[1] for trial in report.result.trials] == ["float32 [2, 4]"] * 3 + ["float32 [4]"] * 3


def test_a_batch_size_baked_into_the_trace_is_found_on_the_second_shape(convert: Converter) -> None:
    shapes = {"shapes": [[2, 4], [4, 4]]}
    report = convert("roads.py:PerSample", shapes, method="trace")
    assert_failed(report, 5, "traced does not compute what eager computes", "trial 5", "[2, 3]", "[4, 3]", "script")
    assert_passed(convert("roads.py:PerSample", [2, 4], method="trace"), "trace")  # one shape would hide it
    assert_passed(convert("roads.py:PerSample", shapes, method="script"), "script")
    assert_passed(convert("roads.py:PerSample", shapes), "script")


def test_a_size_that_makes_the_trace_fail_is_told_with_its_line(convert: Converter) -> None:
    report = convert("roads.py:FixedView", {"shapes": [[2, 4], [4, 4]]}, method="trace")
    assert_failed(report, 4, "could not be traced", "is invalid for input of size", "roads.py:", "in forward", "-1")


def test_a_branch_baked_into_the_trace_is_found_on_other_values(convert: Converter) -> None:
    report = convert("roads.py:TracedOtherwise", method="trace", trials=20)
    assert_failed(report, 5, "traced does not compute what eager computes", "branches")
    (warning,) = [notice for notice in report.result.notices if notice.code == "tracer-warning"]
    assert warning.message.startswith("roads.py:")
    assert_passed(convert("roads.py:TracedOtherwise", trials=20), "script")


def test_a_model_that_changes_its_input_changes_only_its_copy(convert: Converter) -> None:
    report = convert("behaviour.py:ChangesItsInput")
    assert_passed(report, "script")
    assert all(c.equal for c in report.result.comparisons)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int64"])
@pytest.mark.parametrize("bounds", [(-3, 4), (2, 3), (0, 100)])
def test_random_values_lie_in_their_range(dtype: str, bounds: tuple[int, int]) -> None:
    if dtype == "uint8" and bounds[0] < 0:
        bounds = (250, 256)
    entry = ExampleInput(shape=(2000,), dtype=dtype, range=bounds)  # type: ignore[arg-type]
    (first, second, *_) = make_trials(ConversionSpec(model="m.py:M"), (entry,), MODELS)
    values = first.arguments[0]
    assert values.dtype == getattr(torch, dtype)
    assert float(values.min()) >= bounds[0]
    if values.is_floating_point():
        assert float(values.max()) <= bounds[1]
        assert len(set(values.tolist())) > 50
    else:
        assert set(values.tolist()) == set(range(*bounds)) or bounds == (0, 100)
        assert int(values.max()) <= bounds[1] - 1
    assert bounds == (2, 3) or not torch.equal(values, second.arguments[0])
    (again, *_) = make_trials(ConversionSpec(model="m.py:M"), (entry,), MODELS)
    assert torch.equal(values, again.arguments[0])
    (other, *_) = make_trials(ConversionSpec(model="m.py:M", seed=77), (entry,), MODELS)
    assert bounds == (2, 3) or not torch.equal(values, other.arguments[0])


def test_the_widest_range_of_integers() -> None:
    entry = ExampleInput(shape=(100,), dtype="int64", range=(-(2.0**63), 2.0**63))
    values = make_trials(ConversionSpec(model="m.py:M"), (entry,), MODELS)[0].arguments[0]
    assert int(values.min()) < -(2**60)
    assert int(values.max()) > 2**60


@pytest.mark.parametrize(("dtype", "expected"), [("bool", {0, 1}), ("int64", {0, 1}), ("uint8", set(range(256)))])
def test_default_ranges(dtype: str, expected: set[int]) -> None:
    entry = ExampleInput(shape=(5000,), dtype=dtype)  # type: ignore[arg-type]
    values = make_trials(ConversionSpec(model="m.py:M"), (entry,), MODELS)[0].arguments[0]
    assert set(values.to(torch.int64).tolist()) == expected


# --- outputs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "method", "outputs"),
    [
        ("Nested", "script", ["out[0]", "out[1][0]", "out[1][1]", "out[2][0]", "out[2][1]"]),
        ("Nested", "trace", ["out[0]", "out[1][0]", "out[1][1]", "out[2][0]", "out[2][1]"]),
        ("Named", "script", ["out['logits']", "out['probabilities']"]),
        ("Ordered", "script", ["out['out']", "out['aux']"]),
        ("Plain", "script", [f"out[{n}]" for n in range(6)]),
        ("NamedTupleNet", "trace", ["out[0]", "out[1]"]),
    ],
)
def test_outputs_of_any_form_are_compared_one_by_one(
    convert: Converter, model: str, method: str, outputs: list[str]
) -> None:
    report = convert(f"outputs.py:{model}", method=method)
    assert_passed(report, method)
    compared = comparison(report, "eager", f"lite ({method})")
    assert [output.output for output in compared.outputs] == outputs
    assert set(outputs) <= {card.output for card in report.result.outputs}


def test_an_ordered_dict_becomes_a_dict_which_is_noted(convert: Converter) -> None:
    found = comparison(convert("outputs.py:Ordered"), "eager", "lite (script)")
    assert [(f.kind, f.fails) for f in found.findings] == [("container", False)]
    assert found.passed


def test_a_named_tuple_becomes_a_tuple_which_is_noted(convert: Converter) -> None:
    found = comparison(convert("outputs.py:NamedTupleNet", method="trace"), "eager", "lite (trace)")
    assert [(f.kind, f.fails) for f in found.findings] == [("container", False)]


def test_a_dict_cannot_be_traced_as_it_is(convert: Converter) -> None:
    assert_failed(convert("outputs.py:Named", method="trace", outputs="keep"), 4, "dict", "return a tuple of tensors")


def test_an_output_that_no_runtime_returns_is_refused(convert: Converter) -> None:
    assert_failed(convert("outputs.py:AnObject"), 3, "type object at out", "tuples, lists and dicts")


def test_nan_that_the_optimised_model_swallows_is_a_mismatch(convert: Converter) -> None:
    """XNNPACK's clamp makes 0 of it: a comparison that ignored NaN would pass."""
    report = convert("outputs.py:NanOfNegative", [1, 1, 4, 4], repair="off")
    assert_failed(report, 5, "optimised (script) does not compute what eager computes", "NaN on one side")
    assert report.file is not None
    assert report.file.path.endswith(".unverified.ptl")
    assert_passed(convert("outputs.py:NanOfNegative", [1, 1, 4, 4], optimize=False), "script")


@pytest.mark.parametrize(
    ("model", "code"), [("Zero", "zero-output"), ("Still", "still-output"), ("NoTensor", "no-tensor")]
)
def test_agreement_that_proves_nothing_is_a_warning(convert: Converter, model: str, code: str) -> None:
    report = convert(f"outputs.py:{model}")
    assert_passed(report, "script")
    assert code in codes(report)
    assert [warning.title for warning in report.verdict.warnings] == [code]


# --- models that do not answer twice alike ---------------------------------------------------------------------------


def test_a_model_that_draws_random_numbers_is_reported_as_such(convert: Converter) -> None:
    """With the same seed its variants still agree, so there is a file, and a warning."""
    report = convert("behaviour.py:Random")
    assert report.result.deterministic is False
    assert "nondeterministic" in codes(report)
    assert report.verdict.code == 0
    assert convert("nets.py:Stateless").result.deterministic is True


def test_a_model_that_keeps_state_is_not_called_miscompiled(convert: Converter) -> None:
    report = convert("behaviour.py:CountsOutside", method="trace")
    assert_failed(report, 5, "not deterministic", "state")
    assert report.result.failure is not None
    assert report.result.failure.kind == "nondeterministic"
    assert "not deterministic" in report.verdict.title
