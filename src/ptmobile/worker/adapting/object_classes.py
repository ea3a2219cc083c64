"""The classes of the objects that a TorchScript module makes, each with the tuple that takes an object's place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key
from typing import Any, Final

import torch

from ptmobile.worker.adapting.graph_types import is_named_tuple, parts_of_type, readable, refusal
from ptmobile.worker.lowering.graphs import nodes_of

_C: Final[Any] = torch._C  # noqa: SLF001 - torch has no public names for types


class ObjectClasses:
    """The classes of all objects that are made: the attributes of each in the order of its tuple, with their types."""

    def __init__(self, graphs: Sequence[Any]) -> None:
        self._attributes: dict[str, dict[str, Any]] = {}
        nodes = [node for graph in graphs for node in nodes_of(graph)]
        for node in nodes:
            if node.kind() == "prim::CreateObject":
                self._learn(node.output())
        for node in nodes:
            if node.kind() == "prim::GetAttr" and (known := self.attributes_of(node.input())) is not None:
                known[node.s("name")] = node.output().type()  # as declared; what was put there may be of a narrower one

    def _learn(self, made: Any) -> None:
        own = {setter.s("name"): setter.inputsAt(1).type() for setter in setters_of(made)}
        known = self._attributes.setdefault(made.type().annotation_str, own)
        if set(known) != set(own):
            raise refusal(made.type(), "its objects do not all have the same attributes")

    @property
    def names(self) -> list[str]:
        """Their names as their authors know them."""
        return sorted(map(readable, self._attributes))

    def attributes_of(self, value: Any) -> dict[str, Any] | None:
        """The attributes of an object; None for a value that is none, such as a module."""
        return self._attributes.get(value.type().annotation_str)

    def named(self, kind: Any) -> bool:
        """Whether a type has to do with such a class, or with a named tuple."""
        return (
            kind.annotation_str in self._attributes or is_named_tuple(kind) or any(map(self.named, parts_of_type(kind)))
        )

    def plain(self, kind: Any) -> Any:
        """The type with tuples instead. It has an end: TorchScript allows no class that holds objects of its own."""
        what = kind.kind()
        if (attributes := self._attributes.get(kind.annotation_str)) is not None:
            return _C.TupleType([self.plain(part) for part in attributes.values()])
        parts = [self.plain(part) for part in parts_of_type(kind)]
        if what == "TupleType":
            return _C.TupleType(parts)
        rebuilt = {"ListType": _C.ListType, "DictType": _C.DictType, "OptionalType": _C.OptionalType}.get(what)
        return rebuilt(*parts) if rebuilt is not None else kind

    def plain_value(self, value: Any, kind: Any) -> Any:
        """A value of a type, with plain tuples in the place of objects and named ones."""
        if value is None or not self.named(kind):
            return value
        what, parts = kind.kind(), parts_of_type(kind)
        if what == "OptionalType":
            return self.plain_value(value, *parts)
        if what == "TupleType":
            return tuple(self.plain_value(item, part) for item, part in zip(value, parts, strict=True))
        if what == "ListType":
            return [self.plain_value(item, *parts) for item in value]
        if what == "DictType":
            return {key: self.plain_value(item, parts[1]) for key, item in value.items()}
        attributes = self._attributes.get(kind.annotation_str, {})
        return tuple(self.plain_value(getattr(value, name), part) for name, part in attributes.items())


def setters_of(made: Any) -> list[Any]:
    """The nodes that set the attributes of an object that is made, in order.

    Raises:
        ConvertError: it is used before all of them are set, or one is set twice, or in a branch only.
    """
    users = [use.user for use in made.uses()]
    setters = [user for user in users if user.kind() == "prim::SetAttr" and user.inputsAt(0) == made]
    names = [setter.s("name") for setter in setters]
    if len(set(names)) < len(names) or any(s.owningBlock() != made.node().owningBlock() for s in setters):
        raise refusal(made.type(), "an attribute of it is set twice, or in a branch or loop")
    setters.sort(key=cmp_to_key(_in_order))
    if setters and any(user.isBefore(setters[-1]) for user in users if user not in setters):
        raise refusal(made.type(), "it is used before all of its attributes are set")
    return setters


def _in_order(one: Any, other: Any) -> int:
    return -1 if one.isBefore(other) else 1
