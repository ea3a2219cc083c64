"""Whether a build's file may be shipped: its stages, its comparisons, and what the apps' own libraries made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from ptmobile.device.target import DeviceTarget
from ptmobile.editions import Build
from ptmobile.result import (
    METHODS,
    Comparison,
    DeviceVerdict,
    Failure,
    FailureKind,
    Notice,
    OutputComparison,
    Problem,
    WorkerFile,
)
from ptmobile.runtimes.limits import Tables
from ptmobile.worker.processes.crew import Crew
from ptmobile.worker.processes.reports import MORE_TIME, OUT_OF_TIME
from ptmobile.worker.stages.file_records import expected_records, records_failure
from ptmobile.worker.stages.road import CAPTURED, LEFT
from ptmobile.worker.verdicts.devices import device_verdict, judge_devices
from ptmobile.worker.verdicts.pairing import EAGER, Pairing, mismatch
from ptmobile.worker.verdicts.tables import table_answer


@dataclass
class Built:
    """What became of a build. ``failure`` is why its file may not be shipped; None where it may.

    ``differs``: how the variant that failed differs from eager, output by output; empty where it did not run.
    """

    build: Build
    failure: Failure | None = None
    file: WorkerFile | None = None
    devices: list[DeviceVerdict] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    differs: tuple[OutputComparison, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether there is a file, and nothing speaks against it."""
        return self.file is not None and self.failure is None


