"""A file without its model: loaded and run by the host's lite interpreter, then by the apps' own libraries.

The host's interpreter is the reference, where it can run the file; else only loading and running are asked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile.device.target import DeviceTarget
from ptmobile.errors import LoadError
from ptmobile.litefile import LiteFile, read_lite_file
from ptmobile.protocol import Job, StageBegan
from ptmobile.proving import prove
from ptmobile.result import (
    DeviceVerdict,
    Failure,
    FailureKind,
    ModelResult,
    Notice,
    OutputCard,
    Problem,
    StageName,
    Trial,
    variant_key,
)
from ptmobile.worker.comparing import Policy
from ptmobile.worker.comparing.proof import output_cards
from ptmobile.worker.evidence.app_cards import app_card, java_notices
from ptmobile.worker.evidence.golden import GOLDEN, golden_failure, read_golden, unpack_golden
from ptmobile.worker.inputs.examples import TrialInputs, make_trials
from ptmobile.worker.processes.channel import Writer
from ptmobile.worker.processes.children import LAST_SECONDS, adopt_orphans, end_descendants
from ptmobile.worker.processes.crew import Crew
from ptmobile.worker.processes.stage import Reporter, StageFailedError
from ptmobile.worker.stages.device_process import DeviceRun, run_in_library
from ptmobile.worker.stages.model_process import INPUTS, write_inputs
from ptmobile.worker.stages.running import run_all
from ptmobile.worker.verdicts.devices import asks_phones, device_verdict, judge_devices
from ptmobile.worker.verdicts.findings import environment
from ptmobile.worker.verdicts.pairing import Pairing
from ptmobile.worker.verdicts.tables import table_answer, tables_of

LITE: StageName = "lite"
_BUNDLED = "get_all_bundled_inputs"


def run_check(job: Job, results: Writer) -> ModelResult:
    """Do one check. Never raises for what the file does; ``results`` hears every stage as it comes and goes."""
    adopt_orphans()
    start = time.monotonic()
    scratch, fenced = Path(job.scratch), job.fence is not None
    crew = Crew(start + job.spec.timeout_minutes * 60, results.send, scratch, fenced=fenced)
    job = replace(job, scratch=str(crew.desks.kept))
    crew.desks.expect_also("inputs", GOLDEN)
    crew.run_apart(StageBegan(name="load"), results, partial(_run_file, job))
    check = _Check(job, crew)
    if check.readable:
        check.run_devices(results)
    crew.disband()
    end_descendants(seconds=LAST_SECONDS)
    return check.result(round(time.monotonic() - start, 3))


def _run_file(job: Job, channel: Writer, desk: Path) -> None:
    """Read the file as data, find its inputs, and run it with the host's lite interpreter."""
    file = Path(job.workspace) / job.spec.model
    reporter = Reporter(channel, Path(job.workspace))
    try:
        with reporter.stage("load", "The file could not be read"):
            lite = read_lite_file(file)
        with reporter.stage("inputs", "The example inputs could not be made"):
            trials = _trials(job, file, lite, desk)
            write_inputs(trials, desk)
        if not trials:
            message = "No inputs were given, and the file has none: it is loaded, and not run."
            reporter.notice(Notice(level="warning", code="no-inputs", message=message))
        with reporter.stage(LITE, "The host's lite interpreter could not load and run the file"):
            module = _load_for_lite_interpreter(str(file))
            run_all(module, trials, desk / LITE, lambda number: reporter.trial(LITE, number))
    except StageFailedError:
        return


def _run_device(job: Job, run: DeviceRun, target: DeviceTarget, channel: Writer, desk: Path) -> None:
    """Run the file in a library, as a stage of its own."""
    run_in_library(Reporter(channel, Path(job.workspace), target=target.label), run, target, desk)


def _trials(job: Job, file: Path, lite: LiteFile, desk: Path) -> list[TrialInputs]:
    """The inputs that are given, else the file's own, bundled or golden, else none; to verify, the golden ones only."""
    if job.spec.inputs and job.mode == "check":
        return make_trials(job.spec, job.spec.inputs, Path(job.workspace))
    golden = read_golden(file, lite.extra_files)
    if golden is not None and (job.mode == "verify" or _BUNDLED not in lite.methods):
        return unpack_golden(golden, desk)
    if job.mode == "verify":
        raise LoadError(
            "The file holds no golden outputs to verify.",
            advice="ptmobile convert puts them in (golden: auto); ptmobile check runs a file on inputs that you give.",
        )
    if _BUNDLED not in lite.methods:
        return []
    given = _load_for_lite_interpreter(str(file)).run_method(_BUNDLED)
    return [TrialInputs(number, None, _tensors(arguments, number)) for number, arguments in enumerate(given)]


def _tensors(arguments: Iterable[Any], number: int) -> tuple[Any, ...]:
    found = tuple(arguments)
    if not all(hasattr(argument, "is_contiguous") for argument in found):
        raise LoadError(
            f"The bundled input {number} holds something else than tensors.", advice="Give the inputs by shape or file."
        )
    return tuple(argument.contiguous() for argument in found)


