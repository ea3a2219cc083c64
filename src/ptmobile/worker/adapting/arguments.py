"""Arguments that are lists of tensors: a file takes the tensors one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import torch

from ptmobile.worker.adapting.wrapping import source_of, wrapped

#: For each argument of the model, in order: how many tensors its list has; None for a tensor by itself.
Layout = tuple[int | None, ...]


def grouped(layout: Layout) -> tuple[list[str], str]:
    """The names of the file's arguments, and how they are handed on to the model."""
    names: list[str] = []
    call: list[str] = []
    for count in layout:
        own = [f"input{len(names) + number}" for number in range(1 if count is None else count)]
        names += own
        call.append(own[0] if count is None else f"[{', '.join(own)}]")
    return names, ", ".join(call)


class ListsOfTensors(torch.nn.Module):
    """A model called with tensors one by one, of which some make up lists."""

    def __init__(self, model: torch.nn.Module, layout: Layout) -> None:
        super().__init__()
        self.model = model
        self.layout = layout
        self.eval()

    def forward(self, *tensors: torch.Tensor) -> object:
        """Run the model."""
        arguments: list[torch.Tensor | list[torch.Tensor]] = []
        rest = list(tensors)
        for count in self.layout:
            own, rest = rest[: count or 1], rest[count or 1 :]
            arguments.append(own[0] if count is None else own)
        return self.model(*arguments)


@overload
def called_with(module: torch.jit.ScriptModule, layout: Layout, methods: Sequence[str]) -> torch.jit.ScriptModule: ...


@overload
def called_with(module: torch.nn.Module, layout: Layout, methods: Sequence[str]) -> torch.nn.Module: ...


def called_with(module: torch.nn.Module, layout: Layout, methods: Sequence[str]) -> torch.nn.Module:
    """The module as it is called with tensors only; the very same if none of its arguments is a list.

    ``methods`` are those besides forward that TorchScript keeps.
    """
    if all(count is None for count in layout):
        return module
    if isinstance(module, torch.jit.ScriptModule):
        names, call = grouped(layout)
        others = [name for name in methods if name != "forward" and hasattr(module, name)]
        return wrapped(module, source_of(names, [], f"self.model({call})"), others)
    return ListsOfTensors(module, layout)


def unwrapped(module: torch.nn.Module, tensors: int) -> tuple[torch.nn.Module, Layout]:
    """The model itself, and which of its arguments are lists; ``tensors`` is how many it is called with."""
    if isinstance(module, ListsOfTensors):
        return module.model, module.layout
    return module, (None,) * tensors