class Inspector:
    """Draws the conclusions about builds, one by one."""

    def __init__(self, scratch: Path, crew: Crew, pairing: Pairing, tables: Tables) -> None:
        self._tables = tables
        self._scratch = scratch
        self._crew = crew
        self._record = crew.record
        self._pairing = pairing
        self.deterministic = True

    def on_host(self, build: Build) -> Built:
        """Whether the file was made, and computes what the model computes on this machine."""
        self._compare(build)
        built = Built(build)
        for stage, kind in _stages(build, frozen=self._was_frozen(build)):
            key = build.key(stage)
            if not self._record.passed(key):
                # A difference in a stage before this one is the first thing that went wrong.
                built.failure = self._difference(build) or self.stage_failure(kind, key)
                break
        else:
            built.failure = self._difference(build) or self._forged(build)
        if built.failure is not None:
            built.differs = self._pairing.difference(EAGER, built.failure.stage)
        if self._record.passed(build.final):
            built.file = self._file(build, verified=built.failure is None)
        return built

    def on_devices(self, built: Built, targets: tuple[DeviceTarget, ...], *, required: bool) -> None:
        """What each library made of the file; a failure in the app's own library is one of the build."""
        build = built.build
        for target in targets:
            key = build.key("device", target.label)
            for reference in (EAGER, build.final):
                self._pairing.compare(reference, key, exact=False)
            compared = [comparison for comparison in self._pairing.comparisons if comparison.candidate == key]
            verdict = device_verdict(target, self._record.stages.get(key), compared, edition=build.edition.name)
            if verdict.status == "not-run" and target.artifact:
                answer = table_answer(build.file(self._scratch), target.artifact, self._tables)
                verdict = replace(verdict, tables=answer)
            built.devices.append(verdict)
        prepacked = build.optimise and "INSERT_FOLD_PREPACK_OPS" not in build.blocklist
        built.failure, built.notices = judge_devices(built.devices, required=required, prepacked=prepacked)
        if built.file is not None:
            built.file = self._file(build, verified=built.failure is None)

    def mismatch(self, difference: Comparison) -> Failure:
        """What a comparison that did not pass says about the model."""
        return mismatch(difference, deterministic=self.deterministic, notices=self._record.notices)

    def stage_failure(self, kind: FailureKind, key: str) -> Failure:
        """Why a stage that was needed did not pass."""
        stage = self._record.stages.get(key)
        if stage is not None and stage.problem is not None:
            return Failure(kind=kind, stage=key, problem=stage.problem)
        if self._crew.out_of_time:
            message = f"The time limit was reached before stage {key}."
            problem = Problem(title=OUT_OF_TIME, message=message, advice=MORE_TIME)
        else:
            problem = Problem(title=f"Stage {key} was not reached", message="An earlier process ended before it.")
        return Failure(kind=kind, stage=key, problem=problem)

    def _compare(self, build: Build) -> None:
        """Each variant of the build against eager and against those before it."""
        others = [CAPTURED[method] for method in METHODS if method != build.method]
        before = [EAGER] if build.target else [EAGER, CAPTURED[build.method], *others]
        lowered, frozen, optimised, lite = (build.key(stage) for stage in ("lowered", "frozen", "optimised", "lite"))
        rewritten = bool(self._changes(build))
        for reference in before if rewritten else []:
            self._pairing.compare(reference, lowered, exact=False)
        if build.optimise:
            earlier = [*before, *([lowered] if rewritten else [])]
            for reference in earlier if self._was_frozen(build) else []:
                self._pairing.compare(reference, frozen, exact=False)
            for reference in [*earlier, *([frozen] if self._was_frozen(build) else [])]:
                self._pairing.compare(reference, optimised, exact=False)
            self._pairing.compare(optimised, lite, exact=True)
        elif rewritten:
            self._pairing.compare(lowered, lite, exact=True)
        for reference in before:
            self._pairing.compare(reference, lite, exact=not build.optimise and not rewritten)
        if build.backported:
            self._pairing.compare(lite, build.key("backported"), exact=True)
            self._pairing.compare(EAGER, build.key("backported"), exact=not build.optimise and not rewritten)

    def _was_frozen(self, build: Build) -> bool:
        return build.key("frozen") in self._record.stages

    def _difference(self, build: Build) -> Failure | None:
        difference = self._pairing.first_difference(variants_of(build))
        return self.mismatch(difference) if difference else None

    def _forged(self, build: Build) -> Failure | None:
        expected = expected_records(self._scratch, build.method)
        return records_failure(build.file(self._scratch), expected, build.key("saved"))

    def _notes(self, build: Build) -> tuple[str, ...]:
        stage = self._record.stages.get(build.key("lowered"))
        return stage.notes if stage is not None and stage.status == "passed" else ()

    def _changes(self, build: Build) -> tuple[str, ...]:
        return tuple(note for note in self._notes(build) if not note.startswith(LEFT))

    def _file(self, build: Build, *, verified: bool) -> WorkerFile:
        path, saved = build.file(self._scratch), build.saved_file(self._scratch)
        return WorkerFile(
            path=path.relative_to(self._scratch).as_posix(),
            sha256=self._crew.desks.sha256(path),
            method=build.method,
            optimised=build.optimise,
            verified=verified,
            edition=build.edition.name,
            releases=build.edition.releases,
            changes=self._changes(build),
            left=tuple(note.removeprefix(LEFT) for note in self._notes(build) if note.startswith(LEFT)),
            remedy=build.remedy,
            grown_bytes=path.stat().st_size - saved.stat().st_size if build.backported else None,
        )


def variants_of(build: Build) -> set[str]:
    """The variants on the way to a build's file, as far as this machine runs them."""
    made = {build.key(stage) for stage in ("lowered", "frozen", "optimised", "lite", "backported")}
    return {EAGER, CAPTURED[build.method], *made}


def _stages(build: Build, *, frozen: bool) -> Iterator[tuple[str, FailureKind]]:
    """The stages that must pass, in order, each with what its failure means."""
    if build.lower and build.edition.releases:
        yield "lowered", "convert"
    if frozen:
        yield "frozen", "convert"
    if build.optimise:
        yield "optimised", "convert"
    yield "saved", "convert"
    yield "lite", "mismatch"
    if build.backported:
        yield "backported", "runtime"
