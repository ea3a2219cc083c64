"""What is measured beside the conversion: the model's own errors, and latencies. Nothing here decides about a file."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from ptmobile.protocol import Job
from ptmobile.result import Aside, NoiseFloor, Notice, Stage, Timing
from ptmobile.worker.comparing.scales import Loader
from ptmobile.worker.evidence.noise.floor import OwnErrors, jitters, own_errors
from ptmobile.worker.evidence.noise.process import FLOAT64, SAME, ask
from ptmobile.worker.evidence.timing import TIMED, Wanted, order
from ptmobile.worker.processes.crew import Crew
from ptmobile.worker.verdicts.pairing import EAGER

#: A model that takes longer than that is ended, and its conversion goes on.
_PATIENCE_SECONDS: Final = 90.0
#: The same where all that follows is judged by the model's own errors.
_PATIENCE_FOR_ROOM: Final = 180.0
_NONDETERMINISTIC: Final = "Two eager runs on the same input differ, so there is nothing to measure from."
_NOT_REACHED: Final = "It was not measured: its process ended, or the time was up."


class Asides:
    """Asks the processes that wait beside the roads, and reads what they have left.

    ``orders``: the descriptors through which they hear.
    """

    def __init__(self, job: Job, crew: Crew, orders: Mapping[Aside, int]) -> None:
        self._scratch = Path(job.scratch)
        self._wants_timing = job.spec.timing
        self._wants_room = job.spec.own_error_multiple is not None
        self._crew = crew
        self._orders = orders
        self._deterministic = True
        self._noise: tuple[NoiseFloor, OwnErrors] | None = None

    def begin(self, *, deterministic: bool) -> None:
        """Have the model's own errors measured while files are built."""
        self._deterministic = deterministic
        with contextlib.suppress(BrokenPipeError):
            ask(self._orders[FLOAT64], "all" if deterministic else "repeat")

    def close(self) -> None:
        """Who hears nothing more ends."""
        for descriptor in self._orders.values():
            os.close(descriptor)

    def noise(self, load: Loader, trials: Sequence[int]) -> tuple[NoiseFloor, OwnErrors]:
        """The model's own errors; waits for them, once. A run in float64 that failed is a notice."""
        if self._noise is None:
            self._noise = self._measured(load, trials)
        return self._noise

    def _measured(self, load: Loader, trials: Sequence[int]) -> tuple[NoiseFloor, OwnErrors]:
        self._crew.wait_for(FLOAT64, _PATIENCE_FOR_ROOM if self._wants_room else _PATIENCE_SECONDS)
        self._crew.take_from(FLOAT64, SAME)
        repeated = self._left(SAME, trials)
        jitter = jitters(load, repeated, EAGER, SAME)
        floor = NoiseFloor(jitter=_largest(jitter), jitter_trials=len(repeated))
        if not self._deterministic:
            return replace(floor, reason=_NONDETERMINISTIC), OwnErrors()
        stage = self._crew.record.stages.get(FLOAT64)
        if stage is None or stage.status != "passed":
            return replace(floor, reason=self._reason(stage)), OwnErrors()
        ran = self._left(FLOAT64, trials)
        errors = own_errors(load, ran, EAGER, FLOAT64)
        errors.jitter.update(jitter)
        reason = "" if errors.errors else "No output is of float32: nothing in it is rounded."
        return replace(floor, trials=len(ran), reason=reason), errors

    def _reason(self, stage: Stage | None) -> str:
        problem = stage.problem if stage else None
        reason = problem.message if problem else _NOT_REACHED
        if stage is None or stage.status != "skipped":
            message = f"The model's own rounding error is not known: {reason}"
            self._crew.notice(Notice(level="notice", code="noise-floor", message=message[:2000]))
        return reason

    def _left(self, variant: str, trials: Sequence[int]) -> list[int]:
        return [number for number in trials if (self._scratch / variant / f"{number}.json").exists()]

    def timing(self, wanted: Wanted, main: str) -> Timing | None:
        """Latencies of eager and of what is wanted; ``main`` is the file whose ratio to eager is told."""
        if not self._wants_timing or main not in wanted.files or self._crew.out_of_time:
            return None
        with contextlib.suppress(BrokenPipeError):
            order(self._orders[TIMED], wanted)
        self._crew.wait_for(TIMED, _PATIENCE_SECONDS)
        if not self._crew.record.passed(TIMED):
            return None
        timing = msgspec.json.decode((self._scratch / f"{TIMED}.json").read_bytes(), type=Timing)
        return replace(timing, ratio=latency_ratio(timing, main, EAGER))


def _largest(jitter: Mapping[str, Mapping[int, float]]) -> float | None:
    """Of all outputs and trials; None if there is none, or it is not finite."""
    largest = max((value for values in jitter.values() for value in values.values()), default=math.inf)
    return largest if math.isfinite(largest) else None


def latency_ratio(timing: Timing | None, variant: str, reference: str) -> float | None:
    """How many times the reference's latency a variant takes; None if one was not timed, or took no time."""
    seconds = {latency.variant: latency.seconds for latency in timing.latencies} if timing else {}
    if variant not in seconds or not seconds.get(reference):
        return None
    return float(f"{seconds[variant] / seconds[reference]:.4g}")
