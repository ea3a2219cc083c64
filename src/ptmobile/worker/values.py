"""What a model takes and gives, as a tree: containers by path, leaves by path.

Paths read like Python: ``out``, ``out[1]``, ``out['aux'][0]``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from ptmobile.errors import LoadError

Leaf = torch.Tensor | None | bool | int | float | str
SEQUENCES = ("tuple", "NamedTuple")
MAX_LEAVES = 10_000
MAX_PATH = 250  # what a result has room for
_ADVICE = "A mobile runtime gives tensors, numbers, strings, None, and tuples, lists and dicts of these: return such."

_DENSE = "No mobile runtime gives such tensors to an app: return a dense one (to_dense)."


class UnsupportedValueError(LoadError):
    """The model gives something that is neither a tensor nor a plain value nor a container of them."""


@dataclass
class Tree:
    """A nested value, flattened. ``containers`` maps the path of each container to its kind and its children's keys."""

    containers: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The leaves that are tensors."""
        return {path: leaf for path, leaf in self.leaves.items() if isinstance(leaf, torch.Tensor)}


def flatten(value: Any, root: str = "out") -> Tree:
    """Take a nested value apart.

    Raises:
        UnsupportedValueError: a leaf is of a type that no lite interpreter returns, or there are far too many, or
            they cannot be told apart by their paths.
    """
    tree = Tree()
    _flatten(value, root, tree)
    return tree


def _flatten(value: Any, path: str, tree: Tree) -> None:
    if len(path) > MAX_PATH or path in tree.leaves or path in tree.containers:
        what = "is nested too deeply, or has too long a key" if len(path) > MAX_PATH else "has two keys that look alike"
        raise UnsupportedValueError(f"What the model returns {what}: {path[:MAX_PATH]}")
    children = _children(value)
    if children is None:
        if not isinstance(value, torch.Tensor | bool | int | float | str | None):
            kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
            raise UnsupportedValueError(f"The model returns a value of type {kind} at {path}", advice=_ADVICE)
        if isinstance(value, torch.Tensor) and value.layout != torch.strided:
            layout = str(value.layout).removeprefix("torch.")
            raise UnsupportedValueError(f"The model returns a tensor of layout {layout} at {path}", advice=_DENSE)
        tree.leaves[path] = value.detach() if isinstance(value, torch.Tensor) else value
        if len(tree.leaves) > MAX_LEAVES:
            raise UnsupportedValueError(f"The model returns more than {MAX_LEAVES} values", advice=_ADVICE)
        return
    kind, items = children
    tree.containers[path] = (kind, tuple(key for key, _ in items))
    for key, item in items:
        _flatten(item, f"{path}[{key}]", tree)


def _children(value: Any) -> tuple[str, list[tuple[str, Any]]] | None:
    if isinstance(value, tuple):
        kind = "NamedTuple" if hasattr(value, "_fields") else "tuple"
        return kind, [(str(i), item) for i, item in enumerate(value)]
    if isinstance(value, list):
        return "list", [(str(i), item) for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        kind = "OrderedDict" if isinstance(value, OrderedDict) else "dict"
        return kind, [(repr(key), item) for key, item in value.items()]
    return None


def memory_format(tensor: torch.Tensor) -> str:
    """``contiguous``, ``channels_last`` (also of 3-D images), ``either`` where both describe it, or ``strided``."""
    contiguous = tensor.is_contiguous()
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(tensor.dim())
    channels_last = last is not None and tensor.is_contiguous(memory_format=last)
    if contiguous:
        return "either" if channels_last else "contiguous"
    return "channels_last" if channels_last else "strided"


def describe(leaf: Leaf) -> str:
    """A leaf in a few words: ``float32 [1, 3, 224, 224]``, ``None``, ``int 3``."""
    if isinstance(leaf, torch.Tensor):
        return f"{dtype_name(leaf.dtype)} {list(leaf.shape)}"
    return "None" if leaf is None else f"{type(leaf).__name__} {leaf!r}"[:200]


def dtype_name(dtype: torch.dtype) -> str:
    """``float32`` for ``torch.float32``."""
    return str(dtype).removeprefix("torch.")
