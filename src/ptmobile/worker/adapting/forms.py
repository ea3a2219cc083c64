"""The form in which a file returns what a model returns: the same where TorchScript has a type for it, else tuples.

An object becomes a dictionary of its values if these are of one type, else a tuple in their order. So does a dictionary
of mixed values, or one with other keys than strings or integers, and so does a list of mixed values. What an object
does not have (None) is left out. An empty tuple becomes an empty list: the lite interpreter cannot read its type.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from ptmobile.errors import ConvertError
from ptmobile.worker.adapting.script_types import NONE, TENSOR, UNKNOWN, ScriptType, common_type, dict_of, list_of
from ptmobile.worker.values.trees import Leaf, Tree, child_path

_OBJECTS = ("dataclass ", "object ")


@dataclass(frozen=True)
class Value:
    """A leaf: a tensor, or a plain value. ``path`` is where the eager model has it."""

    path: str
    leaf: Leaf

    @property
    def type(self) -> ScriptType:
        """Its type in TorchScript."""
        if isinstance(self.leaf, torch.Tensor):
            return TENSOR
        plain = next((kind for kind in (bool, int, float, str) if isinstance(self.leaf, kind)), None)
        return NONE if plain is None else ScriptType(plain.__name__)


@dataclass(frozen=True)
class Group:
    """A container in the file. ``keys`` are those of a dictionary, as ``repr`` shows them, else numbers."""

    path: str
    kind: Literal["tuple", "list", "dict"]
    keys: tuple[str, ...]
    items: tuple[Form, ...]
    type: ScriptType


Form = Value | Group


def form_of(tree: Tree, path: str = "out") -> Form:
    """The form for the value at a path of what the eager model returned."""
    if path not in tree.containers:
        return Value(path, tree.leaves[path])
    kind, keys = tree.containers[path]
    items = [(key, form_of(tree, child_path(path, key))) for key in keys]
    if is_object(kind):
        items = [(repr(key[1:]), item) for key, item in items if item.type != NONE]
    return _group(path, kind, items)


def is_object(kind: str) -> bool:
    """Whether a kind of container is that of an object."""
    return kind.startswith(_OBJECTS)


def _group(path: str, kind: str, items: list[tuple[str, Form]]) -> Group:
    keys, forms = tuple(key for key, _ in items), tuple(form for _, form in items)
    common = common_type(form.type for form in forms)
    # Java refuses a list in which some items are None.
    if kind == "list" and common is not None and common.name != "Optional":
        return Group(path, "list", keys, forms, list_of(common))
    if kind not in ("tuple", "NamedTuple", "list") and common is not None and (key := _key_type(keys)):
        return Group(path, "dict", keys, forms, dict_of(key, common))
    if not forms:
        return Group(path, "list", (), (), list_of(UNKNOWN))
    numbers = tuple(str(index) for index in range(len(forms)))
    return Group(path, "tuple", numbers, forms, ScriptType("Tuple", tuple(form.type for form in forms)))


def _key_type(keys: tuple[str, ...]) -> str:
    """``str`` or ``int`` where all keys are of that type and can be written down; empty for other keys."""
    try:
        values = [ast.literal_eval(key) for key in keys]
    except (ValueError, SyntaxError):
        return ""  # keys of some class
    kinds = {type(value) for value in values}
    if kinds <= {str} and all(map(_can_be_written, values)):
        return "str"
    return "int" if kinds == {int} else ""


def positions(form: Form, position: str = "out") -> Iterator[tuple[Value, str]]:
    """Each leaf with the path at which the file has it."""
    if isinstance(form, Value):
        yield form, position
        return
    for key, item in zip(form.keys, form.items, strict=True):
        yield from positions(item, child_path(position, key))


def containers(form: Form, position: str = "out") -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """The containers in the file: path, kind and keys of each."""
    if isinstance(form, Group):
        yield position, (form.kind, form.keys)
        for key, item in zip(form.keys, form.items, strict=True):
            yield from containers(item, child_path(position, key))


def expression(form: Form, names: Mapping[str, str], kind: ScriptType | None = None) -> str:
    """The form in TorchScript, of tensors that have these names, by their paths; all else is written down.

    A number that has a name is taken out of its tensor. ``kind`` is the type that the form must have beside others.
    """
    if isinstance(form, Value):
        name = names.get(form.path)
        if name is None:
            return _literal(form.leaf, form.path)
        return name if isinstance(form.leaf, torch.Tensor) else f"{form.type}({name})"
    kind = form.type if kind is None else kind.of[0] if kind.name == "Optional" else kind
    inner = kind.of if form.kind == "tuple" else (kind.of[-1],) * len(form.items)
    items = [expression(item, names, part) for item, part in zip(form.items, inner, strict=True)]
    if form.kind == "tuple":
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    pairs = ", ".join(f"{key}: {item}" for key, item in zip(form.keys, items, strict=True))
    written = f"{{{pairs}}}" if form.kind == "dict" else f"[{', '.join(items)}]"
    return f"torch.jit.annotate({kind}, {written})"


def _literal(leaf: Leaf, path: str) -> str:
    """A plain value as TorchScript writes it.

    Raises:
        ConvertError: it cannot be written.
    """
    if leaf is None or isinstance(leaf, bool):
        return repr(leaf)
    if isinstance(leaf, int):
        return str(int(leaf))
    if isinstance(leaf, float):
        return repr(float(leaf)) if math.isfinite(leaf) else f"float('{float(leaf)}')"
    if isinstance(leaf, str) and _can_be_written(leaf):
        return repr(str(leaf))
    raise ConvertError(
        f"The model returns a text at {path} that cannot be written into TorchScript: it has control characters.",
        advice="Return numbers instead, or use method script.",
    )


def _can_be_written(text: str) -> bool:
    r"""Whether Python writes a text as TorchScript reads it, which knows ``\n`` but no ``\x1b``."""
    return all(character.isprintable() or character in "\n\t\r" for character in text)


def natively_traced(tree: Tree) -> bool:
    """Whether the tracer takes a value as it is: tensors, tuples of such, and lists of tensors."""
    tensors = all(isinstance(leaf, torch.Tensor) for leaf in tree.leaves.values()) and bool(tree.leaves)
    return tensors and all(_native(tree, path, kind, keys) for path, (kind, keys) in tree.containers.items())


def _native(tree: Tree, path: str, kind: str, keys: tuple[str, ...]) -> bool:
    if kind == "list":
        return bool(keys) and all(child_path(path, key) in tree.leaves for key in keys)
    return kind in ("tuple", "NamedTuple") and bool(keys)
