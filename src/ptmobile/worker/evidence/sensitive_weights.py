"""Giving untrained weights values that show errors: an output that is zero, or never moves, agrees with any file.

Only what was plainly never trained is touched: parameters in which every value is the same (heads of zeros, layer
scales of 1e-6, normalisations at one and zero), and running statistics of batch normalisations at their start. The
statistics come from what passes through the layers, in their order, so that values stay near one in any depth.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import torch

from ptmobile.errors import LoadError
from ptmobile.protocol import Job
from ptmobile.worker.evidence.noise.widening import stored_tensors
from ptmobile.worker.evidence.script_statistics import MEAN, VARIANCE, constants, taking, taking_statistics
from ptmobile.worker.inputs.examples import TrialInputs
from ptmobile.worker.stages.running import unspecialised
from ptmobile.worker.stages.state import copied

#: The file in which the process of the model leaves what was changed.
SENSITISED: Final = "sensitised.json"
_TRAINED: Final = "No weights of the model are plainly untrained."
_FROZEN: Final = (
    "The TorchScript file was frozen: its weights are constants of its code, in the place of which nothing can be put. "
    "Give one that is not, or the class with its weights."
)
_QUANTISED: Final = (
    "The model is quantised: the scales of its activations were observed with the weights that it has, and would not "
    "fit others. Give the float model such weights before it is observed, or take a trained one."
)
_SMALL = 0.05
_BIAS_SPREAD = 0.2


@dataclass(frozen=True)
class Sensitised:
    """What was changed: names of parameters with new values, and of modules whose statistics were set; and what not.

    ``kept``: how many parameters and pairs of statistics look as if they were trained. ``unreached``: names of modules
    whose statistics are at their start still, since nothing came through that they could be taken from. ``constants``:
    how many tensors are written into the code of TorchScript (see :func:`script_statistics.constants`).
    """

    parameters: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    kept: int = 0
    unreached: tuple[str, ...] = ()
    constants: int = 0

    def __bool__(self) -> bool:
        return bool(self.parameters or self.statistics)


def sensitise(job: Job, module: torch.nn.Module, first: TrialInputs) -> None:
    """In the process of the model: change its untrained weights, and leave how many there were.

    Raises:
        LoadError: it has none.
    """
    changed = make_sensitive(module, first.arguments, seed=job.spec.seed)
    (Path(job.scratch) / SENSITISED).write_bytes(msgspec.json.encode(changed))
    if not changed:
        quantised = any(one.is_quantized for one in stored_tensors(module))
        raise LoadError(_QUANTISED if quantised else _FROZEN if changed.constants else _TRAINED)


def make_sensitive(module: torch.nn.Module, arguments: Sequence[Any], *, seed: int = 0) -> Sensitised:
    """Change the untrained weights of a module in place; the same seed and arguments give the same values.

    ``arguments`` are those of one call; the module runs on a copy of them once if it has statistics to set. Its other
    buffers are what they were before. In TorchScript the same is done, as far as parameters and buffers are there: what
    freezing has made constants of its code stays.

    Raises:
        Exception: whatever the module raises when it runs.
    """
    generator = torch.Generator().manual_seed(seed)
    state = torch.get_rng_state()
    try:
        with torch.no_grad():
            normalising = {name: child for name, child in _with_statistics(module) if _at_start(child)}
            trained = sum(not _at_start(child) for _, child in _with_statistics(module))
            parameters = tuple(_randomise(module, generator))
            if normalising:
                torch.manual_seed(seed)
                _set_statistics(module, normalising, arguments)
    finally:
        torch.set_rng_state(state)
    unreached = tuple(name for name, child in normalising.items() if _at_start(child))
    return Sensitised(
        parameters,
        tuple(name for name in normalising if name not in unreached),
        kept=sum(1 for _ in _candidates(module)) - len(parameters) + trained,
        unreached=unreached,
        constants=constants(module),
    )


def _with_statistics(module: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module]]:
    """Modules with ``running_mean`` and ``running_var`` (BatchNorm, FrozenBatchNorm2d, ...), also in TorchScript."""
    for name, child in module.named_modules():
        if all(isinstance(getattr(child, kept, None), torch.Tensor) for kept in (MEAN, VARIANCE)):
            yield name, child


def _at_start(child: torch.nn.Module) -> bool:
    """Whether statistics are zero and one."""
    return bool((getattr(child, MEAN) == 0).all()) and bool((getattr(child, VARIANCE) == 1).all())


def _randomise(module: torch.nn.Module, generator: torch.Generator) -> Iterator[str]:
    """New values for all that is constant; yields the names."""
    for name, values in _candidates(module):
        if _is_constant(values):
            values.copy_(_new_values(name, values, generator))
            yield name


def _candidates(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """All parameters, and the ``weight`` and ``bias`` that a normalisation keeps as buffers (FrozenBatchNorm2d)."""
    for name, parameter in module.named_parameters():
        yield name, parameter.data
    modules = dict(module.named_modules())  # TorchScript has no get_submodule
    for name, buffer in module.named_buffers():
        owner, _, own = name.rpartition(".")
        if own in ("weight", "bias") and hasattr(modules.get(owner), VARIANCE):
            yield name, buffer


def _is_constant(values: torch.Tensor) -> bool:
    """Whether a floating tensor has one value only. A single number is telling only where it is zero."""
    if not values.is_floating_point() or values.is_quantized or values.numel() == 0:
        return False
    first = values.reshape(-1)[0]
    return bool((values == first).all()) and (values.numel() > 1 or float(first) == 0.0)


def _new_values(name: str, values: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random values of a size that suits the place: a matrix keeps the variance, a vector scales or shifts a little."""
    shape, value = values.shape, float(values.reshape(-1)[0])
    fan_in = values[0].numel() if values.dim() > 1 else 1
    if sum(size > 1 for size in shape) > 1 and shape[0] > 1:
        new = torch.randn(shape, generator=generator) * (2.0 / fan_in) ** 0.5
    elif name.rpartition(".")[2].endswith("bias"):
        new = torch.randn(shape, generator=generator) * _BIAS_SPREAD
    elif abs(value) < _SMALL:  # a layer scale, or a gate that was closed: opened
        new = torch.rand(shape, generator=generator) + 0.5
    else:
        new = value * (torch.rand(shape, generator=generator) + 0.5)
    return new.to(values.dtype)


def _set_statistics(module: torch.nn.Module, normalising: dict[str, torch.nn.Module], arguments: Sequence[Any]) -> None:
    """Run once; each module takes its statistics from the first thing it is given."""
    kept = {getattr(child, name).data_ptr() for child in normalising.values() for name in (MEAN, VARIANCE)}
    before = [(buffer, buffer.clone()) for buffer in module.buffers() if buffer.data_ptr() not in kept]

    def take(child: torch.nn.Module, given: tuple[Any, ...]) -> None:
        if given and isinstance(given[0], torch.Tensor):
            taking()(given[0], getattr(child, MEAN), getattr(child, VARIANCE))

    with contextlib.ExitStack() as hooks, taking_statistics(module) as running, unspecialised(running):
        for child in normalising.values():
            if not isinstance(child, torch.jit.ScriptModule):
                hooks.callback(child.register_forward_pre_hook(take).remove)
        running(*copied(list(arguments)))
    for buffer, value in before:
        buffer.copy_(value)
