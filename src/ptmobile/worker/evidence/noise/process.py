"""The process that runs the eager model once more: with the same random state, then in float64.

It is a fork of the model's process, which nothing else needs: its memory and its failures are its own. It waits until
the roads have captured the model.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Final, Literal

import torch

from ptmobile.device.errors import CannotRunError
from ptmobile.protocol import Job, RoadBegan
from ptmobile.result import Notice
from ptmobile.worker.evidence.noise.memory import refuse_large
from ptmobile.worker.evidence.noise.widening import InFloat64, NoFloorError, refuse_unfit, widen, widened
from ptmobile.worker.inputs.examples import TrialInputs
from ptmobile.worker.loading.user_code import describe
from ptmobile.worker.processes.stage import Reporter, StageFailedError
from ptmobile.worker.stages.road import RoadEnds
from ptmobile.worker.stages.running import run_once, unspecialised
from ptmobile.worker.stages.state import Snapshot
from ptmobile.worker.values.files import load_tree, save_tree

FLOAT64: Final = "float64"
SAME: Final = "eager-same"
Ask = Literal["all", "repeat"]
#: No further trial begins after so long; a double convolution takes several times as long as a float one.
_ENOUGH_SECONDS: Final = 20.0
#: Where a multiple of the error is allowed, inputs on which it is not known are judged more strictly than others.
_ENOUGH_FOR_ROOM: Final = 120.0
#: The same for what is only run once more.
_ENOUGH_REPEATING: Final = 3.0
_TITLE: Final = "The model's own rounding error is not known"


def ask(descriptor: int, what: Ask) -> None:
    """Have the process begin: both parts, or only the repetition.

    Raises:
        BrokenPipeError: the process is no more.
    """
    os.write(descriptor, what.encode())


def run_again(job: Job, module: torch.nn.Module, trials: list[TrialInputs], values_bytes: int, ends: RoadEnds) -> None:
    """Wait to be asked, then run; ``values_bytes`` is what the eager run took besides the weights."""
    scratch = Path(job.scratch)
    ends.channel.send(RoadBegan(process=os.getpid()))
    asked = os.read(ends.orders, 16).decode()
    if not asked:
        return
    _repeat(module, trials, scratch)
    if asked != "all":
        return
    reporter = Reporter(ends.channel, Path(job.workspace))
    with contextlib.suppress(StageFailedError), reporter.stage(FLOAT64, _TITLE) as notes:
        try:
            refuse_large(module, values_bytes)
            enough = _ENOUGH_SECONDS if job.spec.own_error_multiple is None else _ENOUGH_FOR_ROOM
            count = _run_wide(module, trials, scratch, reporter, enough)
        except NoFloorError as error:
            raise CannotRunError(error.message) from error
        except Exception as error:
            message = f"The model does not run in float64: {describe(error, 500)}"
            reporter.notice(Notice(level="notice", code="noise-floor", message=message))
            raise CannotRunError(message) from error
        if count < len(trials):
            notes.append(f"run on {count} of {len(trials)} inputs, for the sake of time")


def _repeat(module: torch.nn.Module, trials: list[TrialInputs], scratch: Path) -> None:
    """The trials once more, with the same random state, until the time is up.

    The model is left in the state that it was loaded with.
    """
    loaded = Snapshot(module)
    start = time.monotonic()
    (scratch / SAME).mkdir()
    with contextlib.suppress(Exception):  # it did run before; how it failed now is no concern of the conversion
        for count, trial in enumerate(trials):
            if count and time.monotonic() - start > _ENOUGH_REPEATING:
                break
            save_tree(run_once(module, trial), scratch / SAME / str(trial.number))
    loaded.restore()


def _run_wide(
    module: torch.nn.Module, trials: list[TrialInputs], scratch: Path, reporter: Reporter, enough: float
) -> int:
    """Run trials in float64 until so many seconds are over; returns how many."""
    outputs = load_tree(scratch / "eager" / str(trials[0].number))
    refuse_unfit(module, [*trials[0].arguments, *outputs.tensors().values()])
    torch.set_default_dtype(torch.float64)
    wide = widen(module)
    (scratch / FLOAT64).mkdir()
    start = time.monotonic()
    for count, trial in enumerate(trials):
        if time.monotonic() - start > enough:
            return count
        reporter.trial(FLOAT64, trial.number)
        arguments = tuple(map(widened, trial.arguments))
        with unspecialised(wide), InFloat64():
            tree = run_once(wide, TrialInputs(trial.number, trial.seed, arguments))
        save_tree(tree, scratch / FLOAT64 / str(trial.number))
    return len(trials)
