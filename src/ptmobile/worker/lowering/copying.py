"""A copy of a TorchScript module whose graphs can be changed without changing the module."""

# ruff: noqa: SLF001 - torch has no public names for a module's compilation unit and slots

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import torch

#: Not all of it is in torch's type annotations.
_C: Final[Any] = torch._C


class _Slot(NamedTuple):
    """A parameter or buffer: the module that has it, by names from the root, its own name, and its tensor."""

    path: tuple[str, ...]
    name: str
    tensor: torch.Tensor


def copy_with_functions(module: torch.jit.ScriptModule) -> tuple[torch.jit.ScriptModule, Any]:
    """A copy with code of its own, which has never run, and the compilation unit with all of that code.

    The copy is written and read like a file, but its parameters and buffers are those of the module: no second set of
    weights is held, and views of one storage stay what they are (torch's way to clone a module loses their offsets).
    """
    root = module._c
    unit = _C.CompilationUnit()
    slots = list(_slots(root, ()))
    with _set_aside(root, slots):
        copy = _C.import_ir_module_from_buffer(unit, root.save_to_buffer(), None, {})
    for slot in slots:
        _owner(copy, slot.path).setattr(slot.name, slot.tensor)
    return torch.jit._recursive.wrap_cpp_module(copy), unit


def _slots(owner: Any, path: tuple[str, ...]) -> Iterator[_Slot]:
    # A module that says itself how it is written may look at its tensors, so they stay where they are.
    if not owner._has_method("__getstate__"):
        for slots in (_C.ParameterDict(owner), _C.BufferDict(owner)):
            yield from (_Slot(path, name, tensor) for name, tensor in slots.items())
    for name, child in _C.ModuleDict(owner).items():
        yield from _slots(child, (*path, name))


@contextmanager
def _set_aside(root: Any, slots: list[_Slot]) -> Iterator[None]:
    """Let the module hold empty tensors for a while."""
    try:
        for slot in slots:
            _owner(root, slot.path).setattr(slot.name, torch.empty(0))
        yield
    finally:
        for slot in slots:
            _owner(root, slot.path).setattr(slot.name, slot.tensor)


def _owner(root: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        root = root.getattr(name)
    return root
