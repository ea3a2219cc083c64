"""The processes that run a file: they have never seen the model, only the bytes on disk and the inputs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import torch
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile.editions import Build
from ptmobile.protocol import Job
from ptmobile.result import StageName, Trial
from ptmobile.worker.inputs.examples import TrialInputs
from ptmobile.worker.processes.channel import Writer
from ptmobile.worker.processes.stage import Reporter, StageFailedError
from ptmobile.worker.stages.backporting import Backported, backport
from ptmobile.worker.stages.running import run_all
from ptmobile.worker.values.files import load_tree


def run_lite(job: Job, build: Build, channel: Writer, desk: Path) -> None:
    """Load the file as torch wrote it with the lite interpreter, and run every trial.

    File and inputs are those that were kept; outputs are left on the desk.
    """
    reporter = Reporter(channel, Path(job.workspace), build.method, build.target)
    try:
        with reporter.stage("lite", "The file could not be loaded and run by the lite interpreter"):
            _run(job, build.saved_file(Path(job.scratch)), desk / build.key("lite"), "lite", reporter)
    except StageFailedError:
        return


def run_backported(job: Job, build: Build, channel: Writer, desk: Path) -> None:
    """Write the file in an older bytecode, load it again, and run every trial."""
    reporter = Reporter(channel, Path(job.workspace), build.method, build.target)
    version = build.edition.bytecode_version
    try:
        with reporter.stage(
            "backported", f"The file could not be backported to bytecode {version}, or not run"
        ) as notes:
            target = build.file(desk)
            target.parent.mkdir(parents=True)
            notes.extend(_told(backport(build.saved_file(Path(job.scratch)), target, version)))
            _run(job, target, desk / build.key("backported"), "backported", reporter)
    except StageFailedError:
        return


def _told(done: Backported) -> list[str]:
    what = "grew" if done.growth_bytes >= 0 else "shrank"
    size = f"the file {what} by {abs(done.growth_bytes):,} bytes to {done.growth_ratio:.3f} times its size"
    notes = [f"bytecode {done.bytecode_version}: {size}"]
    if done.shared_bytes:
        notes.append(f"{done.shared_bytes:,} bytes of constants that torch writes twice are there once")
    if done.restored_files:
        notes.append(f"extra files that torch's backport loses were put back: {', '.join(done.restored_files)}")
    return notes


def _run(job: Job, file: Path, folder: Path, stage: StageName, reporter: Reporter) -> None:
    module = _load_for_lite_interpreter(str(file))
    run_all(module, read_inputs(Path(job.scratch)), folder, lambda number: reporter.trial(stage, number))


def read_inputs(scratch: Path) -> list[TrialInputs]:
    """The inputs that the eager model was run on."""
    folder = scratch / "inputs"
    described = msgspec.json.decode((folder / "trials.json").read_bytes(), type=list[Trial])
    return [
        TrialInputs(t.number, t.seed, _arguments(folder / str(t.number)), (), t.distribution, t.repeats)
        for t in described
    ]


def _arguments(stem: Path) -> tuple[torch.Tensor, ...]:
    return tuple(load_tree(stem).tensors().values())
