"""From what was found to a verdict with reasons and an exit code."""

from __future__ import annotations

from itertools import product

import pytest
from report_support import NOTICE, WARNING, failure, result

from ptmobile.errors import ExitCode, PublishError
from ptmobile.judging.judge import judge_model, judge_run
from ptmobile.report.model import Reason, Verdict
from ptmobile.result import FailureKind
from ptmobile.spec import ConversionSpec, RunSpec

SPEC = ConversionSpec(model="net.py:Net", name="net")


def verdict(code: int = 0, *, warned: bool = False) -> Verdict:
    warnings = (Reason(title="random-weights", message="…"),) if warned else ()
    return Verdict(status="failed" if code else "passed", code=code, title="net", warnings=warnings)


def run(fail_on: str, *verdicts: Verdict) -> int:
    return judge_run(RunSpec(models=(SPEC,), fail_on=fail_on), verdicts)  # type: ignore[arg-type]


def test_a_model_passes_without_reasons() -> None:
    judged = judge_model(SPEC, result())
    assert (judged.status, judged.code, judged.reasons, judged.warnings) == ("passed", 0, (), ())
    assert judged.title == "net computes what the model computes, on 3 inputs"


def test_one_input_is_one_input() -> None:
    assert judge_model(SPEC, result(trials=result().trials[:1])).title.endswith("on 1 input")


@pytest.mark.parametrize(
    ("kind", "code", "title"),
    [
        ("load", ExitCode.LOAD, "net could not be loaded and run"),
        ("convert", ExitCode.CONVERT, "net could not be converted"),
        ("mismatch", ExitCode.MISMATCH, "net is not what the model computes"),
        ("nondeterministic", ExitCode.MISMATCH, "net is not deterministic, so nothing could be proved"),
    ],
)
def test_every_kind_of_failure_has_its_code(kind: FailureKind, code: ExitCode, title: str) -> None:
    found = result(failure=failure(kind, "eager", "What", "happened", location="net.py:1", advice="Do this."))
    judged = judge_model(SPEC, found)
    assert (judged.status, judged.code, judged.title) == ("failed", code, title)
    assert judged.reasons == (Reason(title="What", message="happened", location="net.py:1", advice="Do this."),)


def test_warnings_are_kept_and_said_notices_are_not_warnings() -> None:
    judged = judge_model(SPEC, result(notices=(NOTICE, WARNING)))
    assert judged.status == "passed"
    assert judged.title.endswith(", with warnings")
    assert judged.warnings == (Reason(title="random-weights", message="net.py:Net has random weights."),)
    failed = judge_model(SPEC, result(notices=(WARNING,), failure=failure("convert", "saved", "a", "b")))
    assert failed.warnings == judged.warnings


def test_a_file_that_cannot_be_written_is_a_failure_of_ours() -> None:
    fault = PublishError("net.ptl cannot be written: No space left on device", advice="Make room.")
    judged = judge_model(SPEC, result(), fault)
    assert (judged.status, judged.code) == ("failed", ExitCode.PUBLISH)
    assert judged.title == "net could not be published"
    assert judged.reasons == (
        Reason(
            title="net.ptl cannot be written: No space left on device",
            message="net.ptl cannot be written: No space left on device",
            advice="Make room.",
        ),
    )


def test_a_models_own_failure_goes_before_ours() -> None:
    found = result(failure=failure("mismatch", "lite (script)", "a", "b"))
    assert judge_model(SPEC, found, PublishError("full")).code == ExitCode.MISMATCH


def test_the_first_failure_gives_the_exit_code() -> None:
    assert run("failure", verdict(), verdict(4), verdict(3)) == 4
    assert run("warning", verdict(warned=True), verdict(3)) == 3
    assert run("failure", verdict(), verdict()) == 0
    assert run("failure") == 0


@pytest.mark.parametrize(
    ("fail_on", "code", "warned", "expected"),
    [
        ("failure", 0, True, 0),
        ("failure", 5, True, 5),
        ("warning", 0, True, 5),
        ("warning", 0, False, 0),
        ("never", 0, True, 0),
        ("never", 4, True, 0),
    ],
)
def test_fail_on(fail_on: str, code: int, warned: bool, expected: int) -> None:
    assert run(fail_on, verdict(code, warned=warned)) == expected


@pytest.mark.parametrize(
    ("kind", "warned"), list(product(["load", "convert", "mismatch", "nondeterministic", None], [0, 1]))
)
def test_status_and_code_agree(kind: FailureKind | None, warned: int) -> None:
    fault = failure(kind, "eager", "a", "b") if kind else None
    judged = judge_model(SPEC, result(failure=fault, notices=(WARNING,) * warned))
    assert (judged.status == "failed") == bool(judged.code) == bool(judged.reasons)
