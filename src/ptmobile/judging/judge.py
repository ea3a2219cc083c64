"""From what was asked for and what was found to a verdict with reasons. Pure: no files, no clock."""

from __future__ import annotations

from collections.abc import Sequence

from ptmobile.errors import ExitCode, PtmobileError
from ptmobile.judging.budgets import Gates
from ptmobile.report.model import Reason, Verdict
from ptmobile.result import FailureKind, ModelResult, Problem
from ptmobile.spec.conversion import ConversionSpec, RunSpec

_CODES: dict[FailureKind, ExitCode] = {
    "load": ExitCode.LOAD,
    "convert": ExitCode.CONVERT,
    "mismatch": ExitCode.MISMATCH,
    "nondeterministic": ExitCode.MISMATCH,
    "runtime": ExitCode.RUNTIME_INCOMPATIBLE,
}
_TITLES: dict[FailureKind, str] = {
    "load": "could not be loaded and run",
    "convert": "could not be converted",
    "mismatch": "is not what the model computes",
    "nondeterministic": "is not deterministic, so nothing could be proved",
    "runtime": "does not work in the app's own library",
}


def judge_model(
    spec: ConversionSpec, result: ModelResult, fault: PtmobileError | None = None, budgets: Gates | None = None
) -> Verdict:
    """The verdict on one model.

    ``fault``: what went wrong on our side of the wall, such as a file that could not be written. ``budgets``: what they
    say of a model that passes else.
    """
    warnings = tuple(Reason(title=n.code, message=n.message) for n in result.notices if n.level == "warning")
    if result.failure is not None:
        kind = result.failure.kind
        return Verdict(
            status="failed",
            code=int(_CODES[kind]),
            title=f"{spec.name} {_TITLES[kind]}",
            reasons=(_reason(result.failure.problem),),
            warnings=warnings,
        )
    if fault is not None:
        reason = Reason(title=fault.message.splitlines()[0], message=fault.message, advice=fault.advice)
        title = f"{spec.name} could not be published"
        return Verdict(status="failed", code=int(fault.code), title=title, reasons=(reason,), warnings=warnings)
    if budgets is not None:
        warnings += budgets.warnings
        if budgets.reasons:
            code, title = int(ExitCode.BUDGET), f"{spec.name} does not pass its budgets"
            return Verdict(status="failed", code=code, title=title, reasons=budgets.reasons, warnings=warnings)
    return Verdict(status="passed", code=0, title=_passed(spec, result, warned=bool(warnings)), warnings=warnings)


def judge_run(spec: RunSpec, verdicts: Sequence[Verdict]) -> int:
    """The exit code of the run: that of the first model that failed, as far as ``fail-on`` lets it."""
    if spec.fail_on == "never":
        return 0
    for verdict in verdicts:
        if verdict.code:
            return verdict.code
    if spec.fail_on == "warning" and any(verdict.warnings for verdict in verdicts):
        return int(ExitCode.MISMATCH)
    return 0


def _passed(spec: ConversionSpec, result: ModelResult, *, warned: bool) -> str:
    trials = sum(trial.repeats is None for trial in result.trials)
    same = "1 input" if trials == 1 else f"{trials} inputs"
    end = ", with warnings" if warned else ""
    if result.mode == "convert":
        return f"{spec.name} computes what the model computes, on {same}{end}"
    statuses = {verdict.status for verdict in result.devices}
    if any(comparison.reference == "golden" for comparison in result.comparisons):
        where = "in the app's own library and on the host" if "right" in statuses else "on the host alone"
        return f"{spec.name} gives its golden outputs {where}{end}"
    if "right" in statuses:
        return f"{spec.name} runs in the app's own library as on the host, on {same}{end}"
    where = "in the app's own library" if "ran" in statuses else "on the host; no library of an app was run"
    return f"{spec.name} {'runs' if trials else 'loads'} {where}{end}"


def _reason(problem: Problem) -> Reason:
    return Reason(title=problem.title, message=problem.message, location=problem.location, advice=problem.advice)
