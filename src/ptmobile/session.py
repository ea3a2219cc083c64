"""One run with everything around it: told where it happens, it leaves report, summary, outputs and annotations."""

from __future__ import annotations

import datetime as dt
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO, cast

from ptmobile import __version__
from ptmobile.errors import ConfigurationError, ExitCode, InterruptedRunError, PublishError
from ptmobile.files import WorkspaceFiles
from ptmobile.github.commands import CommandWriter
from ptmobile.github.context import GitHubContext
from ptmobile.github.outputs import OutputFile
from ptmobile.github.summary import append_summary
from ptmobile.pipeline import Run, run_models
from ptmobile.progress import choose_progress
from ptmobile.progress.output import LastingOutput
from ptmobile.report.escape import code
from ptmobile.report.model import ModelReport, Reason, Report, Source, Tool, to_json
from ptmobile.report.outputs import outputs_of
from ptmobile.report.summary import summary_blocks
from ptmobile.spec.conversion import RunSpec
from ptmobile.spec.workspace import Workspace

REPORT, SUMMARY = "report.json", "summary.md"
_CANCELLATIONS = (signal.SIGINT, signal.SIGTERM)
_ANNOTATIONS = 10  # the runner shows no more of a kind per step


class Session:
    """Runs a specification, or refuses a wrong one, and publishes what there is to say."""

    def __init__(self, context: GitHubContext, workspace: Workspace, stream: TextIO | None) -> None:
        self._context = context
        self._workspace = workspace
        output = cast("TextIO", LastingOutput(stream))
        self._progress = choose_progress(output, in_actions=context.in_actions)
        self._commands = CommandWriter(output) if context.in_actions else None
        self._source = Source(repository=context.repository, sha=context.sha, ref=context.ref, run_url=context.run_url)

    def run(self, spec: RunSpec) -> int:
        """Do everything and return the exit code."""
        with _on_cancellation(signal.SIG_IGN):
            with _on_cancellation(_interrupt):
                report = run_models(spec, Run(self._workspace.root, self._progress, self._source, _now))
            return self._publish(report, spec.report_dir, summary=spec.summary)

    def refuse(self, error: ConfigurationError) -> int:
        """Say what is wrong with the specification; nothing has been run."""
        reason = Reason(title=error.message.splitlines()[0], message=error.message, advice=error.advice)
        report = Report(
            tool=Tool(version=__version__, isolation="same-user"),
            source=self._source,
            created=_now(),
            config=None,
            verdict="failed",
            exit_code=int(error.code),
            models=(),
            problems=(reason,),
        )
        return self._publish(report, RunSpec(models=()).report_dir, summary=True)

    def _publish(self, report: Report, report_dir: str, *, summary: bool) -> int:
        """Write everything that can be written; what cannot be is said, and does not stop the rest."""
        blocks = summary_blocks(report)
        path = f"{report_dir}/{REPORT}"
        faults = self._write_files({path: to_json(report), f"{report_dir}/{SUMMARY}": "\n".join(blocks).encode()})
        if summary:
            append_summary(self._context.summary_file, blocks, full_report=code(path))
        OutputFile(self._context.output_file).write_all(outputs_of(report, path))
        for problem in report.problems:
            self._tell(problem)
        for model in report.models[:_ANNOTATIONS]:
            self._annotate(model)
        for fault in faults:
            self._tell(Reason(title="The report cannot be written", message=fault.message, advice=fault.advice))
        self._progress.say(f"Report: {path}" if not faults else "The report could not be written.")
        return report.exit_code or (int(ExitCode.PUBLISH) if faults else 0)

    def _write_files(self, contents: dict[str, bytes]) -> list[PublishError]:
        faults: list[PublishError] = []
        files = WorkspaceFiles(self._workspace.root)
        for path, data in contents.items():
            try:
                files.write(path, data)
            except PublishError as error:
                faults.append(error)
        return faults

    def _tell(self, reason: Reason) -> None:
        if self._commands is not None:
            self._commands.error(_message(reason), title=f"ptmobile: {reason.title}")
        else:
            for line in _message(reason).splitlines():
                self._progress.say(line)

    def _annotate(self, model: ModelReport) -> None:
        """At most one error for a model that failed, at most one warning for one that passed."""
        if self._commands is None:
            return
        verdict = model.verdict
        if verdict.status == "failed":
            message = "\n".join(_message(reason) for reason in verdict.reasons)
            self._commands.error(message or verdict.title, title=verdict.title)
        elif verdict.warnings:
            message = "\n".join(warning.message for warning in verdict.warnings)
            self._commands.warning(message, title=f"{model.spec.name}: verified, with warnings")


def _message(reason: Reason) -> str:
    """Title and place, what happened, what to do: each on lines of its own, and nothing twice."""
    head = f"{reason.title} ({reason.location})" if reason.location else reason.title
    if reason.message.startswith(reason.title):
        head = ""
    return "\n".join(part for part in (head, reason.message, reason.advice) if part)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """Turn a cancellation into an exception, so that the report is still written.

    The runner sends SIGINT and some seconds later SIGTERM: the second must not end what the first has begun.
    """
    for signal_number in _CANCELLATIONS:
        signal.signal(signal_number, signal.SIG_IGN)
    raise InterruptedRunError(f"The run was interrupted by {signal.Signals(number).name}.")


@contextmanager
def _on_cancellation(handler: Any) -> Iterator[None]:
    """Handle SIGINT and SIGTERM; without a handler Python as the first process of a container would ignore SIGTERM."""
    before = [(number, signal.signal(number, handler)) for number in _CANCELLATIONS]
    try:
        yield
    finally:
        for number, previous in before:
            signal.signal(number, previous)
