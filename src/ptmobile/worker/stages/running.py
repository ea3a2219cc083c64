"""Running one variant on the inputs of all trials, each time on fresh copies and with the same random state."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ptmobile.worker.comparing.changed_inputs import keep_changed
from ptmobile.worker.inputs.examples import TrialInputs
from ptmobile.worker.values.files import save_tree
from ptmobile.worker.values.trees import Tree, flatten

Variant = Callable[..., Any]


def run_once(variant: Variant, trial: TrialInputs, *, seed: int | None = None) -> Tree:
    """One run on copies of the inputs; what the model draws at random depends on ``seed`` (by default the trial's)."""
    return _run_on(variant, [argument.clone() for argument in trial.arguments], trial.number if seed is None else seed)


def _run_on(variant: Variant, arguments: list[torch.Tensor], seed: int) -> Tree:
    torch.manual_seed(seed)
    with torch.no_grad():
        return flatten(variant(*arguments))


def run_all(variant: Variant, trials: list[TrialInputs], folder: Path, began: Callable[[int], None]) -> None:
    """Run every trial and leave the outputs in ``folder``; ``began`` hears the number of a trial before it runs.

    Inputs that the variant has changed are left there too.

    TorchScript runs without its run-time specialisation: that is what the lite interpreter executes, and the
    profiling runs of the specialiser cost more than the trials themselves.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with unspecialised(variant):
        for trial in trials:
            began(trial.number)
            arguments, stem = [argument.clone() for argument in trial.arguments], folder / str(trial.number)
            save_tree(_run_on(variant, arguments, trial.number), stem)
            keep_changed(trial.arguments, arguments, stem)


def unspecialised(variant: Variant) -> contextlib.AbstractContextManager[object]:
    """While it is entered, TorchScript runs as it was written."""
    script = isinstance(variant, torch.jit.ScriptModule)
    return torch.jit.optimized_execution(False) if script else contextlib.nullcontext()
