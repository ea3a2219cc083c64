"""What a reader is shown of a report: one view model, from which every rendering is made. No escaping here."""

from __future__ import annotations

from dataclasses import dataclass

from ptmobile.errors import ExitCode
from ptmobile.report.comparisons import PASSED
from ptmobile.report.cutting import Cut, cut
from ptmobile.report.differences import baseline_lines
from ptmobile.report.downloads import Download, downloads_of
from ptmobile.report.model import Report
from ptmobile.report.model_view import MARKS, ModelView, model_view
from ptmobile.report.numbers import count
from ptmobile.report.origin import OriginRow, origin_rows
from ptmobile.report.problems import ProblemView, problem_view

# Rows of the table of models; those that failed are shown first when there are more.
MAX_ROWS = 500
# Rows of what the files come from.
MAX_ORIGIN = 100


@dataclass(frozen=True)
class ReportView:
    """The whole run as it is shown; ``models`` has the failed ones first, ``rows`` is the table over them."""

    mark: str
    headline: str
    remark: str
    models: tuple[ModelView, ...]
    rows: Cut[ModelView]
    problems: tuple[ProblemView, ...]
    baseline: tuple[str, ...]
    merged: str
    footer: str
    origin: Cut[OriginRow]
    downloads: tuple[Download, ...] = ()
    unpublished: tuple[ProblemView, ...] = ()


def view_of(report: Report) -> ReportView:
    """The view of a report."""
    models = tuple(map(model_view, report.models))
    failed_first = tuple(sorted(models, key=lambda model: model.mark == PASSED))
    return ReportView(
        mark=MARKS[report.verdict],
        headline=_headline(report),
        remark=_remark(report),
        models=failed_first,
        rows=cut(models if len(models) <= MAX_ROWS else failed_first, MAX_ROWS),
        problems=tuple(map(problem_view, report.problems)),
        baseline=baseline_lines(report),
        merged=_merged(report),
        footer=_footer(report),
        origin=cut(origin_rows(report), MAX_ORIGIN),
        downloads=downloads_of(report),
        unpublished=tuple(map(problem_view, report.unpublished)),
    )


def _headline(report: Report) -> str:
    done, bad = len(report.models), sum(model.verdict.status == "failed" for model in report.models)
    if report.exit_code == ExitCode.CONFIGURATION and not done:
        return "nothing was run: the specification is wrong"
    if report.problems and report.merged:
        return f"the reports are not complete: {count(done, 'model')} merged, {bad} failed"
    if report.problems:
        return f"the run did not finish: {count(done, 'model')} done, {bad} failed" if done else "the run did not start"
    if done == 1:
        model = report.models[0]
        checked = model.result.mode == "check"
        return model.verdict.title if bad or checked else f"{model.spec.name} is verified"
    if bad:
        return f"{bad} of {done} models failed"
    return f"all {done} models are verified" if done else "there was nothing to do"


def _remark(report: Report) -> str:
    """Where the exit code is not what the verdict makes one expect."""
    if report.verdict == "failed" and not report.exit_code:
        return "The step does not fail, because `fail-on` is `never`."
    if report.exit_code == ExitCode.PUBLISH and report.unpublished:
        return "The step fails, because what should be handed over could not be."
    if report.verdict == "passed" and report.exit_code:
        return "The step fails, because there are warnings and `fail-on` is `warning`."
    return ""


def _merged(report: Report) -> str:
    """What a merged report was made of, and whether that is all there should be."""
    if report.merged is None:
        return ""
    what = f"Merged from {count(len(report.merged.reports), 'report')}"
    if report.merged.planned is None:
        return f"{what}. No matrix is given, so it is not known whether a model is missing."
    return f"{what}: {len(report.models):,} of {count(report.merged.planned, 'planned model')}."


def _footer(report: Report) -> str:
    environment = next((m.result.environment for m in report.models if m.result.environment), None)
    libraries = f", torch {environment.torch}, torchvision {environment.torchvision}" if environment else ""
    return f"{report.tool.name} {report.tool.version}{libraries}"
