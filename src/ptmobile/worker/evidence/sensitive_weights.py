"""Giving untrained weights values that show errors: an output that is zero, or never moves, agrees with any file.

Only what was plainly never trained is touched: parameters in which every value is the same (heads of zeros, layer
scales of 1e-6, normalisations at one and zero), and running statistics of batch normalisations at their start. The
statistics come from what passes through the layers, in their order, so that values stay near one in any depth.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ptmobile.worker.stages.state import copied

#: Below this many values per channel, statistics of the whole tensor say more than those of the channel.
_FEW_VALUES = 8
_SMALLEST_VARIANCE = 1e-12
_SMALL = 0.05
_BIAS_SPREAD = 0.2


@dataclass(frozen=True)
class Sensitised:
    """What was changed: names of parameters with new values, and of modules whose statistics were set."""

    parameters: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.parameters or self.statistics)


def make_sensitive(module: torch.nn.Module, arguments: Sequence[Any], *, seed: int = 0) -> Sensitised:
    """Change the untrained weights of a module in place; the same seed and arguments give the same values.

    ``arguments`` are those of one call; the module runs on a copy of them once if it has statistics to set. Its other
    buffers are what they were before. The statistics of TorchScript stay, since no hook sees what passes through.

    Raises:
        Exception: whatever the module raises when it runs.
    """
    generator = torch.Generator().manual_seed(seed)
    state = torch.get_rng_state()
    try:
        with torch.no_grad():
            normalising = dict(_untrained_statistics(module))
            parameters = tuple(_randomise(module, generator))
            if normalising:
                torch.manual_seed(seed)
                _set_statistics(module, normalising, arguments)
    finally:
        torch.set_rng_state(state)
    return Sensitised(parameters, tuple(normalising))


def _untrained_statistics(module: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module]]:
    """Modules with ``running_mean`` and ``running_var`` (BatchNorm, FrozenBatchNorm2d, ...) at zero and one."""
    for name, child in module.named_modules():
        if isinstance(child, torch.jit.ScriptModule):
            continue
        if _all(getattr(child, "running_mean", None), 0.0) and _all(getattr(child, "running_var", None), 1.0):
            yield name, child


def _all(values: Any, value: float) -> bool:
    return isinstance(values, torch.Tensor) and bool((values == value).all())


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
    for name, buffer in module.named_buffers():
        owner, _, own = name.rpartition(".")
        if own in ("weight", "bias") and hasattr(module.get_submodule(owner), "running_var"):
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
    kept = {id(child.running_mean) for child in normalising.values()}
    kept |= {id(child.running_var) for child in normalising.values()}
    before = [(buffer, buffer.clone()) for buffer in module.buffers() if id(buffer) not in kept]
    waiting = set(normalising.values())

    def take(child: torch.nn.Module, given: tuple[Any, ...]) -> None:
        if child in waiting and given and isinstance(given[0], torch.Tensor):
            waiting.discard(child)
            _take_statistics(child, given[0])

    with contextlib.ExitStack() as hooks:
        for child in normalising.values():
            hooks.callback(child.register_forward_pre_hook(take).remove)
        module(*copied(list(arguments)))
    for buffer, value in before:
        buffer.copy_(value)


def _take_statistics(module: torch.nn.Module, given: torch.Tensor) -> None:
    """Mean and variance of each channel (dimension 1; of rank 1 and 2 the last) into the module's buffers."""
    mean, variance = module.running_mean, module.running_var
    if not isinstance(mean, torch.Tensor) or not isinstance(variance, torch.Tensor) or not given.is_floating_point():
        return
    wide = given.to(torch.float64)
    channels = wide.transpose(0, 1 if wide.dim() > 1 else 0).reshape(mean.numel(), -1)
    if channels.shape[1] < _FEW_VALUES:
        channels = channels.reshape(1, -1)
    if bool(torch.isfinite(channels).all()) and channels.numel() > 1:
        mean.copy_(channels.mean(dim=1).expand_as(mean))
        variance.copy_(channels.var(dim=1, unbiased=False).clamp_min(_SMALLEST_VARIANCE).expand_as(variance))
