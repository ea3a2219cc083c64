"""Between nested values and flat trees, in which containers and leaves are found by paths such as ``out['aux'][0]``.

The flat form is that of the worker's value files: of each container its kind and its children's keys, as ``repr``
shows them. What the Java API does not tell apart (named tuples, ordered dictionaries) becomes what it has.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TypeAlias

from ptmobile.device.wire import Plain, TensorAt, Value, WireError

Containers: TypeAlias = Mapping[str, tuple[str, tuple[str, ...]]]
Leaf: TypeAlias = TensorAt | Plain


def nest(root: str, containers: Containers, leaves: Mapping[str, Leaf]) -> Value:
    """The value at a path of a flat tree.

    Raises:
        WireError: the tree lacks a part, or has a key of another kind than the Java API's.
    """
    if root not in containers:
        if root not in leaves:
            raise WireError(f"the tree has no {root}")
        return leaves[root]
    kind, keys = containers[root]
    items = [nest(f"{root}[{key}]", containers, leaves) for key in keys]
    if kind == "list":
        return items
    if kind in {"tuple", "NamedTuple"}:
        return tuple(items)
    names = [ast.literal_eval(key) for key in keys]
    if all(isinstance(name, str) for name in names) or all(type(name) is int for name in names):
        return dict(zip(names, items, strict=True))
    raise WireError(f"the keys of {root} are neither all strings nor all integers")


def flatten(value: Value, root: str) -> tuple[dict[str, tuple[str, tuple[str, ...]]], dict[str, Leaf]]:
    """The containers and leaves of a value, in its order."""
    containers: dict[str, tuple[str, tuple[str, ...]]] = {}
    leaves: dict[str, Leaf] = {}

    def visit(part: Value, path: str) -> None:
        if isinstance(part, list | tuple):
            children = [(str(number), item) for number, item in enumerate(part)]
            kind = "list" if isinstance(part, list) else "tuple"
        elif isinstance(part, Mapping):
            children = [(repr(key), item) for key, item in part.items()]
            kind = "dict"
        else:
            leaves[path] = part
            return
        containers[path] = (kind, tuple(key for key, _ in children))
        for key, item in children:
            visit(item, f"{path}[{key}]")

    visit(value, root)
    return containers, leaves
