"""What becomes of a report beside the workspace: artifacts of the run, a comment in the pull request.

The files are written before, so that nothing here can cost them. What could not be done is said; it fails the run only
where it was demanded, or where it was all that there was to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ptmobile.errors import ExitCode, InterruptedRunError, PublishError
from ptmobile.github.commands import CommandWriter, masking
from ptmobile.github.context import GitHubContext
from ptmobile.progress import Progress
from ptmobile.publishing.commenting import Commenter
from ptmobile.publishing.uploading import Plan, Refusal, Uploader, plan_artifacts
from ptmobile.report.model import NOT_UPLOADED, PublishedArtifact, Reason, Report
from ptmobile.report.numbers import size
from ptmobile.report.reading import ReportError, bytes_of, read_report
from ptmobile.spec.publishing import PublishingSpec
from ptmobile.telling import Loudness, tell

if TYPE_CHECKING:
    from ptmobile.github.artifact import Effort

_NOT_A_REPORT = "Give the report.json that a run of this action wrote; it is in the artifact NAME-report."


@dataclass(frozen=True)
class How:
    """``interruptible`` surrounds what may take long: inside, a cancellation raises an InterruptedRunError.

    ``effort`` is how hard to try; None for as hard as usual.
    """

    interruptible: Callable[[], AbstractContextManager[object]] = nullcontext
    effort: Effort | None = None


@dataclass(frozen=True)
class Written:
    """The report's files: their folder and their paths in the workspace, and how to write the report anew."""

    folder: str
    files: Sequence[str]
    rewrite: Callable[[Report], object]


class HandOver:
    """Uploads and comments; ``commands`` is None outside of a job."""

    def __init__(
        self,
        context: GitHubContext,
        root: Path,
        progress: Progress,
        commands: CommandWriter | None,
        how: How | None = None,
    ) -> None:
        self._root = root
        self._progress = progress
        self._commands = commands
        how = how or How()
        self._interruptible = how.interruptible
        mask = masking(commands)
        self._uploader = Uploader(context, root, mask, effort=how.effort)
        self._commenter = Commenter(context, progress.say, mask, effort=how.effort)
        self._in_actions = context.in_actions

    def hand_over(self, report: Report, written: Written, spec: PublishingSpec) -> Report:
        """Upload what the run has made; the report that is returned knows of it, or is the same if there is nothing.

        A run that was cancelled hands over nothing, and of its files only those that are here: a report that was merged
        names those of other jobs.
        """
        asked = spec.upload == "required" or (spec.upload == "auto" and self._in_actions)
        if not asked or report.exit_code == ExitCode.INTERRUPTED:
            return report
        plans = plan_artifacts(report, written.folder, written.files, spec, self._is_here)
        for plan in (plan for plan in (plans.files, plans.report) if plan is not None and plan.files):
            if plan is plans.report and (report.artifacts or report.unpublished):
                written.rewrite(report)  # the report that is uploaded says what became of the files
            artifact, refusals = self._upload(plan, spec)
            fails = artifact is None and spec.upload == "required"
            for refusal in refusals:
                self._tell(refusal.reason, "error" if fails else refusal.level)
            report = replace(
                report,
                artifacts=(*report.artifacts, *([artifact] if artifact else [])),
                unpublished=(*report.unpublished, *(refusal.reason for refusal in refusals)),
                exit_code=report.exit_code or (int(ExitCode.PUBLISH) if fails else 0),
            )
            if any(refusal.final for refusal in refusals):
                break
        return report

    def comment(self, report: Report, spec: PublishingSpec) -> None:
        """Write the comment in the pull request, if one is wanted."""
        if spec.comment == "off" or report.exit_code == ExitCode.INTERRUPTED:
            return
        try:
            with self._interruptible():
                refusal = self._commenter.comment(report, spec)
        except InterruptedRunError as error:
            refusal = Refusal(Reason(title="No comment in the pull request", message=error.message), "warning")
        if refusal is not None:
            self._tell(refusal.reason, refusal.level)

    def show(self, spec: PublishingSpec) -> int:
        """Write the comment for a report that is there already, and return the exit code: 8 if it is not written."""
        shown = spec.report or ""
        try:
            report = read_report(bytes_of(self._root / shown))
            with self._interruptible():
                refusal = self._commenter.comment(report, spec)
        except InterruptedRunError:
            raise
        except ReportError as error:
            message, advice = f"{shown}: {error.message}", error.advice or _NOT_A_REPORT
            refusal = Refusal(Reason(title="The report cannot be shown", message=message, advice=advice))
        except PublishError as error:
            refusal = Refusal(Reason(title="The report cannot be shown", message=error.message, advice=error.advice))
        except Exception as error:  # noqa: BLE001 - the report may be anybody's, and may fit its schema without sense
            message = f"The report makes no sense: {type(error).__name__}."
            refusal = Refusal(Reason(title="The report cannot be shown", message=message, advice=_NOT_A_REPORT))
        if refusal is None:
            return int(ExitCode.PASSED)
        self._tell(refusal.reason, "error")
        return int(ExitCode.PUBLISH)

    def _is_here(self, path: str) -> bool:
        return (self._root / path).is_file()

    def _upload(self, plan: Plan, spec: PublishingSpec) -> tuple[PublishedArtifact | None, list[Refusal]]:
        try:
            with self._interruptible():
                artifact, refusals = self._uploader.upload(plan, spec)
        except InterruptedRunError as error:
            return None, [Refusal(Reason(title=NOT_UPLOADED, message=error.message), "warning", final=True)]
        if artifact is not None:
            self._progress.say(f"Uploaded: {artifact.name} ({size(artifact.size_bytes)}){_at(artifact.url)}")
        return artifact, refusals

    def _tell(self, reason: Reason, level: Loudness) -> None:
        tell(reason, level, self._commands, self._progress)


def _at(url: str) -> str:
    return f": {url}" if url else ""
