"""What a value that a model returns is made of: items of containers, and attributes of objects.

A model may return objects of any class, with code of any kind: nothing is called but what containers are read by, and
no property of an ordinary object is evaluated.
"""

from __future__ import annotations

import dataclasses
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

import torch

MAX_PARTS = 10_001
_PLAIN = (torch.Tensor, bool, int, float, str, type(None))
# What has attributes, but is no result of a computation.
_OPAQUE = (
    torch.nn.Module,
    torch.ScriptObject,
    type,
    types.ModuleType,
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
)


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts of a value, each with what is written behind the value to reach it: ``[0]``, ``['aux']``, ``.boxes``.

    ``left_out`` are attributes that hold no tensor and are no values either, with their types.
    """

    kind: str
    items: tuple[tuple[str, Any], ...]
    left_out: tuple[tuple[str, str], ...] = ()


def parts_of(value: Any) -> Parts | None:
    """The parts of a container or of an object that holds tensors; None for everything else.

    Raises:
        Exception: whatever a container's own code raises.
    """
    if isinstance(value, (*_PLAIN, *_OPAQUE)):
        return None
    return _container(value) or _attributes(value)


def type_name(value: Any) -> str:
    """The name of a value's class, with its module unless that is Python's own."""
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def _container(value: Any) -> Parts | None:
    if isinstance(value, tuple | list):
        kind = "list" if isinstance(value, list) else "NamedTuple" if hasattr(value, "_fields") else "tuple"
        return Parts(kind, tuple((f"[{index}]", item) for index, item in enumerate(islice(value, MAX_PARTS))))
    if isinstance(value, Mapping):
        kind = "OrderedDict" if isinstance(value, OrderedDict) else "dict"
        return Parts(kind, tuple((f"[{key!r}]", item) for key, item in islice(value.items(), MAX_PARTS)))
    if callable(getattr(type(value), "keys", None)) and hasattr(type(value), "__getitem__"):
        return Parts("dict", tuple((f"[{key!r}]", value[key]) for key in islice(value.keys(), MAX_PARTS)))
    return None


def _attributes(value: Any) -> Parts | None:
    """A dataclass's fields; of other objects the attributes that hold tensors, private ones only where there is none.

    An object without any tensor is nothing that a model computes.
    """
    if dataclasses.is_dataclass(value):
        given = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
        if not any(holds_tensor(item) for _, item in given):
            return None
        return _parts(f"dataclass {type(value).__name__}", given, lambda item: _is_plain(item) or holds_tensor(item))
    given = list(_own_attributes(value))
    for private in (False, True):
        chosen = [(name, item) for name, item in given if name.startswith("_") == private]
        if any(holds_tensor(item) for _, item in chosen):
            return _parts(f"object {type(value).__name__}", chosen, holds_tensor)
    return None


def _parts(kind: str, given: Iterable[tuple[str, Any]], kept: Callable[[Any], bool]) -> Parts:
    items, left_out = [], []
    for name, item in given:
        if kept(item):
            items.append((f".{name}", item))
        else:
            left_out.append((f".{name}", type_name(item)))
    return Parts(kind, tuple(items), tuple(left_out))


def _own_attributes(value: Any) -> Iterable[tuple[str, Any]]:
    """What is stored in an object itself, in its ``__dict__`` and its slots: reading it runs none of its code."""
    try:
        stored = object.__getattribute__(value, "__dict__")
    except AttributeError:
        stored = {}
    yield from list(stored.items())[:MAX_PARTS]
    for kind in type(value).__mro__:
        for name, member in vars(kind).items():
            if isinstance(member, types.MemberDescriptorType) and name not in stored:
                try:
                    yield name, member.__get__(value)
                except AttributeError:  # a slot that nothing was put into
                    continue


def _is_plain(value: Any) -> bool:
    """Whether a value is one, or a container of such, without any tensor."""
    if isinstance(value, tuple | list):
        return len(value) < MAX_PARTS and all(isinstance(item, _PLAIN) for item in value)
    return isinstance(value, _PLAIN)


def holds_tensor(value: Any) -> bool:
    """Whether there is a tensor somewhere in a value. Each object is looked at once, so cycles and sharing end."""
    seen: dict[int, Any] = {}  # keeps what it has seen, or another object could get its identity
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, torch.Tensor):
            return True
        if id(item) in seen or isinstance(item, (*_PLAIN, *_OPAQUE)):
            continue
        seen[id(item)] = item
        if len(seen) > MAX_PARTS:
            return False
        container = _container(item)
        pending += [part for _, part in (container.items if container else _own_attributes(item))]
    return False
