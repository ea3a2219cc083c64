"""The process that runs the file: it has never seen the model, only the bytes on disk and the inputs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import torch
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile.protocol import Job
from ptmobile.result import Method, Trial, variant_key
from ptmobile.worker.channel import Writer
from ptmobile.worker.example_inputs import TrialInputs
from ptmobile.worker.running import run_all
from ptmobile.worker.stage import Reporter, StageFailedError
from ptmobile.worker.value_files import load_tree


def run_lite(job: Job, method: Method, file: Path, channel: Writer) -> None:
    """Load the file with the lite interpreter and run every trial."""
    reporter = Reporter(channel, Path(job.workspace), method)
    try:
        with reporter.stage("lite", "The file could not be loaded and run by the lite interpreter"):
            module = _load_for_lite_interpreter(str(file))
            folder = Path(job.scratch) / variant_key("lite", method)
            run_all(module, read_inputs(Path(job.scratch)), folder, lambda n: reporter.trial("lite", n))
    except StageFailedError:
        return


def read_inputs(scratch: Path) -> list[TrialInputs]:
    """The inputs that the eager model was run on."""
    folder = scratch / "inputs"
    described = msgspec.json.decode((folder / "trials.json").read_bytes(), type=list[Trial])
    return [TrialInputs(t.number, t.seed, _arguments(folder / str(t.number))) for t in described]


def _arguments(stem: Path) -> tuple[torch.Tensor, ...]:
    return tuple(load_tree(stem).tensors().values())
