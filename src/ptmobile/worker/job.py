"""One model from start to finish: :func:`run_job` reads like the run.

The supervisor forks the process that holds the model, which forks a road per method; it then picks the road to ship,
has its file run by a process that has never seen the model, and compares everything with everything that matters.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from ptmobile.device.target import DeviceTarget
from ptmobile.editions import Build, Edition
from ptmobile.protocol import Job, Message, StageBegan
from ptmobile.result import ASIDES, METHODS, Aside, Method, ModelResult, StageName, TriedBuild, variant_key
from ptmobile.worker.evidence.asides import Asides
from ptmobile.worker.evidence.sharpening import Done, sharpened
from ptmobile.worker.evidence.sharper_words import SENSITIVE
from ptmobile.worker.inputs.drawn import draw_inputs
from ptmobile.worker.processes.channel import Reader, Writer, pipe
from ptmobile.worker.processes.children import LAST_SECONDS, adopt_orphans, close_memory, end_descendants, fork
from ptmobile.worker.processes.crew import Crew
from ptmobile.worker.processes.members import Member
from ptmobile.worker.stages.device_process import run_device
from ptmobile.worker.stages.lite_process import run_backported, run_lite
from ptmobile.worker.stages.model_process import INPUTS, ModelEnds, run_model
from ptmobile.worker.stages.road import CAPTURED, RoadEnds, order
from ptmobile.worker.verdicts.built import Built, Inspector
from ptmobile.worker.verdicts.devices import asks_phones
from ptmobile.worker.verdicts.findings import Findings
from ptmobile.worker.verdicts.pass_search import Search
from ptmobile.worker.verdicts.remedies import first_build, without_defect

ORDER: dict[str, tuple[Method, ...]] = {"auto": ("script", "trace"), "script": ("script",), "trace": ("trace",)}


def run_job(job: Job, results: Writer) -> ModelResult:
    """Do one job. Never raises for what the model does; ``results`` hears every stage as it comes and goes.

    A second comparison with sensitive weights, and what that calls for, is one stage each.
    """
    adopt_orphans()
    first = _run(job, results, results.send)
    inside = partial(_tell_as_detail, results.send)
    return sharpened(job, first, lambda other: _run(other, results, inside), results.send)


def _tell_as_detail(emit: Callable[[Message], None], message: Message) -> None:
    """Of what happens inside of a stage, tell what it is busy with."""
    if isinstance(message, StageBegan):
        key = variant_key(message.name, message.method, message.target)
        emit(StageBegan(name=SENSITIVE, target="weights", detail=key[:300]))


def _run(job: Job, results: Writer, emit: Callable[[Message], None]) -> Done:
    start = time.monotonic()
    crew = Crew(start + job.spec.timeout_minutes * 60, emit, Path(job.scratch), fenced=job.fence is not None)
    job = replace(job, scratch=str(crew.desks.kept))
    findings = Findings(job, crew)
    crew.have_made(INPUTS, results, partial(draw_inputs, job))
    roads, beside = _start_model(job, crew, results)
    asides = Asides(job, crew, beside)
    crew.wait(lambda: crew.over("model") and all(crew.settled(CAPTURED[m], f"road {m}") for m in METHODS))
    if findings.judge_eager():
        findings.compare_captured()
        asides.begin(deterministic=findings.deterministic)
        findings.leave_room(asides)
        methods = filter(findings.captured_well, _order(job))
        builders = {m: _Builder(job, crew, findings.inspector, results, roads[m]) for m in methods}
        if not any(findings.take(m, builder.as_asked(m)) for m, builder in builders.items()):
            any(findings.take(m, builder.repaired()) for m, builder in builders.items())
            findings.tell_attempts([tried for builder in builders.values() for tried in builder.tried])
        findings.tell()
        findings.weigh(asides)
    asides.close()
    for orders in roads.values():
        os.close(orders)  # a road that hears nothing more ends
    crew.disband()
    end_descendants(seconds=LAST_SECONDS)
    result = findings.result(job.spec.method, round(time.monotonic() - start, 3))
    return Done(result, findings.kept, crew.out_of_time)


def _order(job: Job) -> Sequence[Method]:
    """The roads in the order in which they are tried: first that of the builds to begin with, where there are any."""
    preferred = {build.method for build in job.builds}
    return sorted(ORDER[job.spec.method], key=lambda method: method not in preferred)


def _start_model(job: Job, crew: Crew, results: Writer) -> tuple[dict[Method, int], dict[Aside, int]]:
    """Fork the process of the model.

    Returns the descriptors through which the roads, and what is beside them, hear whether to go on.
    """
    model_reader, model_writer = pipe()
    roads = {method: _lines() for method in METHODS}
    asides = {aside: _lines() for aside in ASIDES}
    everybody = [*roads.values(), *asides.values()]
    desk = crew.desks.new()

    def main() -> None:
        results.close()
        crew.seat(desk)
        close_memory(closed=False)  # nothing in it is to be kept from the model
        for line in everybody:
            os.close(line.orders)
        ends = ({method: line.ends for method, line in roads.items()}, {a: line.ends for a, line in asides.items()})
        run_model(replace(job, scratch=str(desk)), ModelEnds(model_writer, *ends))

    process = fork(main)
    model_writer.close()
    crew.add(Member("model", model_reader, desk, process, busy=StageBegan(name="load"), since=time.monotonic()))
    for line in everybody:
        line.ends.close()
    for method, line in roads.items():
        crew.add(Member(f"road {method}", line.reader, desk, method=method, first=CAPTURED[method]))
    for aside, line in asides.items():
        crew.add(Member(aside, line.reader, desk, first=aside))
    return {m: line.orders for m, line in roads.items()}, {aside: line.orders for aside, line in asides.items()}


@dataclass(frozen=True)
class _Line:
    """Both ways between the supervisor and one process: it listens to ``reader``, and is heard through ``orders``."""

    reader: Reader
    orders: int
    ends: RoadEnds


def _lines() -> _Line:
    reader, writer = pipe()
    listening, orders = os.pipe()
    return _Line(reader, orders, RoadEnds(writer, listening))


class _Builder:
    """Has one road make the files of all editions, and each file run wherever it is to be run."""

    def __init__(self, job: Job, crew: Crew, inspector: Inspector, results: Writer, orders: int) -> None:
        self._job = job
        self._crew = crew
        self._inspector = inspector
        self._results = results
        self._orders = orders
        self._built: list[Built] = []
        self.tried: list[TriedBuild] = []

    def as_asked(self, method: Method) -> list[Built]:
        """The main edition and, if this machine found nothing wrong with it, the others."""
        main, *others = (self._begin(method, edition) for edition in self._job.editions)
        self._built = [self._avoiding_defects(self._build(main))]
        if self._built[0].file is not None:
            self._built += [self._avoiding_defects(self._build(other)) for other in others]
        return self._built

    def repaired(self) -> list[Built]:
        """The same with other builds in the place of those that did not verify, where one is found that does."""
        editions = {built.build.edition.name for built in self._built}
        self._built = [built if built.verified else self._repaired(built) for built in self._built]
        if all(built.verified for built in self._built):
            # What was not tried before, because the main edition failed, is built in the way that worked.
            main = self._built[0].build
            left = [edition for edition in self._job.editions if edition.name not in editions]
            self._built += [self._build(replace(main, edition=edition)) for edition in left]
        return self._built

    def _begin(self, method: Method, edition: Edition) -> Build:
        """What an edition begins with. Beside what another run has found, what was asked for is built as well, as far
        as this machine: its latency and size are those that the cost of the other build is told in.
        """
        asked = first_build(self._job.spec, method, edition)
        found = (b for b in self._job.builds if (b.method, b.edition.name) == (method, edition.name))
        build = next(found, asked)
        if build.recipe != asked.recipe and not self._job.sensitive and not edition.name:
            self._make(asked)
            self._inspector.on_host(asked)
        return build

    def _avoiding_defects(self, first: Built) -> Built:
        """The first of the builds that get around a library's defect and verify without a warning; else this one."""
        for other in without_defect(self._job.spec, first):
            if self._crew.out_of_time:
                break
            built = self._build(other)
            if built.verified and not any(notice.level == "warning" for notice in built.notices):
                return built
        return first

    def _repaired(self, failed: Built) -> Built:
        """The best of the builds that the search tries until one is good, or the time is up; else the failed one."""
        search = Search(self._job.spec, failed)
        for attempt in search.attempts():
            if self._crew.out_of_time:
                break
            built = search.known(attempt.build) or self._on_host(attempt.build)
            if not attempt.probe:
                self._in_libraries(built)
            search.learn(attempt, built)
        best = search.best
        if not search.finished(best):
            self._in_libraries(best)
        self.tried += search.told
        return best

    def _build(self, build: Build) -> Built:
        built = self._on_host(build)
        self._in_libraries(built)
        return built

    def _on_host(self, build: Build) -> Built:
        self._make(build)
        return self._inspector.on_host(build)

    def _in_libraries(self, built: Built) -> None:
        """Have a file that this machine found nothing wrong with run in the libraries of its edition."""
        edition, required = built.build.edition, self._job.spec.device_check == "required"
        if built.verified:
            self._run_on(edition.devices, built, required)
            wanted = asks_phones(built.devices)
            spares = tuple(spare for spare in edition.spares if spare.release in wanted)
            self._run_on(spares, built, required)

    def _make(self, build: Build) -> None:
        """Have the road make the file, and fresh processes run it."""
        crew, job, kept = self._crew, self._job, self._crew.desks.kept
        crew.desks.expect(build.key("saved"), build.saved_file(kept))
        if build.backported:
            crew.desks.expect(build.key("backported"), build.file(kept))
        try:
            order(self._orders, build)
        except BrokenPipeError:
            return
        saved = build.key("saved")
        before = [build.key(stage) for stage in ("lowered", "frozen", "optimised")]
        crew.wait(lambda: crew.settled(saved, f"road {build.method}") or any(map(crew.record.failed, before)))
        if crew.record.passed(saved):
            self._apart("lite", build, partial(run_lite, job, build))
        if build.backported and crew.record.passed(build.key("lite")):
            self._apart("backported", build, partial(run_backported, job, build))

    def _run_on(self, targets: tuple[DeviceTarget, ...], built: Built, required: bool) -> None:
        for target in targets:
            if not self._crew.out_of_time:
                self._run_in(target, built.build)
        if targets:
            self._inspector.on_devices(built, targets, required=required)

    def _run_in(self, target: DeviceTarget, build: Build) -> None:
        self._apart("device", build, partial(run_device, self._job, build, target), target.label)

    def _apart(self, name: StageName, build: Build, run: Callable[[Writer, Path], None], device: str = "") -> None:
        first = StageBegan(name=name, method=build.method, target=build.target_of(device))
        self._crew.run_apart(first, self._results, run)
