"""Trials that can fail: kinds of inputs, three runs at least, state, inputs that models change, sizes written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from run_support import MODELS, Converter, prepared_converter
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile.report.model import ModelReport
from ptmobile.result import Trial
from ptmobile.spec.conversion import ConversionSpec, ExampleInput
from ptmobile.worker.comparing import Policy
from ptmobile.worker.comparing.changed_inputs import keep_changed
from ptmobile.worker.inputs.examples import TrialInputs, make_trials
from ptmobile.worker.values.files import save_tree
from ptmobile.worker.values.trees import flatten
from ptmobile.worker.verdicts.pairing import Pairing


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converter]:
    with prepared_converter(tmp_path_factory.mktemp("workspace")) as converter:
        yield converter


def trials_of(entry: ExampleInput, **options: object) -> list[TrialInputs]:
    return make_trials(ConversionSpec(model="m.py:M", **options), (entry,), MODELS)  # type: ignore[arg-type]


def notices(report: ModelReport, code: str) -> list[str]:
    return [f"{notice.level}: {notice.message}" for notice in report.result.notices if notice.code == code]


# --- kinds of inputs -------------------------------------------------------------------------------------------------


def test_every_kind_is_drawn_once_by_default() -> None:
    trials = trials_of(ExampleInput(shape=(50, 40)))
    assert [trial.distribution for trial in trials] == ["normal", "uniform", "zeros", "ones", "large"]
    normal, uniform, zeros, ones, large = (trial.arguments[0] for trial in trials)
    assert 3 < float(normal.abs().max()) < 6
    assert -1 <= float(uniform.min()) < -0.9 < 0.9 < float(uniform.max()) <= 1
    assert set(zeros.unique().tolist()) == {0.0}
    assert set(ones.unique().tolist()) == {1.0}
    assert 3e3 < float(large.abs().max()) < 6e3


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_a_declared_range_is_never_left(dtype: str) -> None:
    entry = ExampleInput(shape=(40, 40), dtype=dtype, range=(-2.0, 6.0))  # type: ignore[arg-type]
    drawn = [trial.arguments[0] for trial in trials_of(entry)]
    assert all(bool(((values >= -2) & (values <= 6)).all()) for values in drawn)
    assert [set(drawn[number].flatten().tolist()) for number in (2, 3, 4)] == [{-2.0}, {6.0}, {-2.0, 6.0}]
    assert len(set(drawn[0].flatten().tolist())) > 50


@pytest.mark.parametrize("size", [2, 3, 1000])
def test_both_ends_of_integers_are_among_them(size: int) -> None:
    drawn = [t.arguments[0] for t in trials_of(ExampleInput(shape=(size,), dtype="int64", range=(-7, 50_000)))]
    for values in (drawn[0], drawn[1]):
        assert int(values.min()) == -7
        assert int(values.max()) == 49_999
    assert set(drawn[2].tolist()) == {-7}
    assert set(drawn[3].tolist()) == {49_999}
    assert set(drawn[4].tolist()) <= {-7, 49_999}


def test_large_halves_stay_finite() -> None:
    (large,) = (t for t in trials_of(ExampleInput(shape=(5000,), dtype="float16")) if t.distribution == "large")
    assert bool(torch.isfinite(large.arguments[0]).all())


def test_the_kinds_can_be_chosen_and_are_taken_in_turn() -> None:
    trials = trials_of(ExampleInput(shape=(3,)), trials=3, distributions=("ones", "normal"))
    assert [trial.distribution for trial in trials] == ["ones", "normal", "ones"]


def test_one_trial_is_run_three_times() -> None:
    trials = trials_of(ExampleInput(shape=(3,)), trials=1)
    assert [(trial.number, trial.repeats) for trial in trials] == [(0, None), (1, 0), (2, 0)]
    assert all(torch.equal(trial.arguments[0], trials[0].arguments[0]) for trial in trials)


def test_a_crash_at_the_third_run_is_found_with_one_trial(convert: Converter) -> None:
    report = convert("unlucky.py:FailsAtTheThirdRun", method="trace", trials=1)
    assert report.result.failure is not None
    assert "trial 2" in report.result.failure.problem.message


def test_a_dead_relu_proves_nothing_and_a_large_input_does_not_hide_that(convert: Converter) -> None:
    report = convert("unlucky.py:DeadReLU")
    assert [text for text in notices(report, "zero-output") if text.startswith("warning: out is zero")]


def test_what_overflows_is_compared_and_told(convert: Converter) -> None:
    report = convert("unlucky.py:Overflows")
    assert report.verdict.status == "passed"
    assert any("infinite or NaN in trial 4 (large)" in text for text in notices(report, "not-finite"))


# --- branches and sizes that a trace writes down ---------------------------------------------------------------------


def test_a_branch_in_the_trace_is_found_and_its_line_named(convert: Converter) -> None:
    report = convert("unlucky.py:Branch", method="trace")
    assert report.verdict.status == "failed"
    assert report.result.failure is not None
    message = report.result.failure.problem.message
    assert "unlucky.py:" in message
    assert "Python boolean" in message
    assert convert("unlucky.py:Branch").verdict.status == "passed"  # scripted


@pytest.mark.parametrize(
    ("model", "shape", "words"), [("BakedBatch", [1, 4], "batch"), ("BakedImage", [1, 2, 9, 9], "image")]
)
def test_a_size_in_the_trace_is_told_and_fails_nothing(
    convert: Converter, model: str, shape: list[int], words: str
) -> None:
    report = convert(f"unlucky.py:{model}", shape, method="trace")
    assert report.verdict.status == "passed"
    (told,) = notices(report, "fixed-size")
    assert told.startswith(f"warning: The traced model has a fixed {words} size: on float32 [")
    scripted = convert(f"unlucky.py:{model}", shape, method="script")
    assert [text.split(":")[0] for text in notices(scripted, "fixed-size")] == ["notice"]


def test_no_other_sizes_are_tried_where_several_are_declared(convert: Converter) -> None:
    report = convert("unlucky.py:BakedBatch", {"shapes": [[2, 4], [2, 4]]}, method="script")
    assert len(notices(report, "fixed-size")) == 1
    declared = convert("unlucky.py:BakedBatch", {"shapes": [[2, 4], [3, 4]]}, method="trace")
    assert declared.verdict.status == "failed"
    assert not notices(declared, "fixed-size")


# --- state, and inputs that are written to ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["trace", "script"])
def test_state_is_compared_from_one_start(convert: Converter, method: str) -> None:
    report = convert("behaviour.py:Counter", method=method)
    assert report.verdict.status == "passed", report.verdict
    assert report.result.deterministic
    assert all(comparison.passed for comparison in report.result.comparisons)
    (told,) = notices(report, "keeps-state")
    assert told.startswith("notice: The model keeps state between its calls, in runs.")
    module = _load_for_lite_interpreter(str(convert.file(report)))
    assert module(torch.zeros(1)).tolist() == [1.0]  # the file holds the state as loaded, not that after our runs


def test_state_in_an_attribute_is_written_down_by_the_trace_only(convert: Converter) -> None:
    report = convert("unlucky.py:CountsInAttribute", method="trace")
    assert report.verdict.status == "failed"
    assert report.result.failure is not None
    assert report.result.failure.kind == "mismatch"
    assert notices(report, "keeps-state")
    assert convert("unlucky.py:CountsInAttribute", method="script").verdict.status == "passed"


def test_an_input_that_is_changed_in_place_is_told_and_compared(convert: Converter) -> None:
    report = convert("unlucky.py:InPlaceReLU")
    assert report.verdict.status == "passed", report.verdict
    assert notices(report, "changes-inputs")


def test_a_file_that_changes_an_input_which_the_model_leaves_alone_fails(tmp_path: Path) -> None:
    given, changed = [torch.tensor([1.0, 2.0])], [torch.tensor([1.0, 0.0])]
    (tmp_path / "inputs").mkdir()
    save_tree(flatten(given, "input"), tmp_path / "inputs" / "0")
    for name, after in (("eager", given), ("lite", changed)):
        (tmp_path / name).mkdir()
        save_tree(flatten(torch.ones(2)), tmp_path / name / "0")
        keep_changed(given, after, tmp_path / name / "0")
    pairing = Pairing(tmp_path, Policy(), lambda key: True)
    pairing.run_on([Trial(number=0, seed=0, arguments=())])
    pairing.compare("eager", "lite", exact=False)
    pairing.compare("lite", "eager", exact=False)
    worse, harmless = pairing.comparisons
    assert not worse.passed
    assert [(f.output, f.fails) for f in worse.findings] == [("input[0]", True)]
    assert worse.findings[0].message.startswith("after the call differs by up to 2 at [1]")
    assert harmless.passed
    assert [(f.output, f.fails) for f in harmless.findings] == [("input[0]", False)]


# --- sensitive weights -----------------------------------------------------------------------------------------------


def test_a_head_of_zeros_is_compared_again_with_other_weights(convert: Converter) -> None:
    report = convert("unlucky.py:ZeroHead", [1, 3, 8, 8])
    assert report.verdict.status == "passed", report.verdict
    assert notices(report, "zero-output")
    sharper = report.result.sharper
    assert sharper is not None
    assert (sharper.status, sharper.failure) == ("passed", None)
    assert sharper.changed == 6  # of the normalisation scale, shift and statistics, of the head both, a bias before it
    compared = [c for c in sharper.comparisons if c.reference == "eager" and c.candidate == "lite (script)"]
    assert compared[0].outputs[0].values is not None
    assert (compared[0].outputs[0].values.scale or 0) > 0.1
    module = _load_for_lite_interpreter(str(convert.file(report)))
    assert not module(torch.rand(1, 3, 8, 8)).any()  # the file has the model's own weights


def test_a_fault_behind_a_head_of_zeros_is_found(convert: Converter) -> None:
    """What tracing bakes in, the zeros hide: the first comparison passes, the second does not."""
    hidden = convert("unlucky.py:HiddenBranch", method="trace", sensitive_weights="off")
    assert hidden.verdict.status == "passed"
    found = convert("unlucky.py:HiddenBranch", method="trace")
    assert found.verdict.status == "failed"
    assert found.verdict.code == 5
    assert found.result.failure is not None
    assert found.result.failure.problem.title.startswith("With sensitive weights, traced does not compute")
    assert found.file is not None
    assert not found.file.verified


def test_trained_weights_are_not_compared_again(convert: Converter) -> None:
    assert convert("nets.py:TinyNet").result.sharper is None
