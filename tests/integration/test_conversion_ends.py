"""Models that end their process, or do not come to an end: a failure of that model, which says why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conversion_support import IMAGE, assert_failed, assert_passed, comparison, not_passed, stages
from run_support import Converter, prepared_converter


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converter]:
    with prepared_converter(tmp_path_factory.mktemp("workspace")) as converter:
        yield converter


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
