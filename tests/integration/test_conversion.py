"""Models from start to finish, by the pipeline of a run: what is shipped, what is refused, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from conversion_support import (
    IMAGE,
    assert_failed,
    assert_passed,
    codes,
    comparison,
    not_passed,
    pairs,
    road_model,
    stages,
)
from run_support import MODELS, Converter, prepared_converter
from torch.jit.mobile import _load_for_lite_interpreter
from torch.utils.mobile_optimizer import optimize_for_mobile

from ptmobile.report.model import ModelReport
from ptmobile.spec.conversion import OPTIMIZER_PASSES, ConversionSpec, ExampleInput
from ptmobile.worker.inputs.examples import make_trials


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converter]:
    with prepared_converter(tmp_path_factory.mktemp("workspace")) as converter:
        yield converter


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
        torch.jit.script(road_model("Methods")).save(str(convert.workspace / "methods.pt"))
    report = convert("methods.pt", [2, 4], optimize=optimize, preserve_methods=["deeper"])
    assert_passed(report, "script")
    lite = _load_for_lite_interpreter(str(convert.file(report)))
    x = torch.rand(2, 4)
    torch.testing.assert_close(lite.run_method("deeper", x), lite(x) * 2)


@pytest.mark.parametrize("optimize", [True, False])
def test_a_torchscript_file_that_was_traced(convert: Converter, optimize: bool) -> None:
    """It must be frozen, as any trace."""
    model = road_model("TrainedNorm")
    with torch.no_grad():
        torch.jit.trace(model, torch.rand(IMAGE), check_trace=False).save(str(convert.workspace / "traced.pt"))
    report = convert("traced.pt", IMAGE, optimize=optimize)
    assert_passed(report, "script")
    lite = _load_for_lite_interpreter(str(convert.file(report)))
    x = torch.rand(IMAGE)
    torch.testing.assert_close(lite(x), model(x), rtol=1e-4, atol=1e-4)


def test_the_eager_run_of_a_torchscript_file_does_not_spoil_what_is_saved(convert: Converter) -> None:
    """Three levels of calls, none of which the lite interpreter would find."""
    torch.jit.script(road_model("TrainedNorm")).save(str(convert.workspace / "nested.pt"))
    assert_passed(convert("nested.pt", IMAGE, optimize=False), "script")


@pytest.mark.parametrize("prepare", [torch.jit.freeze, optimize_for_mobile])
def test_a_torchscript_file_that_was_frozen_or_optimised_before(convert: Converter, prepare: Any) -> None:
    model = road_model("TrainedNorm")
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
