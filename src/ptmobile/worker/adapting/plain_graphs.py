"""Graphs without classes and named tuples, which the lite interpreter does not have: both become plain tuples.

Bytecode has no classes but modules, and a named tuple in it breaks the lite interpreter of 1.13. An object that never
changes after it was made is as good as a tuple of its attributes, and a named tuple is one already, but for its type.
"""

# ruff: noqa: SLF001 - torch has no public names for graphs, types and slots of modules

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch

from ptmobile.worker.adapting.dict_calls import write_dicts
from ptmobile.worker.adapting.graph_types import has_named_tuple, readable, refusal, refusal_of
from ptmobile.worker.adapting.object_classes import ObjectClasses, setters_of
from ptmobile.worker.adapting.reaching import module_at, path_to, reached_nodes
from ptmobile.worker.lowering.graphs import nodes_of

_C: Final[Any] = torch._C
#: The name of a class in the text of a node.
_NAMED_IN_TEXT: Final = re.compile(r"__torch__\.[\w.]+|NamedTuple")
#: What cannot be asked of a tuple, or hides what it does with it.
_REFUSED: Final = {
    "prim::CallMethod": "its methods cannot be put in the place of their calls",
    "prim::Enter": "the model enters it by `with`, which bytecode does not have",
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
    classes, moved = ObjectClasses(graphs), set[tuple[str, ...]]()
    for graph in graphs:
        _Rewriting(module._c, graph, classes, moved).run()
        write_dicts(graph)
        graph.lint()
    return classes.names


class _Rewriting:
    """One graph while tuples are put in the place of objects."""

    def __init__(self, root: Any, graph: Any, classes: ObjectClasses, moved: set[tuple[str, ...]]) -> None:
        self._root = root
        self._moved = moved  # the slots of modules that are done, by the names that lead to them
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
                self._move_slot(node.input(), node.s("name"), node.output().type())
                node.s_("name", _beside(node.s("name")))
        for node in self._nodes("prim::SetAttr"):
            if self._classes.named(node.inputsAt(1).type()):
                if self._owner(node.inputsAt(0)).hasattr(_beside(node.s("name"))):
                    node.s_("name", _beside(node.s("name")))
                else:
                    node.destroy()  # nobody reads it

    def _move_slot(self, module: Any, name: str, kind: Any) -> None:
        slot = (*(path_to(module) or ()), name)
        if slot in self._moved:
            return
        self._moved.add(slot)
        owner = self._owner(module)
        kept = self._classes.plain_value(owner.getattr(name), kind)
        owner._register_attribute(_beside(name), self._classes.plain(kind), kept)
        if kind.kind() == "OptionalType":
            owner.setattr(name, None)  # it is not written into the file twice

    def _owner(self, value: Any) -> Any:
        """The module behind a value.

        Raises:
            ConvertError: it cannot be found.
        """
        path = path_to(value)
        if path is None:
            raise refusal(value.type(), "it is kept where it cannot be found")
        return module_at(self._root, path)

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
