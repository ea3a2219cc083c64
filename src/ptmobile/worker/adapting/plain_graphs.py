"""Graphs without classes and named tuples, which the lite interpreter does not have: both become plain tuples.

Bytecode has no classes but modules, and a named tuple in it breaks the lite interpreter of 1.13. An object that never
changes after it was made is as good as a tuple of its attributes, and a named tuple is one already, but for its type.
"""

# ruff: noqa: SLF001 - torch has no public names for graphs, types and slots of modules

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cmp_to_key
from typing import Any, Final

import torch

from ptmobile.errors import ConvertError
from ptmobile.worker.adapting.dict_calls import write_dicts
from ptmobile.worker.adapting.reaching import reached_nodes
from ptmobile.worker.lowering.graphs import nodes_of

_C: Final[Any] = torch._C
_ADVICE: Final = (
    "Let forward keep its values in tuples, lists or dicts instead; or ship the trace (method trace), in which no "
    "object is left."
)
#: The name of a class in the text of a node.
_NAMED_IN_TEXT: Final = re.compile(r"__torch__\.[\w.]+|NamedTuple")
#: What cannot be asked of a tuple, or hides what it does with it.
_REFUSED: Final = {
    "prim::CallMethod": "its methods cannot be put in the place of their calls",
    "prim::CallFunction": "it is handed to a function that cannot be put in the place of its call",
}


def has_names(module: torch.jit.ScriptModule) -> bool:
    """Whether forward makes objects of classes, or has to do with named tuples."""
    return any(
        node.kind() == "prim::CreateObject" or any(has_named_tuple(value.type()) for value in node.outputs())
        for node in reached_nodes(module, "forward")
    )


def make_plain(module: torch.jit.ScriptModule, methods: Sequence[str]) -> list[str]:
    """Put plain tuples in the place of objects and named tuples, in a frozen module whose graphs never ran.

    Returns the names of the classes of these objects.

    Raises:
        ConvertError: an object is used in a way that a tuple cannot be; the message names its class.
    """
    graphs = [module._c._get_method(method).graph for method in methods]
    classes = _Classes(graphs)
    for graph in graphs:
        _Rewriting(module._c, graph, classes).run()
        write_dicts(graph)
        graph.lint()
    return classes.names


class _Classes:
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
            kind.annotation_str in self._attributes
            or _is_named_tuple(kind)
            or any(map(self.named, parts_of_type(kind)))
        )

    def plain(self, kind: Any) -> Any:
        """The type with tuples instead."""
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


