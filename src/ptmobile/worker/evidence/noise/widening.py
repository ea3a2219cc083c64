"""Running a float32 model in float64, without a change to its code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ptmobile.errors import LoadError

#: What is computed in the wider type instead.
WIDER: Final = {torch.float32: torch.float64, torch.complex64: torch.complex128}
_HALVES: Final = (torch.float16, torch.bfloat16)
_QUANTISED: Final = "It is quantised: a step of quantisation is far larger than what float32 rounds."


class NoFloorError(LoadError):
    """There is no rounding error of float32 to measure in this model; the message says why."""


def refuse_unfit(module: torch.nn.Module, others: Iterable[torch.Tensor]) -> None:
    """See whether there is anything to widen; ``others`` are the inputs and the outputs of the float32 run.

    Raises:
        NoFloorError: the model does not compute in float32.
    """
    tensors = [*stored_tensors(module), *others]
    if any(tensor.is_quantized for tensor in tensors):
        raise NoFloorError(_QUANTISED)
    kinds = {tensor.dtype for tensor in tensors}
    for half in (kind for kind in _HALVES if kind in kinds):
        raise NoFloorError(f"It computes with {str(half).removeprefix('torch.')}, which rounds more than float32 does.")
    if not kinds & set(WIDER):
        wide = kinds & set(WIDER.values())
        raise NoFloorError("It computes in float64 itself." if wide else "It computes with integers, which are exact.")


def stored_tensors(module: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Parameters and buffers, and what quantised layers keep in their packed form."""
    waiting: list[Any] = list(module.state_dict().values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            waiting += value


def widen(module: torch.nn.Module) -> torch.nn.Module:
    """Make the module's tensors wider in place: parameters, buffers, and plain attributes, which ``double`` leaves."""
    module._apply(widened)  # noqa: SLF001 - what Module.double does, for complex numbers too
    if not isinstance(module, torch.jit.ScriptModule):
        for part in module.modules():
            plain = {name: value for name, value in vars(part).items() if isinstance(value, torch.Tensor)}
            for name, value in plain.items():
                setattr(part, name, widened(value))
    return module


def widened(tensor: torch.Tensor) -> torch.Tensor:
    """The same values in the wider type; what is not float32 is returned as it is."""
    return tensor.to(WIDER[tensor.dtype]) if tensor.dtype in WIDER else tensor


class InFloat64(TorchDispatchMode):
    """While it is entered, what asks for float32 gets float64: casts, and tensors made in ``forward``.

    The default data type is that of the process; its owner sets it.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operator."""
        given = dict(kwargs or {})
        if func.namespace == "quantized":
            raise NoFloorError(_QUANTISED)
        asked = given.get("dtype")
        if asked in WIDER:
            given["dtype"] = WIDER[asked]
        elif asked in _HALVES:
            kind = str(asked).removeprefix("torch.")
            raise NoFloorError(f"Its forward casts to {kind}, which rounds more than float32 does.")
        result = func(*args, **given)
        if func is torch.ops.aten.lift_fresh.default:  # a constant in a traced model, or torch.tensor([...])
            return widened(result)
        return result
