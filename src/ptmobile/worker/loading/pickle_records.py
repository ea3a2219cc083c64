"""What a pickled checkpoint is read into: plain containers, and these records in place of names, tensors and objects.

Facts: torch/_utils.py (``_rebuild_*``), torch/_tensor.py (``_rebuild_from_type*``) and torch/serialization.py
(persistent ids) of PyTorch 1.13 to 2.x. Nothing here needs torch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_DIMENSIONS = 64


class DamagedFileError(Exception):
    """The file breaks off, is damaged, or does something that no checkpoint does."""


@dataclass(frozen=True, slots=True)
class Named:
    """A global that the pickle names, such as ``torch.float32`` or ``os.system``: its name and nothing more."""

    name: str

    @property
    def last(self) -> str:
        """The part after the last dot."""
        return self.name.rpartition(".")[2]


@dataclass(slots=True, eq=False)
class Unread:
    """An object that was not built, because building it would run code. ``is_module``: it has an nn.Module's state."""

    name: str
    is_module: bool = False


@dataclass(frozen=True, slots=True)
class StoredStorage:
    """A run of ``numel`` elements in the file, beginning ``first`` elements into the record ``key``."""

    kind: str
    key: str
    numel: int
    first: int = 0


@dataclass(frozen=True, slots=True)
class Quantizer:
    """How a quantised tensor's integers become numbers; ``axis`` is set for the schemes per channel."""

    scheme: str
    scale: object
    zero_point: object
    axis: int | None = None


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor as the file describes it. ``dtype`` is given only where the storage's kind does not say it."""

    storage: StoredStorage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: str | None = None
    quantizer: Quantizer | None = None


def call_record(target: object, args: object) -> object:
    """What stands for the result of a call; the call is not made.

    Raises:
        DamagedFileError: the arguments are not those of a tensor.
    """
    if not isinstance(target, Named):
        return Unread(target.name if isinstance(target, Unread) else type(target).__name__)
    if not isinstance(args, tuple):
        raise DamagedFileError("a call has arguments that are no tuple")
    if target.name in _SUBCLASS_CALLS and len(args) > 2:
        return call_record(args[0], args[2])
    rule = _CALLS.get(target.name)
    return rule(args) if rule else Unread(target.name)


def persistent_record(pid: object) -> object:
    """What a persistent id stands for: a storage, or (in old files) a class that comes with its source text.

    Raises:
        DamagedFileError: it is neither.
    """
    if not isinstance(pid, tuple) or len(pid) < 2:
        raise DamagedFileError("a persistent id is no tuple")
    if pid[0] == "module":
        return pid[1]
    if pid[0] != "storage" or len(pid) not in (5, 6):
        raise DamagedFileError("a persistent id names no storage")
    # The location, such as cuda:0, is where the tensor was; here everything is on the CPU.
    _, kind, key, _location, numel, *view = pid
    if not isinstance(kind, Named) or not isinstance(key, str):
        raise DamagedFileError("a storage has no type or no key")
    if view and view[0] is not None:
        _view_key, first, length = view[0]
        return StoredStorage(kind.last, key, _count(length), _count(first))
    return StoredStorage(kind.last, key, _count(numel))


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**62:
        raise DamagedFileError("a tensor has a size that is not a whole number")
    return value


def _sizes(value: object) -> tuple[int, ...]:
    if not isinstance(value, tuple | list) or len(value) > MAX_DIMENSIONS:
        raise DamagedFileError("a tensor has a shape that is none")
    return tuple(_count(size) for size in value)


def _tensor(args: tuple[Any, ...]) -> object:
    storage, offset, size, stride, *rest = args
    # Behind requires_grad and hooks, 2.x notes conjugate and negative bits: the bytes alone are not the values then.
    if not isinstance(storage, StoredStorage) or any(rest[2:]):
        return Unread("torch.Tensor")
    return StoredTensor(storage, _count(offset), _sizes(size), _sizes(stride))


def _tensor_with_dtype(args: tuple[Any, ...]) -> object:
    storage, offset, size, stride, _requires_grad, _hooks, dtype, *rest = args
    if not isinstance(storage, StoredStorage) or not isinstance(dtype, Named) or any(rest):
        return Unread("torch.Tensor")
    return StoredTensor(storage, _count(offset), _sizes(size), _sizes(stride), dtype.last)


def _quantised_tensor(args: tuple[Any, ...]) -> object:
    storage, offset, size, stride, (scheme, scale, zero_point, *axis), *_ = args
    if not isinstance(storage, StoredStorage) or not isinstance(scheme, Named):
        return Unread("torch.Tensor")
    quantizer = Quantizer(scheme.last, scale, zero_point, _count(axis[0]) if axis else None)
    return StoredTensor(storage, _count(offset), _sizes(size), _sizes(stride), quantizer=quantizer)


def _ordered_dict(args: tuple[Any, ...]) -> object:
    return OrderedDict((key, value) for key, value in args[0]) if args else OrderedDict()


def _first(args: tuple[Any, ...]) -> object:
    return args[0]


# What becomes of a call, by the name of what would be called. These functions are ours and build only records.
_CALLS: dict[str, Callable[[tuple[Any, ...]], object]] = {
    "collections.OrderedDict": _ordered_dict,
    "collections.defaultdict": lambda _: {},
    "builtins.set": lambda args: set(*args),
    "__builtin__.set": lambda args: set(*args),
    "torch.Size": lambda args: tuple(*args),
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_with_dtype,
    "torch._utils._rebuild_qtensor": _quantised_tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
}
# Tensors of a subclass (func, type, args, state): func(*args) is the plain tensor; type and state are not looked at.
_SUBCLASS_CALLS = ("torch._tensor._rebuild_from_type", "torch._tensor._rebuild_from_type_v2")
