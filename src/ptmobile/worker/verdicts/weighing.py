"""What a difference means beside the model's own errors and for the classes chosen, and what a repair costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from msgspec.structs import replace

from ptmobile.editions import Build
from ptmobile.protocol import Job
from ptmobile.proving import prove
from ptmobile.result import Decision, Latency, NoiseFloor, Proof, RepairCost, Timing, Trial
from ptmobile.worker.evidence.asides import Asides, latency_ratio
from ptmobile.worker.evidence.decisions import decision_notices, decisions
from ptmobile.worker.evidence.noise.floor import OwnErrors
from ptmobile.worker.evidence.noise.telling import room_notices
from ptmobile.worker.evidence.timing import Wanted
from ptmobile.worker.processes.crew import Crew
from ptmobile.worker.stages.device_process import run_times
from ptmobile.worker.stages.model_process import INPUTS
from ptmobile.worker.stages.road import CAPTURED
from ptmobile.worker.verdicts.built import Built
from ptmobile.worker.verdicts.pairing import EAGER, Pairing
from ptmobile.worker.verdicts.remedies import first_build

#: What was captured, and run on all inputs, within so many seconds is captured once more to be timed.
_QUICKLY_CAPTURED: Final = 5.0


@dataclass(frozen=True)
class Weighed:
    """What there is to say of the kept files beside their differences; empty where nothing was measured."""

    noise: NoiseFloor | None = None
    own: OwnErrors = field(default_factory=OwnErrors)
    proof: Proof | None = None
    decisions: tuple[Decision, ...] = ()
    timing: Timing | None = None
    repair_cost: RepairCost | None = None


def weigh(job: Job, crew: Crew, pairing: Pairing, asides: Asides, builds: Sequence[Built]) -> Weighed:
    """Measure; ``builds`` are those whose files are kept, the main one first."""
    floor, own = asides.noise(pairing.load, pairing.trials)
    built = next((built for built in builds if built.file is not None and not built.file.edition), None)
    if built is None:
        return Weighed(noise=replace(floor, outputs=own.beside(None)), own=own)
    main = built.build
    proof = prove(pairing.comparisons, main.final, own.of)
    for notice in room_notices(pairing.difference(EAGER, main.final), pairing.policy):
        crew.notice(notice)
    noise = replace(floor, outputs=own.beside(proof))
    candidates = [key for built in builds for key in _variants(built, crew)]
    found = decisions(pairing.load, pairing.trials, EAGER, candidates)
    agreeing = {c.candidate for c in pairing.comparisons if c.reference == EAGER and c.passed}
    for notice in decision_notices(found, agreeing):
        crew.notice(notice)
    timing, cost = _timed(job, crew, asides, main)
    if timing is not None:
        libraries = tuple(_in_libraries(Path(job.scratch), crew, built, timing))
        timing = replace(timing, latencies=(*timing.latencies, *libraries))
    return Weighed(noise, own, proof, found, timing, cost)


def _variants(built: Built, crew: Crew) -> Iterator[str]:
    """The variants of a build's file, from the optimised model to the apps' libraries, as far as they ran."""
    build = built.build
    keys = [build.key(stage) for stage in ("optimised", "lite", "backported")]
    keys += [build.key("device", f"{verdict.release} {verdict.abi}") for verdict in built.devices]
    yield from filter(crew.record.passed, keys)


def _in_libraries(scratch: Path, crew: Crew, built: Built, timing: Timing) -> Iterator[Latency]:
    """How long the apps' libraries took for inputs of the shapes that were timed, but for the first run of all.

    They ran as stages, not in turn with the eager model. One whose CPU was emulated says nothing.
    """
    trials = msgspec.json.decode(crew.desks.read(scratch / INPUTS / "trials.json"), type=list[Trial])
    shapes = next(trial.arguments for trial in trials if trial.number == timing.trial)
    like_it = {trial.number for trial in trials[1:] if trial.arguments == shapes}
    eager = timing.latencies[0].seconds
    for verdict in built.devices:
        key = built.build.key("device", f"{verdict.release} {verdict.abi}")
        taken = run_times(scratch / key, crew.desks.read)
        times = [taken[number] for number in like_it & taken.keys()]
        if times and verdict.status == "right" and not verdict.emulated:
            seconds = float(f"{median(times) / 1e9:.4g}")
            ratio = float(f"{seconds / eager:.4g}") if eager else None
            yield Latency(variant=key, seconds=seconds, runs=len(times), ratio=ratio, apart=True)


def _timed(job: Job, crew: Crew, asides: Asides, main: Build) -> tuple[Timing | None, RepairCost | None]:
    """The latency of the main file, and how it and the size compare with the file that was asked for."""
    scratch, final = Path(job.scratch), main.final
    files = {final: str(main.file(scratch))}
    asked = first_build(job.spec, main.method, main.edition)
    if main.remedy and crew.record.passed(asked.final):
        files[asked.final] = str(asked.file(scratch))
    # The file holds the optimised module as TorchScript too.
    whole = {main.key("optimised"): str(main.saved_file(scratch))} if main.optimise else {}
    captured = crew.record.stages.get(CAPTURED[main.method])
    quick = captured is not None and captured.seconds <= _QUICKLY_CAPTURED
    timing = asides.timing(Wanted(files, whole, main.method if quick else None), final)
    if not main.remedy:
        return timing, None
    size = asked.file(scratch).stat().st_size if asked.file(scratch).exists() else 0
    return timing, RepairCost(
        latency_ratio=latency_ratio(timing, final, asked.final),
        size_ratio=float(f"{main.file(scratch).stat().st_size / size:.4g}") if size else None,
    )
