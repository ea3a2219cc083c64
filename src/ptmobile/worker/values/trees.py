"""What a model takes and gives, as a tree: containers by path, leaves by path.

Paths read like Python: ``out``, ``out[1]``, ``out['aux'][0]``, ``out.boxes``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from ptmobile.errors import LoadError
from ptmobile.worker.loading.user_code import describe as describe_error
from ptmobile.worker.values.opening import Parts, parts_of, type_name

Leaf = torch.Tensor | None | bool | int | float | str
# What an app sees: the runtimes' value type knows a tuple, a list and a dict, and no names of classes.
SEEN_AS = {"NamedTuple": "tuple", "OrderedDict": "dict"}
MAX_LEAVES = 10_000
MAX_PATH = 250  # what a result has room for
_ADVICE = "A mobile runtime gives tensors, numbers, strings, None, and tuples, lists and dicts of these: return such."

_DENSE = "No mobile runtime gives such tensors to an app: return a dense one (to_dense)."


class UnsupportedValueError(LoadError):
    """The model gives something that is neither a tensor nor a plain value nor a container of them."""


@dataclass
class Tree:
    """A nested value, flattened. ``containers`` maps the path of each container to its kind and its children's keys.

    The key of an item is what stands between the brackets, that of an attribute begins with its dot. ``left_out`` are
    attributes that are no values, with their types.
    """

    containers: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The leaves that are tensors."""
        return {path: leaf for path, leaf in self.leaves.items() if isinstance(leaf, torch.Tensor)}


def child_path(path: str, key: str) -> str:
    """The path of a container's child."""
    return f"{path}{key}" if key.startswith(".") else f"{path}[{key}]"


def flatten(value: Any, root: str = "out") -> Tree:
    """Take a nested value apart, without the history of its tensors.

    Raises:
        UnsupportedValueError: a leaf is of a type that no lite interpreter returns, or there are far too many, or
            they cannot be told apart by their paths.
    """
    tree = take_apart(value, root)
    for path, tensor in tree.tensors().items():
        tree.leaves[path] = tensor.detach()
    return tree


def take_apart(value: Any, root: str = "out") -> Tree:
    """Take a nested value apart, with its tensors as they are, which tracing sees.

    Raises:
        UnsupportedValueError: as for :func:`flatten`.
    """
    tree = Tree()
    _take_apart(value, root, tree, ())
    return tree


def _take_apart(value: Any, path: str, tree: Tree, above: tuple[int, ...]) -> None:
    if id(value) in above:
        raise UnsupportedValueError(f"What the model returns contains itself, at {path[:MAX_PATH]}", advice=_ADVICE)
    if len(path) > MAX_PATH or path in tree.leaves or path in tree.containers:
        what = "is nested too deeply, or has too long a key" if len(path) > MAX_PATH else "has two keys that look alike"
        raise UnsupportedValueError(f"What the model returns {what}: {path[:MAX_PATH]}")
    parts = _parts(value, path)
    if parts is None:
        _take_leaf(value, path, tree)
        return
    # An attribute keeps its dot, an item loses its brackets.
    keys = tuple(suffix if suffix.startswith(".") else suffix[1:-1] for suffix, _ in parts.items)
    tree.containers[path] = (parts.kind, keys)
    tree.left_out.update({f"{path}{suffix}"[:MAX_PATH]: kind for suffix, kind in parts.left_out})
    for suffix, item in parts.items:
        _take_apart(item, f"{path}{suffix}", tree, (*above, id(value)))


def _parts(value: Any, path: str) -> Parts | None:
    try:
        return parts_of(value)
    except Exception as error:
        raise UnsupportedValueError(
            f"What the model returns at {path} cannot be read: {describe_error(error)}"[:500], advice=_ADVICE
        ) from error


def _take_leaf(value: Any, path: str, tree: Tree) -> None:
    if not isinstance(value, torch.Tensor | bool | int | float | str | None):
        raise UnsupportedValueError(f"The model returns a value of type {type_name(value)} at {path}", advice=_ADVICE)
    if isinstance(value, torch.Tensor) and value.layout != torch.strided:
        layout = str(value.layout).removeprefix("torch.")
        raise UnsupportedValueError(f"The model returns a tensor of layout {layout} at {path}", advice=_DENSE)
    tree.leaves[path] = value
    if len(tree.leaves) > MAX_LEAVES:
        raise UnsupportedValueError(f"The model returns more than {MAX_LEAVES} values", advice=_ADVICE)


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
