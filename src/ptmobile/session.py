"""One run with everything around it: told where it happens, it leaves report, summary, outputs and annotations."""

from __future__ import annotations

import datetime as dt
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, cast, get_args

from ptmobile.baseline.fetching import ArtifactBaselines
from ptmobile.baseline.finding import find_baseline
from ptmobile.baseline.model import Baseline
from ptmobile.device.build import provide_kit_for
from ptmobile.device.supply import DeviceSupplier, Sources
from ptmobile.errors import InterruptedRunError, PtmobileError, internal_error
from ptmobile.github.commands import CommandWriter, masking
from ptmobile.github.context import GitHubContext
from ptmobile.github.foreign import OPTION, refuse_foreign_code
from ptmobile.pipeline import Run, run_models
from ptmobile.progress import choose_progress
from ptmobile.progress.output import LastingOutput
from ptmobile.provenance import source_of, this_tool
from ptmobile.publishing.handing_over import HandOver, How
from ptmobile.publishing.publisher import Publisher
from ptmobile.report.model import Reason, Report
from ptmobile.result import Mode
from ptmobile.runtimes.fetching import JgoClient, fetch_runtime, folders_of, given_runtime
from ptmobile.runtimes.limits.probed import probed_folder, read_probed
from ptmobile.shards.jobs import Plan, merged_report, plan_of
from ptmobile.spec.coerce import Given, coerce
from ptmobile.spec.conversion import RunSpec
from ptmobile.spec.options import all_options
from ptmobile.spec.problems import Problems
from ptmobile.spec.refused import Refused, read_refused
from ptmobile.spec.resolve import resolve
from ptmobile.spec.workspace import Workspace

_CANCELLATIONS = (signal.SIGINT, signal.SIGTERM)

# Reads what was given (the action's inputs, or the options of the command line), noting problems.
Reading = Callable[[Problems], Mapping[str, Given]]


class Session:
    """Runs what was asked for, or refuses it, and publishes what there is to say."""

    def __init__(self, context: GitHubContext, workspace: Workspace, stream: TextIO | None) -> None:
        output = cast("TextIO", LastingOutput(stream))
        self._context = context
        self._workspace = workspace
        self._progress = choose_progress(output, in_actions=context.in_actions)
        commands = CommandWriter(output) if context.in_actions else None
        self._hand_over = HandOver(
            context, workspace.root, self._progress, commands, How(lambda: _on_cancellation(_interrupt))
        )
        self._fetch = ArtifactBaselines(context, self._progress.say, masking(commands)).fetch
        self._publisher = Publisher(context, workspace, self._progress, commands, self._hand_over)
        self._source = source_of(context)

    def convert(self, read: Reading) -> int:
        """Do everything and return the exit code; whatever goes wrong, there is a report about it."""
        problems, report_dir = Problems(), RunSpec(models=()).report_dir
        given: Mapping[str, Given] = {}
        try:
            given = read(problems)
            refuse_foreign_code(self._context, allowed=_is_allowed(given))
            report_dir = self._report_dir(given, report_dir)
            return self._run(resolve(given, self._workspace, problems))
        except PtmobileError as error:
            return self._refuse(error, report_dir, given)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not cost the report
            return self._refuse(internal_error(error), report_dir, given)

    def _run(self, spec: RunSpec) -> int:
        if spec.mode == "comment":
            return self._hand_over.show(spec.publishing)
        if spec.mode == "plan":
            return self._publisher.publish_plan(self._plan(spec), summary=spec.summary)
        if spec.mode == "merge":
            report = merged_report(spec, self._workspace.root, self._source, _now())
            for model in report.models:
                self._progress.model_ended(model.verdict)
            return self._publisher.publish(report, spec.report_dir, summary=spec.summary, handing_over=spec.publishing)
        with _on_cancellation(signal.SIG_IGN):
            with _on_cancellation(_interrupt):
                asked = tuple(read_probed(probed_folder(os.environ)).values())
                baseline = self._baseline(spec)
                run = Run(self._workspace.root, self._progress, self._source, _now, self._supplier, asked, baseline)
                report = run_models(spec, run)
            return self._publisher.publish(report, spec.report_dir, summary=spec.summary, handing_over=spec.publishing)

    def _baseline(self, spec: RunSpec) -> Baseline | None:
        """The earlier report to compare with, read before anything is written: it may lie where this one goes."""
        return find_baseline(spec.baseline, self._workspace.root, self._fetch) if spec.baseline else None

    def _plan(self, spec: RunSpec) -> Plan:
        with _on_cancellation(_interrupt):
            return plan_of(spec, self._workspace.root, self._fetch)

    def _supplier(self, folder: Path) -> DeviceSupplier:
        """Where the phone's own libraries come from: the image, a cache, or a Maven repository."""
        folders, client = folders_of(os.environ), JgoClient.from_environment(os.environ)
        sources = Sources(
            kit=lambda abi: provide_kit_for(abi, folders.cache, os.environ),
            release=lambda release: fetch_runtime(release, folders, client),
            own=lambda path: given_runtime(path, folders, client),
        )
        return DeviceSupplier(self._workspace.root, folder, os.environ, sources)

    def _refuse(self, error: PtmobileError, report_dir: str, given: Mapping[str, Given]) -> int:
        """Say why there are no results, wherever the results would have gone."""
        try:
            refused = read_refused(given, self._workspace)
        except Exception:  # noqa: BLE001 - what brought us here may do so again, and must not cost the report
            refused = Refused(None)
        reason = Reason(title=error.message.splitlines()[0], message=error.message, advice=error.advice)
        report = Report(
            tool=this_tool("same-user"),
            source=self._source,
            created=_now(),
            config=refused.config,
            verdict="failed",
            exit_code=int(error.code),
            models=(),
            problems=(reason,),
        )
        return self._publisher.publish(report, report_dir, summary=True, handing_over=refused.publishing)

    def _report_dir(self, given: Mapping[str, Given], default: str) -> str:
        """The folder that was asked for, if it can be used: the report about a refusal belongs there too."""
        if "report-dir" not in given:
            return default
        path = self._workspace.relative(str(given["report-dir"].value), "report-dir", Problems())
        if path is None:
            return default
        folder = self._workspace.root / path
        return path if folder.is_dir() or not folder.exists() else default


def _is_allowed(given: Mapping[str, Given]) -> bool:
    """Whether the workflow itself lets foreign code run, or asks for something that runs no code of models.

    What is no boolean is told with all other problems.
    """
    value, mode = given.get(OPTION), given.get("mode")
    if mode is not None and str(mode.value) not in get_args(Mode):
        return True
    return value is not None and coerce(all_options()[OPTION], value, Problems()) is True


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
