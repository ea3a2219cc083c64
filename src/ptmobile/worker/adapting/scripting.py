"""A scripted model that returns what the eager model returns, made of plain values: no classes, no named tuples.

Some models return more when they are scripted (torchvision's detection models their losses too): then the part that is
of the form of the eager model's output is chosen. That it is the same is for the comparison to show.
"""

# ruff: noqa: SLF001 - torch has no public names for schemas and for freezing without optimising

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from ptmobile.worker.adapting.arguments import Layout, grouped
from ptmobile.worker.adapting.forms import is_object
from ptmobile.worker.adapting.gradient_modes import leave_out_modes
from ptmobile.worker.adapting.graph_types import parts_of_type
from ptmobile.worker.adapting.plain_graphs import has_names, make_plain
from ptmobile.worker.adapting.wrapping import handed_through, source_of, wrapped
from ptmobile.worker.adapting.writing import Writer
from ptmobile.worker.values.trees import Tree, child_path

#: How deep in tuples the eager model's output is looked for.
_DEPTH: Final = 2
_PLAIN: Final = {"IntType": int, "FloatType": float, "BoolType": bool, "StringType": str}


@dataclass(frozen=True)
class Scripted:
    """A scripted module, adapted if it had to be, as ``notes`` say. ``frozen``: its parameters are constants.

    ``same``: whether it returns what the eager model returns, or, by its types, something else.
    """

    module: torch.jit.ScriptModule
    frozen: bool = False
    notes: tuple[str, ...] = ()
    same: bool = True


def adapt_scripted(scripted: torch.jit.ScriptModule, tree: Tree, layout: Layout, methods: Sequence[str]) -> Scripted:
    """The module as a file can have it; the very same if nothing is to be done.

    ``tree`` is what the eager model returned, ``layout`` which arguments are lists; ``methods`` besides forward stay.

    Raises:
        ConvertError: it uses objects in a way that no file can have.
    """
    if not scripted._c._has_method("forward"):
        return Scripted(scripted, same=False)
    kind = scripted._c._get_method("forward").schema.returns[0].type
    access = _where(kind, tree)
    part = _at(kind, access)
    same = _fits(part, tree) is not None
    named = has_names(scripted)
    if not access and not named and all(count is None for count in layout):
        return Scripted(scripted, same=same)
    others = [name for name in methods if name != "forward" and scripted._c._has_method(name)]
    names, call = grouped(layout)
    writer = Writer(tree)
    result = writer.written(f"y{access}", part, "out" if same else "")
    module = wrapped(scripted, source_of(names, [f"y = self.model({call})", *writer.lines], result), others)
    notes = (
        [f"Scripted, the model returns more than the eager one: the file returns its item {access}."] if access else []
    )
    if not named:
        return Scripted(module, notes=tuple(notes), same=same)
    frozen = torch.jit._recursive.wrap_cpp_module(torch._C._freeze_module(module._c, others))
    if modes := leave_out_modes(frozen, ["forward", *others]):
        notes.append(f"Gradients are never computed in a file: `with torch.{modes[0]}()` is left out.")
    if classes := make_plain(frozen, ["forward", *others]):
        notes.append(f"Objects that no file can have are tuples in it: {', '.join(classes)}.")
    return Scripted(handed_through(frozen, others), frozen=True, notes=tuple(notes), same=same)


def _where(kind: Any, tree: Tree) -> str:
    """Where in what a scripted model returns the eager model's output is, such as ``[1]``; empty if it is all of it.

    Empty too if it is nowhere, or may be in several places.
    """
    if _fits(kind, tree) is not None:
        return ""
    found = sorted(_places(kind, tree, "", _DEPTH))
    alone = len(found) == 1 or (found and found[0][0] < found[1][0])
    return found[0][1] if alone else ""


def _places(kind: Any, tree: Tree, access: str, depth: int) -> Iterator[tuple[int, str]]:
    if kind.kind() == "TupleType" and depth:
        for index, part in enumerate(kind.elements()):
            here = f"{access}[{index}]"
            fit = _fits(part, tree)
            if fit is not None:
                yield fit, here
            else:
                yield from _places(part, tree, here, depth - 1)


def _at(kind: Any, access: str) -> Any:
    for index in access[1:-1].split("][") if access else ():
        kind = kind.elements()[int(index)]
    return kind


def _fits(kind: Any, tree: Tree, path: str = "out") -> int | None:
    """Whether a value may be of a type: how many times it is only by being optional; None if it may not."""
    what = kind.kind()
    if what == "OptionalType":
        if path in tree.leaves and tree.leaves[path] is None:
            return 0
        fit = _fits(kind.getElementType(), tree, path)
        return None if fit is None else fit + 1
    if path in tree.leaves:
        leaf = tree.leaves[path]
        right = isinstance(leaf, torch.Tensor) if what == "TensorType" else type(leaf) is _PLAIN.get(what, type(None))
        return 0 if right or what == "AnyType" else None
    pairs = _children(kind, tree, path)
    if pairs is None:
        return 0 if what == "AnyType" or (what == "ClassType" and is_object(tree.containers[path][0])) else None
    fits = [_fits(part, tree, child) for part, child in pairs]
    return None if None in fits else sum(fit or 0 for fit in fits)


def _children(kind: Any, tree: Tree, path: str) -> list[tuple[Any, str]] | None:
    """The types of a container's children with the paths of a value's; None if it is not of that kind."""
    container, keys = tree.containers[path]
    paths = [child_path(path, key) for key in keys]
    parts = parts_of_type(kind)
    match kind.kind():
        case "TupleType" if container in ("tuple", "NamedTuple") and len(parts) == len(paths):
            return list(zip(parts, paths, strict=True))
        case "ListType" if container == "list":
            return [(parts[0], child) for child in paths]
        case "DictType" if container in ("dict", "OrderedDict"):
            return [(parts[1], child) for child in paths]
        case _:
            return None
