"""Handing over what was found: files in the workspace, the job summary, outputs, annotations."""

from __future__ import annotations

from collections.abc import Sequence

from ptmobile.errors import ExitCode, PublishError
from ptmobile.files import WorkspaceFiles
from ptmobile.github.commands import CommandWriter
from ptmobile.github.context import GitHubContext
from ptmobile.github.outputs import OutputFile
from ptmobile.github.summary import append_summary
from ptmobile.progress import Progress
from ptmobile.publishing.handing_over import HandOver, Written
from ptmobile.report.escape import code
from ptmobile.report.files import checksums, operators_name, operators_yaml
from ptmobile.report.junit import junit_xml
from ptmobile.report.model import ModelReport, Reason, Report, message_of, to_json
from ptmobile.report.outputs import outputs_of
from ptmobile.report.page import report_html
from ptmobile.report.summary import summary_blocks
from ptmobile.shards.jobs import Plan, plan_summary
from ptmobile.shards.planning import matrix_json
from ptmobile.spec.publishing import PublishingSpec
from ptmobile.spec.workspace import Workspace
from ptmobile.telling import tell

REPORT, SUMMARY, PAGE, JUNIT = "report.json", "summary.md", "report.html", "junit.xml"
CHECKSUMS = "SHA256SUMS"
_ANNOTATIONS = 10  # the runner shows no more of a kind per step


class Publisher:
    """Publishes a report; ``commands`` is None outside of a job."""

    def __init__(
        self,
        context: GitHubContext,
        workspace: Workspace,
        progress: Progress,
        commands: CommandWriter | None,
        hand_over: HandOver | None = None,
    ) -> None:
        self._context = context
        self._workspace = workspace
        self._progress = progress
        self._commands = commands
        self._hand_over = hand_over or HandOver(context, workspace.root, progress, commands)

    def publish(
        self, report: Report, report_dir: str, *, summary: bool, handing_over: PublishingSpec | None = None
    ) -> int:
        """Write everything that can be written; what cannot be is said, and does not stop the rest.

        ``handing_over`` says what becomes of it beside the workspace. Returns the exit code of the run.
        """
        path = f"{report_dir}/{REPORT}"
        files = _told(report, report_dir)
        for model in report.models:
            for file in model.files if model.result.mode == "convert" else ():
                files[f"{report_dir}/{operators_name(model, file)}"] = operators_yaml(file).encode()
        if not report.models or any(model.result.mode == "convert" for model in report.models):
            # Also where it is empty: those of an earlier run must not be taken for the files of this one.
            files[f"{report_dir}/{CHECKSUMS}"] = checksums(report).encode()
        faults = self._made(report, report_dir, files) | self._write_files(files)
        written_report = "" if path in faults else path
        fails_on_warnings = bool(report.exit_code) and report.verdict == "passed"
        if handing_over is not None:
            # What could not be written may be there from an earlier run: that is not handed over.
            written = Written(report_dir, () if faults else tuple(files), lambda new: self._rewrite(new, report_dir))
            handed = self._hand_over.hand_over(report, written, handing_over)
            if handed is not report and not faults:
                faults |= self._rewrite(handed, report_dir)
            report = handed
            self._hand_over.comment(report, handing_over)
        if summary:
            append_summary(self._context.summary_file, summary_blocks(report), full_report=code(path))
        OutputFile(self._context.output_file).write_all(outputs_of(report, written_report))
        self._tell_all(report, fails_on_warnings=fails_on_warnings)
        if faults:
            self._tell(_not_written([*faults.values()]))
        self._progress.say(f"Report: {path}" if not faults else "The report could not be written.")
        return report.exit_code or (int(ExitCode.PUBLISH) if faults else 0)

    def _tell_all(self, report: Report, *, fails_on_warnings: bool) -> None:
        if report.baseline is not None and report.baseline.problem:
            self._no_baseline(report.baseline.problem, report.baseline.advice)
        for problem in report.problems:
            self._tell(problem)
        for model in report.models[:_ANNOTATIONS]:
            self._annotate(model)
        if fails_on_warnings:
            message = "There are warnings, and fail-on is warning."
            self._tell(Reason(title="The run fails on warnings", message=message))

    def publish_plan(self, plan: Plan, *, summary: bool) -> int:
        """Give a plan to the jobs that carry it out, and return the exit code."""
        matrix = matrix_json(plan.shards)
        if plan.problem:
            self._no_baseline(plan.problem, plan.advice)
        if summary:
            append_summary(self._context.summary_file, [plan_summary(plan)], full_report="the output matrix")
        OutputFile(self._context.output_file).write("matrix", matrix)
        self._progress.say(f"Matrix: {matrix}")
        return 0

    def _made(self, report: Report, report_dir: str, files: dict[str, bytes]) -> dict[str, PublishError]:
        """Add the renderings that nothing depends on; a fault of ours in one of them costs none of the others."""
        faults = {}
        for name, rendering in ((PAGE, report_html), (JUNIT, junit_xml)):
            try:
                files[f"{report_dir}/{name}"] = rendering(report)
            except Exception as error:  # noqa: BLE001 - the report as data is worth more than its looks
                message = f"{name} cannot be made: {type(error).__name__}: {error}."
                advice = "This is a fault of ptmobile: please report it."
                faults[f"{report_dir}/{name}"] = PublishError(message, advice=advice)
        return faults

    def _rewrite(self, report: Report, report_dir: str) -> dict[str, PublishError]:
        """Write the report anew, in all its forms, since it knows more now."""
        told = _told(report, report_dir)
        return self._made(report, report_dir, told) | self._write_files(told)

    def _write_files(self, contents: dict[str, bytes]) -> dict[str, PublishError]:
        """What could not be written, by its path."""
        faults: dict[str, PublishError] = {}
        files = WorkspaceFiles(self._workspace.root)
        for path, data in contents.items():
            try:
                files.write(path, data)
            except PublishError as error:
                faults[path] = error
        return faults

    def _tell(self, reason: Reason) -> None:
        tell(reason, "error", self._commands, self._progress)

    def _no_baseline(self, *lines: str) -> None:
        """Something to know that fails nothing, and whose message says all."""
        message = "\n".join(filter(None, lines))
        if self._commands is not None:
            self._commands.notice(message, title="ptmobile: there is no baseline")
        else:
            self._progress.say(message)

    def _annotate(self, model: ModelReport) -> None:
        """At most one error for a model that failed, at most one warning for one that passed."""
        if self._commands is None:
            return
        verdict = model.verdict
        if verdict.status == "failed":
            message = "\n".join(message_of(reason) for reason in verdict.reasons)
            self._commands.error(message or verdict.title, title=verdict.title)
        elif verdict.warnings:
            message = "\n".join(warning.message for warning in verdict.warnings)
            self._commands.warning(message, title=f"{model.spec.name}: verified, with warnings")


def _told(report: Report, report_dir: str) -> dict[str, bytes]:
    """The report as data and as Markdown, by their paths: what is written anew when something was handed over."""
    blocks = "\n".join(summary_blocks(report)).encode()
    return {f"{report_dir}/{REPORT}": to_json(report), f"{report_dir}/{SUMMARY}": blocks}


def _not_written(faults: Sequence[PublishError]) -> Reason:
    """All that could not be written, which mostly has one reason, as one error."""
    messages = "\n".join(fault.message for fault in faults)
    advice = "\n".join(dict.fromkeys(fault.advice for fault in faults))
    return Reason(title="The report cannot be written", message=messages, advice=advice)
