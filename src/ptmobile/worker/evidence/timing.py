"""Latencies of the eager model and of its files, side by side: in one process, by one thread, in turn.

They are of this machine and say nothing of a device; their ratio says what an optimisation, or a repair, has brought.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
import torch
from msgspec.structs import replace
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile.device.errors import CannotRunError
from ptmobile.protocol import Job, RoadBegan
from ptmobile.result import Latency, Method, Timing
from ptmobile.worker.inputs.examples import TrialInputs
from ptmobile.worker.loading.user_code import describe
from ptmobile.worker.processes.stage import Reporter, StageFailedError
from ptmobile.worker.stages.capture import capture
from ptmobile.worker.stages.road import CAPTURED, RoadEnds
from ptmobile.worker.stages.running import unspecialised
from ptmobile.worker.verdicts.pairing import EAGER

TIMED: Final = "timed"
#: What all runs of a model may take together, as far as single runs are shorter.
BUDGET_SECONDS: Final = 2.0
_MOST_ROUNDS: Final = 100
#: What lies between the model and its file is timed for so long, where a run of the model takes no longer than that.
_OTHERS_SECONDS: Final = 1.0
_QUICK_SECONDS: Final = 0.1


class Wanted(msgspec.Struct, frozen=True):
    """What to time beside the eager model: files, by their variants, in the lite interpreter.

    Then, where these were quick: ``whole`` are files in the interpreter of TorchScript, by the variants that this makes
    of them, and ``capture`` the way in which the model is captured once more.
    """

    files: dict[str, str]
    whole: dict[str, str] = {}
    capture: Method | None = None


def order(descriptor: int, wanted: Wanted) -> None:
    """Have the process begin.

    Raises:
        BrokenPipeError: the process is no more.
    """
    os.write(descriptor, msgspec.json.encode(wanted) + b"\n")


def run_timing(job: Job, module: torch.nn.Module, trials: list[TrialInputs], ends: RoadEnds) -> None:
    """Wait for the files, then run them and the eager model in turn on the first input."""
    scratch = Path(job.scratch)
    ends.channel.send(RoadBegan(process=os.getpid()))
    with os.fdopen(ends.orders, "rb", closefd=False) as stream:
        line = stream.readline()
    if not line:
        return
    reporter = Reporter(ends.channel, Path(job.workspace))
    with contextlib.suppress(StageFailedError), reporter.stage(TIMED, "Latencies were not measured"):
        try:
            wanted = msgspec.json.decode(line, type=Wanted)
            timing = _timed(module, trials[0], wanted.files)
            timing = _with_others(timing, job, module, trials[0], wanted)
        except Exception as error:
            raise CannotRunError(describe(error, 300)) from error
        (scratch / f"{TIMED}.json").write_bytes(msgspec.json.encode(timing))


def _timed(module: torch.nn.Module, trial: TrialInputs, files: Mapping[str, str]) -> Timing:
    variants: dict[str, Callable[..., object]] = {EAGER: module}
    variants |= {name: _load_for_lite_interpreter(path) for name, path in files.items()}
    with unspecialised(module), torch.no_grad():
        taken, warm = measure({name: _run(variant, trial) for name, variant in variants.items()})
    return Timing(latencies=tuple(_latencies(taken)), trial=trial.number, warm=warm)


def _with_others(timing: Timing, job: Job, module: torch.nn.Module, trial: TrialInputs, wanted: Wanted) -> Timing:
    """With what lies between the model and its file, beside eager again; without, where that takes long or fails."""
    if not timing.warm or timing.latencies[0].seconds > _QUICK_SECONDS:
        return timing
    variants: dict[str, Callable[..., object]] = {EAGER: module}
    with contextlib.suppress(Exception):  # it ran before, as a stage; no latency is worth more words
        if wanted.capture:
            variants[CAPTURED[wanted.capture]] = capture(job, module, wanted.capture, trial).module
        variants |= {name: torch.jit.load(path) for name, path in wanted.whole.items()}
        with torch.jit.optimized_execution(False), torch.no_grad():
            taken, warm = measure({name: _run(variant, trial) for name, variant in variants.items()}, _OTHERS_SECONDS)
        others = tuple(latency for latency in _latencies(taken) if latency.variant != EAGER)
        return replace(timing, latencies=(*timing.latencies, *others)) if warm else timing
    return timing


def _latencies(taken: Mapping[str, list[float]]) -> Iterator[Latency]:
    """Medians, and what they are as multiples of the eager model's."""
    medians = {name: float(f"{median(seconds):.4g}") for name, seconds in taken.items()}
    for name, seconds in medians.items():
        ratio = float(f"{seconds / medians[EAGER]:.4g}") if medians[EAGER] else None
        yield Latency(variant=name, seconds=seconds, runs=len(taken[name]), ratio=ratio)


def _run(variant: Callable[..., object], trial: TrialInputs) -> Callable[[], float]:
    """One run on copies of the inputs, which is told by its seconds; copying them is not counted."""

    def run() -> float:
        arguments = [argument.clone() for argument in trial.arguments]
        start = time.perf_counter()
        variant(*arguments)
        return time.perf_counter() - start

    return run


def measure(
    runs: Mapping[str, Callable[[], float]], budget: float = BUDGET_SECONDS
) -> tuple[dict[str, list[float]], bool]:
    """The seconds of each variant's runs, round by round in alternating order, and whether all had run before.

    A round that takes more than half of the budget is not repeated.
    """
    first = {name: [run()] for name, run in runs.items()}
    spent = _sum(first)
    if spent > budget / 2:
        return first, False
    taken: dict[str, list[float]] = {name: [] for name in runs}
    order_of_names = list(runs)
    for _ in range(_MOST_ROUNDS):
        for name in order_of_names:
            taken[name].append(runs[name]())
        order_of_names.reverse()
        if spent + _sum(taken) + _sum(first) > budget:
            break
    return taken, True


def _sum(taken: Mapping[str, list[float]]) -> float:
    return sum(sum(seconds) for seconds in taken.values())
