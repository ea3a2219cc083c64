"""The process that draws the inputs which files are run on: no code of the model has run in it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ptmobile.protocol import Job
from ptmobile.worker.inputs.examples import make_trials
from ptmobile.worker.inputs.of_torchvision import default_inputs
from ptmobile.worker.processes.channel import Writer
from ptmobile.worker.stages.model_process import write_inputs


def draw_inputs(job: Job, _: Writer, desk: Path) -> None:
    """Leave the inputs on the desk; what is wrong with them the model's process tells, which draws the same."""
    with contextlib.suppress(Exception):
        entries = job.spec.inputs or default_inputs(job.spec.model)
        write_inputs(make_trials(job.spec, entries, Path(job.workspace)), desk)
