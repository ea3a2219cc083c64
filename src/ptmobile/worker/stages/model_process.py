"""The process that holds the eager model: loads it, runs it, and forks one road per method.

It shares its memory with the roads until they write to it, so the weights exist once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import torch

from ptmobile.protocol import Job
from ptmobile.result import METHODS, Aside, Method, Notice
from ptmobile.worker.adapting.arguments import called_with
from ptmobile.worker.comparing.changed_inputs import changes_inputs
from ptmobile.worker.evidence.golden import make_golden
from ptmobile.worker.evidence.noise import memory
from ptmobile.worker.evidence.noise.process import run_again
from ptmobile.worker.evidence.other_sizes import run_eager_on_other_sizes
from ptmobile.worker.evidence.sensitive_weights import sensitise
from ptmobile.worker.evidence.timing import run_timing
from ptmobile.worker.inputs.examples import TrialInputs, make_trials
from ptmobile.worker.inputs.of_torchvision import default_inputs
from ptmobile.worker.loading import load_model
from ptmobile.worker.loading.imports import use_packages
from ptmobile.worker.processes.channel import Writer
from ptmobile.worker.processes.children import fork
from ptmobile.worker.processes.stage import Reporter, StageFailedError
from ptmobile.worker.stages.road import RoadEnds, walk_road
from ptmobile.worker.stages.running import run_all, run_once
from ptmobile.worker.stages.saving import prepare_to_save
from ptmobile.worker.stages.state import Snapshot
from ptmobile.worker.values import trees as values
from ptmobile.worker.values.files import save_tree

EAGER, EAGER_AGAIN, INPUTS = "eager", "eager-again", "inputs"
OTHER_SEED = 7919  # small: the CPU generator uses the low 32 bits only


@dataclass(frozen=True)
class ModelEnds:
    """What the model process speaks through: its own channel, and those of the roads and of what is beside them."""

    channel: Writer
    roads: dict[Method, RoadEnds]
    asides: dict[Aside, RoadEnds]


def run_model(job: Job, ends: ModelEnds) -> None:
    """Load, run eagerly, fork the roads; ends as soon as the roads are on their way."""
    workspace = Path(job.workspace)
    reporter = Reporter(ends.channel, workspace)
    try:
        with reporter.stage("load", "The model could not be loaded"):
            if job.packages:
                use_packages(Path(job.packages))
            loaded = load_model(job.spec, workspace)
        reporter.notice(*loaded.notices)
        with reporter.stage("inputs", "The example inputs could not be made"):
            entries = job.spec.inputs or default_inputs(job.spec.model)
            trials = make_trials(job.spec, entries, workspace)
        with reporter.stage("eager", "The model could not be run"):
            if not job.spec.optimize:
                prepare_to_save(loaded.module)
            module = called_with(loaded.module, trials[0].layout, job.spec.preserve_methods)
            if job.sensitive:
                sensitise(job, module, trials[0])
            before = memory.current_bytes()
            kept = run_eager(module, trials, Path(job.scratch), lambda n: reporter.trial("eager", n))
            run_eager_on_other_sizes(module, trials, Path(job.scratch))
            absent = None if job.spec.golden == "off" else make_golden(module, entries, kept, Path(job.scratch))
        reporter.notice(*([absent] if absent else []))
    except StageFailedError:
        return
    changed = changes_inputs(Path(job.scratch) / EAGER, [trial.number for trial in trials])
    reporter.notice(*_told(kept, changed=changed))
    values_bytes = max(memory.peak_bytes() - before, 0)
    walks: list[tuple[RoadEnds, Callable[[RoadEnds], None]]] = [
        (ends.roads[method], partial(walk_road, job, method, module, trials)) for method in METHODS
    ]
    walks.append((ends.asides["float64"], partial(run_again, job, module, trials, values_bytes)))
    walks.append((ends.asides["timed"], partial(run_timing, job, module, trials)))
    _fork_all(walks, ends.channel)


def _told(kept: tuple[str, ...], *, changed: bool) -> Iterator[Notice]:
    """What a call of the model does beside returning something."""
    if kept:
        names = ", ".join(kept[:5]) + (" and more" if len(kept) > 5 else "")
        message = (
            f"The model keeps state between its calls, in {names}. Every variant was run from the state that the model "
            "was loaded with, on the same sequence of inputs; the file holds that state."
        )
        yield Notice(level="notice", code="keeps-state", message=message[:2000])
    if changed:
        message = "The model changes its inputs in place: after a call an app finds other values in its own tensors."
        yield Notice(level="notice", code="changes-inputs", message=message)


def write_inputs(trials: list[TrialInputs], scratch: Path) -> None:
    """Leave the inputs of every trial, and their description, for all who run after the eager model."""
    folder = scratch / INPUTS
    folder.mkdir()
    for trial in trials:
        save_tree(values.flatten(list(trial.arguments), "input"), folder / str(trial.number))
    (folder / "trials.json").write_bytes(msgspec.json.encode([trial.described() for trial in trials]))


def run_eager(
    module: torch.nn.Module, trials: list[TrialInputs], scratch: Path, began: Callable[[int], None]
) -> tuple[str, ...]:
    """Run all trials, then the first trial of each set of shapes again, with another random state.

    The second run tells whether the model itself gives the same answer twice: where it does not, no comparison can.
    Of a model that keeps state it is the whole sequence, from the state that it was loaded with, which it has in the
    end again. Returns the names of what holds that state.
    """
    before = Snapshot(module)
    run_all(module, trials, scratch / EAGER, began)
    kept = before.changed()
    before.restore()
    again = scratch / EAGER_AGAIN
    again.mkdir()
    for trial in trials if kept else first_of_each_shape(trials):
        save_tree(run_once(module, trial, seed=trial.number + OTHER_SEED), again / str(trial.number))
    before.restore()
    return kept


def first_of_each_shape(trials: list[TrialInputs]) -> list[TrialInputs]:
    """The first trial of each combination of argument shapes."""
    firsts: dict[tuple[torch.Size, ...], TrialInputs] = {}
    for trial in trials:
        firsts.setdefault(tuple(argument.shape for argument in trial.arguments), trial)
    return list(firsts.values())


def _fork_all(walks: list[tuple[RoadEnds, Callable[[RoadEnds], None]]], channel: Writer) -> None:
    """Fork a process for each, and tell the supervisor, who adopts them when this process ends."""
    for own, walk in walks:

        def main(own: RoadEnds = own, walk: Callable[[RoadEnds], None] = walk) -> None:
            channel.close()
            for other, _ in walks:
                if other is not own:
                    other.close()
            walk(own)

        fork(main)
    os.close(channel.descriptor)
