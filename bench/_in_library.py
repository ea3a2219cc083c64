"""A file run in a phone's library: asked, and its answer judged by what eager gave."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from _libraries import ENVIRONMENT, Library
from _sweep_compare import Inputs, compare, of_tensors, tensors_of
from _sweep_make import MESSAGE_LENGTH, essence
from _sweep_records import Elsewhere

from ptmobile.device.answers import FileAnswer
from ptmobile.device.plan import ModelFile, Trial
from ptmobile.device.runner import Limits


def ask(library: Library, file: Path, trials: Sequence[Inputs], folder: Path, seconds: float) -> FileAnswer:
    """What a library makes of a file within a time limit; ``folder`` is for what it leaves, and is made.

    Raises:
        CannotRunError: something is missing on this machine.
    """
    folder.mkdir()
    given = [Trial(*of_tensors(trial, folder / f"{number}.bin")) for number, trial in enumerate(trials)]
    limits = Limits(seconds=seconds, step_seconds=seconds)
    report = library.runner().run([ModelFile(file, given)], folder, ENVIRONMENT, limits)
    return report.files.get(0, FileAnswer())


def judge(answer: FileAnswer, expected: Sequence[Sequence[torch.Tensor]], noise: float | None = None) -> Elsewhere:
    """The outcome of a file in a library; ``expected`` by trial, then output, ``noise`` as for ``compare``."""
    if answer.failure is not None:
        return Elsewhere(outcome="refused", message=essence(answer.failure.message))
    stopped = answer.crash or next((t.crash for t in answer.trials.values() if t.crash), None)
    if stopped is not None:
        how = " ".join(filter(None, [f"{stopped.step}: the process {stopped.how}.", stopped.frame, stopped.words]))
        return Elsewhere(outcome="too slow" if stopped.timeout else "crashed", message=how[:MESSAGE_LENGTH])
    failure = next((t.failure for t in answer.trials.values() if t.failure), None)
    if failure is not None:
        return Elsewhere(outcome="failed", message=essence(failure.message))
    outputs = [answer.trials[n].output for n in range(len(expected)) if n in answer.trials]
    if len(outputs) < len(expected) or None in outputs:
        return Elsewhere(outcome="too slow", message="not all trials were reached in time")
    return compare(expected, [tensors_of(output) for output in outputs], noise)
