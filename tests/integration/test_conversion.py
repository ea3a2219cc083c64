"""Models from start to finish, by the pipeline of a run: what is shipped, what is refused, and what is said of it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from run_support import MODELS, Converter, prepared_converter
from torch.jit.mobile import _load_for_lite_interpreter
from torch.utils.mobile_optimizer import optimize_for_mobile

from ptmobile.report.model import ModelReport
from ptmobile.result import Comparison, Stage
from ptmobile.spec.conversion import OPTIMIZER_PASSES, ConversionSpec, ExampleInput
from ptmobile.worker.inputs.examples import make_trials

IMAGE = [1, 3, 12, 12]


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converter]:
    with prepared_converter(tmp_path_factory.mktemp("workspace")) as converter:
        yield converter


def stages(report: ModelReport) -> dict[str, Stage]:
    return {stage.key: stage for stage in report.result.stages}


def not_passed(report: ModelReport) -> dict[str, str]:
    return {stage.key: stage.status for stage in report.result.stages if stage.status != "passed"}


def comparison(report: ModelReport, reference: str, candidate: str) -> Comparison:
    (found,) = [c for c in report.result.comparisons if (c.reference, c.candidate) == (reference, candidate)]
    return found


def pairs(report: ModelReport) -> set[tuple[str, str]]:
    return {(c.reference, c.candidate) for c in report.result.comparisons}


def codes(report: ModelReport) -> list[str]:
    return [notice.code for notice in report.result.notices]


def _model(name: str) -> torch.nn.Module:
    """A model of ``roads.py``, in this process."""
    loader = importlib.util.spec_from_file_location("roads", MODELS / "roads.py")
    assert loader is not None
    assert loader.loader is not None
    module = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(module)
    model: torch.nn.Module = getattr(module, name)()
    return model.eval().requires_grad_(requires_grad=False)


def reason(report: ModelReport) -> str:
    """Everything that is said about a failure."""
    assert report.verdict.status == "failed"
    text = "\n".join(" ".join((r.title, r.message, r.location, r.advice)) for r in report.verdict.reasons)
    assert "Traceback" not in text
    return text


def assert_passed(report: ModelReport, method: str) -> None:
    assert report.verdict.code == 0, reason(report)
    assert report.file is not None
    assert (report.file.verified, report.file.method) == (True, method)
    assert not report.file.path.endswith(".unverified.ptl")


def assert_failed(report: ModelReport, code: int, *words: str) -> None:
    text = reason(report)
    assert report.verdict.code == code, text
    assert report.file is None or not report.file.verified
    for word in words:
        assert word in text


# --- what is right stays right ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["trace", "script"])
def test_every_stage_of_the_road_is_compared_with_what_is_before_it(convert: Converter, method: str) -> None:
    report = convert("roads.py:TrainedNorm", IMAGE, method=method)
    assert_passed(report, method)
    captured, other = ("traced", "scripted") if method == "trace" else ("scripted", "traced")
    optimised, lite = f"optimised ({method})", f"lite ({method})"
    before = {"eager", captured, other}
    frozen = ["frozen (trace)"] if method == "trace" else []  # what was scripted just now need not be
    assert pairs(report) == {
        *[("eager", "traced"), ("eager", "scripted"), ("traced", "scripted"), (optimised, lite)],
        *[(reference, candidate) for reference in before for candidate in (*frozen, optimised, lite)],
        *[(reference, optimised) for reference in frozen],
    }
    for pair in [("eager", captured), (optimised, lite)]:
        assert comparison(report, *pair).owed == "exact"
        assert comparison(report, *pair).equal
    close = comparison(report, "eager", lite)
    assert (close.owed, close.passed, close.equal, close.trials) == ("close", True, False, 5)
    decisive = {(c.reference, c.candidate) for c in report.result.comparisons if c.decides}
    assert decisive == {pair for pair in pairs(report) if other not in pair}


def test_what_is_frozen_is_run_and_reported_as_a_stage_of_its_own(convert: Converter) -> None:
    """What was traced always; what was scripted just now never, unless a repair asks for it (see test_repairs)."""
    report = convert("roads.py:TrainedNorm", IMAGE, method="trace")
    names = [key for key in stages(report) if key.endswith("(trace)")]
    assert names == ["frozen (trace)", "optimised (trace)", "saved (trace)", "lite (trace)"]
    folded = comparison(report, "traced", "frozen (trace)")
    assert (folded.owed, folded.passed, folded.decides) == ("close", True, True)
    assert comparison(report, "frozen (trace)", "optimised (trace)").passed
    assert not [key for key in stages(convert("roads.py:TrainedNorm", IMAGE)) if key.startswith("frozen")]


def test_a_fold_of_the_freezing_that_is_not_allowed_fails_that_stage(convert: Converter) -> None:
    report = convert("roads.py:TrainedNorm", IMAGE, method="trace", compare="exact", repair="off")
    assert_failed(report, 5, "frozen (trace) does not compute what eager computes", "exact equality is owed")
    left_out = ["CONV_BN_FUSION", "INSERT_FOLD_PREPACK_OPS"]
    report = convert("roads.py:TrainedNorm", IMAGE, method="trace", compare="exact", optimize_blocklist=left_out)
    assert_passed(report, "trace")
    assert comparison(report, "traced", "frozen (trace)").equal


@pytest.mark.parametrize("method", ["trace", "script"])
def test_without_optimisation_everything_is_bit_equal(convert: Converter, method: str) -> None:
    report = convert("roads.py:TrainedNorm", IMAGE, optimize=False, method=method)
    assert_passed(report, method)
    assert all(c.owed == "exact" and c.equal for c in report.result.comparisons)
    assert not [key for key in stages(report) if key.startswith("optimised")]
    assert report.file is not None
    assert not report.file.optimised
    assert not any("prepacked" in operator for operator in report.file.content.operators)


def test_exact_comparison_refuses_what_optimisation_rounds(convert: Converter) -> None:
    report = convert("roads.py:TrainedNorm", IMAGE, compare="exact", repair="off")
    assert_failed(report, 5, "optimised (script) does not compute what eager computes", "exact equality is owed")
    assert_passed(convert("roads.py:TrainedNorm", IMAGE, compare="exact", optimize=False), "script")


def test_a_tolerance_of_the_user_is_the_one_that_is_applied(convert: Converter) -> None:
    report = convert("roads.py:TrainedNorm", IMAGE, rtol=0.0, atol=1e-12, repair="off")
    assert_failed(report, 5, "optimised (script)")
    values = comparison(report, "eager", "optimised (script)").outputs[0].values
    assert values is not None
    assert (values.rtol, values.atol) == (0.0, 1e-12)
    assert values.required_atol is not None
    assert_passed(convert("roads.py:TrainedNorm", IMAGE, rtol=0.0, atol=values.required_atol * 1.001), "script")


def test_a_file_that_did_not_verify_has_a_name_that_says_so(convert: Converter) -> None:
    report = convert("roads.py:TrainedNorm", IMAGE, compare="exact", name="rounded", repair="off")
    assert convert.file(report).name == "rounded.unverified.ptl"
    assert convert.file(report).exists()
    assert not (convert.workspace / "out" / "rounded.ptl").exists()


def _operators(report: ModelReport) -> set[str]:
    assert report.file is not None
    return {operator.partition(".")[0] for operator in report.file.content.operators}


def test_passes_in_the_blocklist_are_left_out(convert: Converter) -> None:
    all_passes = convert("roads.py:Blocks", IMAGE)
    assert_passed(all_passes, "script")
    assert any(name.startswith("prepacked::") for name in _operators(all_passes))
    assert not _operators(all_passes) & {"aten::dropout", "aten::batch_norm", "aten::conv2d"}
    no_prepack = convert("roads.py:Blocks", IMAGE, optimize_blocklist=["INSERT_FOLD_PREPACK_OPS"])
    assert_passed(no_prepack, "script")
    assert "aten::conv2d" in _operators(no_prepack)
    assert "aten::batch_norm" not in _operators(no_prepack)


@pytest.mark.parametrize("method", ["trace", "script"])
def test_with_all_passes_in_the_blocklist_the_optimised_file_is_bit_equal(convert: Converter, method: str) -> None:
    report = convert("roads.py:Blocks", IMAGE, method=method, optimize_blocklist=list(OPTIMIZER_PASSES))
    assert_passed(report, method)
    assert all(c.equal for c in report.result.comparisons)


def test_preserved_methods_are_in_the_file_and_work(convert: Converter) -> None:
    report = convert("roads.py:Methods", preserve_methods=["features", "labels"], method="script")
    assert_passed(report, "script")
    lite = _load_for_lite_interpreter(str(convert.file(report)))
    x = torch.rand(2, 4)
    assert torch.equal(lite.run_method("features", x), x * 3)
    assert lite.run_method("labels") == ["cat", "dog"]
    assert report.file is not None
    assert set(report.file.content.methods) >= {"forward", "features", "labels"}


def test_a_method_to_preserve_that_is_not_there_is_named(convert: Converter) -> None:
    assert_failed(convert("roads.py:Methods", preserve_methods=["featurs"]), 4, "no method featurs", "torch.jit.export")


@pytest.mark.parametrize("method", ["trace", "script"])
@pytest.mark.parametrize("optimize", [True, False])
def test_bundled_inputs_can_be_read_back_from_the_file(convert: Converter, method: str, optimize: bool) -> None:
    inputs = (ExampleInput(shape=(2, 4)), ExampleInput(shape=(2, 4), range=(5, 6)))
    entries = ({"shape": [2, 4]}, {"shape": [2, 4], "range": [5, 6]})
    report = convert("behaviour.py:Adds", *entries, bundle_inputs=True, method=method, optimize=optimize, seed=9)
    assert_passed(report, method)
    lite = _load_for_lite_interpreter(str(convert.file(report)))
    ((x, y),) = lite.run_method("get_all_bundled_inputs")
    expected = make_trials(ConversionSpec(model="m.py:M", seed=9), inputs, MODELS)[0].arguments
    assert torch.equal(x, expected[0])
    assert torch.equal(y, expected[1])
    assert torch.equal(lite(x, y), x * 2 + y)


# --- which road is taken ---------------------------------------------------------------------------------------------


def test_auto_prefers_script_and_says_why(convert: Converter) -> None:
    report = convert("nets.py:TinyNet", [1, 3, 8, 8])
    assert_passed(report, "script")
    assert "the first that verified" in report.result.choice
    assert {"traced", "scripted"} <= set(stages(report))


@pytest.mark.parametrize("method", ["trace", "script"])
def test_the_method_that_was_asked_for_is_shipped(convert: Converter, method: str) -> None:
    report = convert("nets.py:TinyNet", [1, 3, 8, 8], method=method)
    assert_passed(report, method)
    assert report.result.choice == f"{method}, as asked for"


@pytest.mark.parametrize(
    ("model", "inputs", "stage", "why"),
    [
        pytest.param("roads.py:NotScriptable", [2, 4], "scripted", "could not be scripted", id="scripting raises"),
        pytest.param(
            "roads.py:ScriptedOtherwise", [2, 4], None, "scripted does not compute what eager computes", id="wrong"
        ),
        pytest.param("roads.py:Hoisted", [1, 4, 256, 256], "optimised (script)", "Crashed", id="optimised crashes"),
        pytest.param("outputs.py:NamedTupleNet", [2, 4], "lite (script)", "", id="the file cannot be run"),
    ],
)
def test_auto_falls_back_to_the_trace_and_says_why(
    convert: Converter, model: str, inputs: list[int], stage: str | None, why: str
) -> None:
    report = convert(model, inputs, outputs="keep")
    assert_passed(report, "trace")
    assert report.result.choice.startswith("trace (script failed: ")
    assert why in report.result.choice
    assert set(not_passed(report)) == ({stage} if stage else set())
    assert why in report.result.choice


def test_a_scripted_module_that_is_wrong_is_no_fault_of_the_traced_file(convert: Converter) -> None:
    """Both are reported, and only the pairs on the road of the shipped file decide."""
    report = convert("roads.py:ScriptedOtherwise")
    wrong = comparison(report, "eager", "scripted")
    assert not wrong.passed
    assert not wrong.decides
    assert all(c.passed for c in report.result.comparisons if c.decides)
    assert_failed(convert("roads.py:ScriptedOtherwise", method="script"), 5, "scripted does not compute")


def test_a_trace_that_is_impossible_does_not_hinder_the_script(convert: Converter) -> None:
    report = convert("roads.py:NotTraceable")
    assert_passed(report, "script")
    assert not_passed(report) == {"traced": "failed"}
    assert_failed(convert("roads.py:NotTraceable", method="trace"), 4, "could not be traced", "tuple of tensors")


def test_without_any_road_both_reasons_are_told(convert: Converter) -> None:
    report = convert("roads.py:NoRoad", outputs="keep")
    assert_failed(report, 4, "could not be scripted", "roads.py:", "Also tried: trace", "could not be traced")
    assert report.file is None


def test_a_torchscript_file_is_shipped_as_it_is(convert: Converter) -> None:
    with torch.no_grad():
        scripted = torch.jit.script(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU()))
    scripted.save(str(convert.workspace / "scripted.pt"))
    report = convert("scripted.pt", [2, 4])
    assert_passed(report, "script")
    assert not_passed(report) == {"traced": "skipped"}
    lite = _load_for_lite_interpreter(str(convert.file(report)))
    x = torch.rand(5, 4)
    torch.testing.assert_close(lite(x), scripted(x))
    assert convert("scripted.pt", [2, 4], method="trace").verdict.code == 4


@pytest.mark.parametrize("optimize", [True, False])
def test_a_torchscript_file_with_submodules_and_methods(convert: Converter, optimize: bool) -> None:
    """A run must not leave calls of submodules in the graph that is saved: the lite interpreter would not find them."""
    with torch.no_grad():
        torch.jit.script(_model("Methods")).save(str(convert.workspace / "methods.pt"))
    report = convert("methods.pt", [2, 4], optimize=optimize, preserve_methods=["deeper"])
    assert_passed(report, "script")
    lite = _load_for_lite_interpreter(str(convert.file(report)))
    x = torch.rand(2, 4)
    torch.testing.assert_close(lite.run_method("deeper", x), lite(x) * 2)


@pytest.mark.parametrize("optimize", [True, False])
def test_a_torchscript_file_that_was_traced(convert: Converter, optimize: bool) -> None:
    """It must be frozen, as any trace."""
    model = _model("TrainedNorm")
    with torch.no_grad():
        torch.jit.trace(model, torch.rand(IMAGE), check_trace=False).save(str(convert.workspace / "traced.pt"))
    report = convert("traced.pt", IMAGE, optimize=optimize)
    assert_passed(report, "script")
    lite = _load_for_lite_interpreter(str(convert.file(report)))
    x = torch.rand(IMAGE)
    torch.testing.assert_close(lite(x), model(x), rtol=1e-4, atol=1e-4)


def test_the_eager_run_of_a_torchscript_file_does_not_spoil_what_is_saved(convert: Converter) -> None:
    """Three levels of calls, none of which the lite interpreter would find."""
    torch.jit.script(_model("TrainedNorm")).save(str(convert.workspace / "nested.pt"))
    assert_passed(convert("nested.pt", IMAGE, optimize=False), "script")


@pytest.mark.parametrize("prepare", [torch.jit.freeze, optimize_for_mobile])
def test_a_torchscript_file_that_was_frozen_or_optimised_before(convert: Converter, prepare: Any) -> None:
    model = _model("TrainedNorm")
    prepare(torch.jit.script(model)).save(str(convert.workspace / "prepared.pt"))
    report = convert("prepared.pt", IMAGE)
    assert_passed(report, "script")
    x = torch.rand(IMAGE)
    lite = _load_for_lite_interpreter(str(convert.file(report)))
    torch.testing.assert_close(lite(x), model(x), rtol=1e-4, atol=1e-4)


def test_a_torchvision_model_has_inputs_of_its_own(convert: Converter) -> None:
    spec = convert.spec("torchvision:squeezenet1_1", trials=1)
    report = convert.run([ConversionSpec(model=spec.model, name=spec.name, output=spec.output, trials=1)]).models[0]
    assert_passed(report, "script")
    assert report.result.trials[0].arguments == ("float32 [1, 3, 224, 224]",)
    assert "untrained" in codes(report)


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


# --- models that end their process -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "status", "words"),
    [
        ("crashes.py:Forward", "crashed", ["SIGSEGV", "stage eager, trial 0"]),
        ("behaviour.py:Aborts", "crashed", ["SIGABRT", "stage eager, trial 0"]),
        ("behaviour.py:Killed", "crashed", ["SIGKILL", "too little memory"]),
        ("behaviour.py:Leaves", "crashed", ["ended by itself with exit status 0"]),
        ("behaviour.py:Exits", "failed", ["SystemExit", "behaviour.py:", "in forward"]),
        ("behaviour.py:ClosesEverything", "crashed", ["closed its channel"]),
        ("behaviour.py:SpeaksOutOfTurn", "crashed", ["wrote what is no report"]),
        ("huge.py:Forward", "failed", ["memory"]),
    ],
)
def test_an_eager_model_that_ends_its_process(convert: Converter, model: str, status: str, words: list[str]) -> None:
    report = convert(model)
    assert_failed(report, 3, "", *words)
    assert stages(report)["eager"].status == status
    assert stages(report)["load"].status == "passed"


@pytest.mark.parametrize(
    ("model", "status", "words"),
    [
        ("crashes.py:segfaults", "crashed", ["SIGSEGV", "stage load"]),
        ("crashes.py:aborts", "crashed", ["SIGABRT"]),
        ("crashes.py:leaves", "crashed", ["exit status 0"]),
        ("crashes.py:killed", "crashed", ["SIGKILL"]),
        ("factory_raises.py:exits", "failed", ["it ended the program with 3", "factory_raises.py:"]),
        ("import_exits.py:Net", "failed", ["it ended the program", "import_exits.py:"]),
    ],
)
def test_a_factory_that_ends_its_process(convert: Converter, model: str, status: str, words: list[str]) -> None:
    report = convert(model)
    assert_failed(report, 3, *words)
    assert not_passed(report) == {"load": status}


def test_a_crash_while_tracing_is_a_finding_of_that_stage_only(convert: Converter) -> None:
    report = convert("roads.py:CrashesTraced")
    assert_passed(report, "script")
    assert not_passed(report) == {"traced": "crashed"}
    assert_failed(convert("roads.py:CrashesTraced", method="trace"), 4, "SIGSEGV", "stage traced")


def test_a_crash_of_the_optimised_model_is_a_finding_of_that_stage(convert: Converter) -> None:
    """Convolutions hoisted out of an `if` run on tensors that they were not meant for."""
    report = convert("roads.py:Hoisted", [1, 4, 256, 256], method="script", repair="off")
    assert_failed(report, 4, "SIGSEGV", "stage optimised, trial 0")
    assert not_passed(report) == {"optimised (script)": "crashed"}
    assert comparison(report, "eager", "scripted").equal
    passes = ["INSERT_FOLD_PREPACK_OPS"]
    assert_passed(convert("roads.py:Hoisted", [1, 4, 256, 256], method="script", optimize_blocklist=passes), "script")


def test_a_file_that_the_lite_interpreter_cannot_run_is_a_finding_of_that_stage(convert: Converter) -> None:
    """It raises something senseless or crashes, by chance; what is sure is that it does not work."""
    report = convert("outputs.py:NamedTupleNet", method="script", outputs="keep", repair="off")
    assert_failed(report, 5)
    assert set(not_passed(report)) == {"lite (script)"}
    assert comparison(report, "eager", "optimised (script)").passed


def test_one_model_that_fails_leaves_the_others_alone(convert: Converter) -> None:
    models = ["nets.py:Stateless", "crashes.py:segfaults", "nets.py:TinyNet", "slow.py:Forward", "nets.py:Dropping"]
    limits = {"slow.py:Forward": 0.03}
    specs = [convert.spec(model, [1, 3, 8, 8], timeout_minutes=limits.get(model, 30)) for model in models]
    report = convert.run(specs)
    assert [model.verdict.code for model in report.models] == [0, 3, 0, 3, 0]
    assert report.exit_code == 3
    assert report.verdict == "failed"


@pytest.mark.parametrize(
    ("fail_on", "models", "code"),
    [
        ("failure", ["nets.py:Stateless", "outputs.py:Zero"], 0),
        ("warning", ["nets.py:Stateless", "outputs.py:Zero"], 5),
        ("warning", ["nets.py:Stateless"], 0),
        ("never", ["nets.py:Stateless", "factory_raises.py:make"], 0),
        ("failure", ["nets.py:Stateless", "factory_raises.py:make"], 3),
        ("failure", ["roads.py:NoRoad", "factory_raises.py:make"], 4),
    ],
)
def test_what_fails_the_step(convert: Converter, fail_on: str, models: list[str], code: int) -> None:
    report = convert.run([convert.spec(model, outputs="keep") for model in models], fail_on=fail_on)
    assert report.exit_code == code


# --- models that do not come to an end -------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "stage"), [("slow.py:make", "load"), ("slow.py:Forward", "eager")])
def test_a_model_that_hangs_is_ended_when_its_time_is_up(convert: Converter, model: str, stage: str) -> None:
    report = convert(model, timeout_minutes=0.05)
    assert_failed(report, 3, "time limit", f"stage {stage}", "timeout-minutes")
    assert not_passed(report) == {stage: "crashed"}


def test_a_trace_that_hangs_is_named_although_another_stage_waited(convert: Converter) -> None:
    report = convert("roads.py:HangsTraced", timeout_minutes=0.08)
    assert_failed(report, 4, "Out of time", "time limit", "timeout-minutes")
    assert not_passed(report) == {"traced": "crashed"}
    assert comparison(report, "eager", "scripted").equal


def test_nothing_is_left_in_the_scratch_folder(convert: Converter) -> None:
    before = set(convert.workers._base.iterdir())
    convert("roads.py:TrainedNorm", IMAGE)
    convert("crashes.py:segfaults")
    assert set(convert.workers._base.iterdir()) == before
