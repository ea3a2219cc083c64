"""What a module keeps between its calls: found by comparing it before and after, and put back as it was."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch

from ptmobile.worker.comparing.metrics import identical

_PLAIN = (bool, int, float, complex, str, type(None))
_OF_TORCH = frozenset(vars(torch.nn.Module()))


@dataclass(frozen=True)
class _Kept:
    """One value of a module before the calls: in a buffer or an attribute."""

    owner: torch.nn.Module
    name: str
    path: str
    value: Any
    object: Any  # the very tensor, which others may share

    def current(self) -> Any:
        return getattr(self.owner, self.name, None)

    @property
    def changed(self) -> bool:
        """Whether it has another value. What was None and is something now is a cache, and stays."""
        return self.value is not None and not _same(self.value, self.current())

    def restore(self) -> None:
        value = copied(self.value)
        if isinstance(self.object, torch.Tensor):
            if self.object.shape == value.shape:
                self.object.copy_(value)
            else:
                self.object.set_(value)
            value = self.object
        if self.current() is not value:
            setattr(self.owner, self.name, value)


class Snapshot:
    """The buffers of a module, and the tensors and plain values in its attributes, as they are now.

    Parameters are left out: copies of them would double the memory, and inference changes none.
    """

    def __init__(self, module: torch.nn.Module) -> None:
        self._kept = [kept for name, child in module.named_modules() for kept in _values_of(name, child)]

    def changed(self) -> tuple[str, ...]:
        """The paths of all that has another value now."""
        return tuple(kept.path for kept in self._kept if kept.changed)

    def restore(self) -> None:
        """Put back what has changed, in place where it is a tensor."""
        with torch.no_grad():
            for kept in self._kept:
                if kept.changed:
                    kept.restore()


def _values_of(path: str, module: torch.nn.Module) -> list[_Kept]:
    buffers = dict(module.named_buffers(recurse=False))
    scripted = isinstance(module, torch.jit.ScriptModule)
    attributes = {} if scripted else {name: value for name, value in vars(module).items() if name not in _OF_TORCH}
    return [
        _Kept(module, name, f"{path}.{name}" if path else name, copied(value), value)
        for name, value in {**buffers, **attributes}.items()
        if _known(value)
    ]


def _known(value: Any) -> bool:
    """Whether a value can be copied and compared: a plain tensor, number or text, or lists and dicts of these."""
    if isinstance(value, list | tuple):
        return type(value) in (list, tuple) and all(map(_known, value))
    if isinstance(value, dict):
        return type(value) is dict and all(map(_known, value)) and all(map(_known, value.values()))
    return isinstance(value, _PLAIN) or (isinstance(value, torch.Tensor) and value.layout == torch.strided)


def copied(value: Any) -> Any:
    """A copy of a value and of the tensors in it, which no gradient is asked of."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, list | tuple):
        return type(value)([copied(item) for item in value])
    return {key: copied(item) for key, item in value.items()} if isinstance(value, dict) else copy.copy(value)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and identical(one, other)
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    return bool(one == other) or (one != one and other != other)  # noqa: PLR0124 - NaN
