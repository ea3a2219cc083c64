"""Source text that takes a scripted model's output apart and puts it together of plain values."""

from __future__ import annotations

from typing import Any, Final

import torch

from ptmobile.errors import ConvertError
from ptmobile.worker.adapting.forms import Group, form_of, is_object
from ptmobile.worker.adapting.graph_types import class_name, has_named_tuple, parts_of_type
from ptmobile.worker.values.trees import Tree, child_path

_ADVICE: Final = "Return a tuple of tensors, or a dictionary of them; or ship the trace (method trace)."


class Writer:
    """Writes one output; ``lines`` have to stand before the expression that :meth:`written` gives."""

    def __init__(self, tree: Tree) -> None:
        self.lines: list[str] = []
        self._tree = tree
        self._names = 0
        self._inside = 0

    def written(self, source: str, kind: Any, path: str) -> str:
        """A value of a type, which is written ``source``, with tuples for named ones and without objects.

        ``path`` is where the eager model has it; empty if it has not.

        Raises:
            ConvertError: there is no way to write it.
        """
        if not _has_names(kind):
            return source
        parts = parts_of_type(kind)
        match kind.kind():
            case "TupleType":
                items = [
                    self.written(f"{source}[{n}]", part, self._child(path, str(n))) for n, part in enumerate(parts)
                ]
                return _tuple(items)
            case "ListType":
                name = self._name()
                self._inside += 1
                item = self.written(name, parts[0], self._child(path, "0"))
                self._inside -= 1
                return f"[{item} for {name} in {source}]"
            case "DictType":
                name = self._name()
                self._inside += 1
                item = self.written(f"{source}[{name}]", parts[1], self._first_child(path))
                self._inside -= 1
                return f"{{{name}: {item} for {name} in {source}}}"
            case "OptionalType":
                name = source if source.isidentifier() else self._assigned(source)
                return f"(None if {name} is None else {self.written(name, parts[0], path)})"
            case _:
                return self._object(source, path, class_name(kind))

    def _object(self, source: str, path: str, name: str) -> str:
        """An object, whose attributes are known by name only: of what types they are, the eager model says."""
        form = form_of(self._tree, path) if path in self._tree.containers else None
        if not isinstance(form, Group) or not is_object(self._tree.containers[path][0]):
            raise ConvertError(
                f"Scripted, the model returns an object of {name}, where the eager model has none.", advice=_ADVICE
            )
        items = [self._attribute(source, item.path, unwrap=form.kind == "dict") for item in form.items]
        if form.kind == "tuple":
            return _tuple(items)
        inner = ", ".join(f"{key}: {item}" for key, item in zip(form.keys, items, strict=True))
        return f"torch.jit.annotate({form.type}, {{{inner}}})"

    def _attribute(self, source: str, path: str, *, unwrap: bool) -> str:
        written = f"{source}{path[path.rindex('.') :]}"
        if path not in self._tree.containers:
            leaf = isinstance(self._tree.leaves[path], torch.Tensor)
            return f"torch.jit._unwrap_optional({written})" if leaf and unwrap else written
        return self._by_eager(written, path)

    def _by_eager(self, source: str, path: str) -> str:
        """A value whose type in TorchScript is not known, as the eager model has it."""
        if path not in self._tree.containers:
            return source
        kind, keys = self._tree.containers[path]
        if is_object(kind):
            return self._object(source, path, kind)
        if kind in ("tuple", "NamedTuple"):
            return _tuple([self._by_eager(f"{source}[{key}]", child_path(path, key)) for key in keys])
        return source

    def _child(self, path: str, key: str) -> str:
        found = child_path(path, key) if path else ""
        return found if found in self._tree.containers or found in self._tree.leaves else ""

    def _first_child(self, path: str) -> str:
        keys = self._tree.containers[path][1] if path in self._tree.containers else ()
        return child_path(path, keys[0]) if keys else ""

    def _assigned(self, source: str) -> str:
        if self._inside:
            raise ConvertError("Scripted, the model returns optional objects inside of lists.", advice=_ADVICE)
        name = self._name()
        self.lines.append(f"{name} = {source}")
        return name

    def _name(self) -> str:
        self._names += 1
        return f"v{self._names}"


def _has_names(kind: Any) -> bool:
    return kind.kind() == "ClassType" or has_named_tuple(kind) or any(map(_has_names, parts_of_type(kind)))


def _tuple(items: list[str]) -> str:
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