class _Rewriting:
    """One graph while tuples are put in the place of objects."""

    def __init__(self, root: Any, graph: Any, classes: _Classes) -> None:
        self._root = root
        self._graph = graph
        self._classes = classes

    def run(self) -> None:
        """Objects become tuples, attributes items, slots of modules such for tuples, and all types plain."""
        self._check()
        for node in self._nodes("prim::CreateObject"):
            self._make_tuple(node.output())
        for node in self._nodes("prim::GetAttr"):
            if (attributes := self._classes.attributes_of(node.input())) is not None:
                self._take_item(node, list(attributes).index(node.s("name")))
        self._move_slots()
        for node in self._nodes("prim::Constant"):
            if self._classes.named(node.output().type()):
                self._write_anew(node)
        for value in [value for node in nodes_of(self._graph) for value in node.outputs()]:
            value.setType(self._classes.plain(value.type()))
        for value in _block_inputs(self._graph):
            value.setType(self._classes.plain(value.type()))

    def _nodes(self, *kinds: str) -> list[Any]:
        return [node for node in nodes_of(self._graph) if node.kind() in kinds]

    def _check(self) -> None:
        """See that objects are only made, read and passed on.

        Raises:
            ConvertError: one is not.
        """
        for node in nodes_of(self._graph):
            if node.kind() == "prim::isinstance" and (asked := _NAMED_IN_TEXT.search(str(node))):
                raise refusal_of(readable(asked[0]), "forward asks for the class of a value")
            objects = [value for value in node.inputs() if self._classes.attributes_of(value) is not None]
            if objects and node.kind() in _REFUSED:
                raise refusal(objects[0].type(), _REFUSED[node.kind()])
            if node.kind() == "prim::SetAttr" and self._classes.attributes_of(node.inputsAt(0)) is not None:
                made = node.inputsAt(0)
                if made.node().kind() != "prim::CreateObject":
                    raise refusal(made.type(), "it is changed after it was made")

    def _make_tuple(self, made: Any) -> None:
        setters, create = setters_of(made), made.node()
        given = {setter.s("name"): setter.inputsAt(1) for setter in setters}
        values = [given[name] for name in self._classes.attributes_of(made) or ()]
        construct = self._graph.create("prim::TupleConstruct", values, 1)
        construct.insertAfter(setters[-1] if setters else create)
        construct.output().setType(made.type())  # made plain with all the others, when nobody asks any more
        for setter in setters:
            setter.destroy()
        made.replaceAllUsesWith(construct.output())
        create.destroy()

    def _take_item(self, node: Any, position: int) -> None:
        with self._graph.insert_point_guard(node):
            index = self._graph.insertConstant(position)
        item = self._graph.create("prim::TupleIndex", [node.input(), index], 1)
        item.insertBefore(node)
        item.output().setType(node.output().type())
        node.output().replaceAllUsesWith(item.output())
        node.destroy()

    def _move_slots(self) -> None:
        """Where a module keeps an object from one run to the next, it keeps the tuple in a slot beside it."""
        for node in self._nodes("prim::GetAttr"):
            if self._classes.named(node.output().type()):
                owner, name, kind = module_of(self._root, node.input()), node.s("name"), node.output().type()
                kept = self._classes.plain_value(owner.getattr(name), kind)
                owner._register_attribute(_beside(name), self._classes.plain(kind), kept)
                if kind.kind() == "OptionalType":
                    owner.setattr(name, None)  # it is not written into the file twice
                node.s_("name", _beside(name))
        for node in self._nodes("prim::SetAttr"):
            if self._classes.named(node.inputsAt(1).type()):
                owner = module_of(self._root, node.inputsAt(0))
                if owner.hasattr(_beside(node.s("name"))):
                    node.s_("name", _beside(node.s("name")))
                else:
                    node.destroy()  # nobody reads it

    def _write_anew(self, node: Any) -> None:
        value = self._classes.plain_value(node.output().toIValue(), node.output().type())
        with self._graph.insert_point_guard(node):
            node.output().replaceAllUsesWith(self._graph.insertConstant(value))
        node.destroy()


def _beside(name: str) -> str:
    return f"{name}__plain"


def _block_inputs(block: Any) -> Iterator[Any]:
    yield from block.inputs()
    for node in block.nodes():
        for inner in node.blocks():
            yield from _block_inputs(inner)


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
    if any(user.isBefore(setters[-1]) for user in users if user not in setters):
        raise refusal(made.type(), "it is used before all of its attributes are set")
    return setters


def _in_order(one: Any, other: Any) -> int:
    return -1 if one.isBefore(other) else 1


def module_of(root: Any, value: Any) -> Any:
    """The module behind a value of a graph, which was reached from the root by names.

    Raises:
        ConvertError: it was not.
    """
    path: list[str] = []
    while value.node().kind() == "prim::GetAttr":
        path.append(value.node().s("name"))
        value = value.node().input()
    if value.node().kind() != "prim::Param":
        raise refusal(value.type(), "it is kept where it cannot be found")
    for name in reversed(path):
        root = root.getattr(name)
    return root


def refusal(kind: Any, why: str) -> ConvertError:
    """What to say of a class that no file can have."""
    return refusal_of(class_name(kind), why)


def refusal_of(name: str, why: str) -> ConvertError:
    """The same by the name of the class."""
    return ConvertError(f"Scripted, the model uses objects of {name}, which no file can have: {why}.", advice=_ADVICE)


def class_name(kind: Any) -> str:
    """The name of a TorchScript class as its author knows it."""
    return readable(kind.annotation_str)


def readable(name: str) -> str:
    """A name without what TorchScript puts into it."""
    return re.sub(r"__torch__\.|___torch_mangle_\d+\.", "", name)


def parts_of_type(kind: Any) -> list[Any]:
    """The types that a type of containers is made of: items, keys and values, what is optional."""
    what = kind.kind()
    if what == "TupleType":
        return list(kind.elements())
    if what == "DictType":
        return [kind.getKeyType(), kind.getValueType()]
    return [kind.getElementType()] if what in ("ListType", "OptionalType") else []


def _is_named_tuple(kind: Any) -> bool:
    return kind.kind() == "TupleType" and not kind.annotation_str.startswith("Tuple[")


def has_named_tuple(kind: Any) -> bool:
    """Whether a type has to do with named tuples."""
    return _is_named_tuple(kind) or any(map(has_named_tuple, parts_of_type(kind)))