class _Check:
    """What the stages say about the file, and what the libraries make of it."""

    def __init__(self, job: Job, crew: Crew) -> None:
        self._job = job
        self._crew = crew
        self._record = crew.record
        self._scratch = Path(job.scratch)
        self._file = Path(job.workspace) / job.spec.model
        self._golden = (self._scratch / GOLDEN).is_dir()
        passed = crew.record.passed
        self._pairing = Pairing(
            self._scratch, Policy.of(job.spec), lambda key: key == GOLDEN or passed(key), crew.desks.read
        )
        self._trials = self._listed()
        self._pairing.run_on(self._trials)
        if self._golden:
            self._pairing.compare(GOLDEN, LITE, exact=False)
        self._devices: list[DeviceVerdict] = []
        self._failure: Failure | None = None
        self._app = app_card(self._scratch, LITE, self._pairing.trials) if self._record.passed(LITE) else None
        for notice in java_notices(self._app, job.spec):
            crew.notice(notice)

    def _listed(self) -> tuple[Trial, ...]:
        if not self._record.passed("inputs"):
            return ()
        listed = (self._scratch / INPUTS / "trials.json").read_bytes()
        return tuple(msgspec.json.decode(listed, type=list[Trial]))

    @property
    def readable(self) -> bool:
        """Whether there is a file to run, and it is known what to run it on."""
        return self._record.passed("load") and self._record.passed("inputs")

    def run_devices(self, results: Writer) -> None:
        """Run the file in every library, and in that of phones where the machine's own alone gives other numbers."""
        editions = self._job.editions
        self._run_in([target for edition in editions for target in edition.devices], results)
        wanted = asks_phones(self._devices)
        spares = [spare for edition in editions for spare in edition.spares if spare.release in wanted]
        self._run_in(spares, results)
        required = self._job.spec.device_check == "required"
        self._failure, notices = judge_devices(self._devices, required=required, prepacked=self._prepacked())
        for notice in notices:
            self._crew.notice(notice)

    def _run_in(self, targets: list[DeviceTarget], results: Writer) -> None:
        for target in targets:
            key = variant_key("device", None, target.label)
            run = DeviceRun(self._scratch / INPUTS, self._file, key, self._job.spec.timeout_minutes * 60)
            first = StageBegan(name="device", target=target.label)
            self._crew.run_apart(first, results, partial(_run_device, self._job, run, target))
            for reference in [*([GOLDEN] if self._golden else []), LITE]:
                self._pairing.compare(reference, key, exact=False)
            compared = [comparison for comparison in self._pairing.comparisons if comparison.candidate == key]
            verdict = device_verdict(target, self._record.stages.get(key), compared, alone=self._alone())
            if verdict.status == "not-run" and target.artifact:
                tables = tables_of(self._job.asked)
                verdict = replace(verdict, tables=table_answer(self._file, target.artifact, tables))
            self._devices.append(verdict)

    def _alone(self) -> str:
        """Why there is nothing to compare a library's outputs with; empty if there is."""
        if not self._trials:
            return "there were no inputs to run it on"
        return (
            ""
            if self._golden or self._record.passed(LITE)
            else "the host could not run it, so there is nothing to compare with"
        )

    def _prepacked(self) -> bool:
        return any(name.startswith("prepacked::") for name in read_lite_file(self._file).operators)

    def result(self, seconds: float) -> ModelResult:
        """Everything that was found."""
        return ModelResult(
            mode="check",
            stages=tuple(self._record.stages.values()),
            comparisons=tuple(replace(comparison, decides=True) for comparison in self._pairing.comparisons),
            proof=prove(self._pairing.comparisons, ""),
            notices=tuple(self._record.notices),
            trials=self._trials,
            outputs=self._cards(),
            app=self._app,
            devices=tuple(self._devices),
            failure=self._host_failure() or self._failure,
            environment=environment(),
            seconds=seconds,
        )

    def _cards(self) -> tuple[OutputCard, ...]:
        ran = self._trials and self._record.passed(LITE)
        return output_cards(self._pairing.load(LITE, self._trials[0].number)) if ran else ()

    def _host_failure(self) -> Failure | None:
        """A file fails that this machine cannot run (unless an app's library does), or whose golden outputs differ."""
        kinds: dict[StageName, FailureKind] = {"load": "load", "inputs": "load", LITE: "mismatch"}
        ran = any(verdict.status in ("right", "ran") for verdict in self._devices)
        for name, kind in kinds.items():
            stage = self._record.stages.get(name)
            if (stage is None or stage.status != "passed") and not (name == LITE and ran):
                problem = stage.problem if stage is not None else None
                nothing = Problem(title=f"Stage {name} was not reached", message="The time limit was reached before.")
                return Failure(kind=kind, stage=name, problem=problem or nothing)
        differs = self._pairing.first_difference({GOLDEN, LITE})
        return golden_failure(differs) if differs is not None else None
