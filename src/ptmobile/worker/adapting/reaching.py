"""All graphs that a method of a TorchScript module reaches by its calls, each once, without putting them in one."""

# ruff: noqa: SLF001 - torch has no public names for graphs and for the code of a module

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import torch

from ptmobile.worker.lowering.graphs import nodes_of

_C: Final[Any] = torch._C


def reached_nodes(module: torch.jit.ScriptModule, method: str) -> Iterator[Any]:
    """The nodes of a method and of everything that it calls.

    Modules of one class share their code, which is looked at once; putting all calls in their place, which gives the
    same nodes many times over, takes several times as long. It is done where a call cannot be followed: to functions of
    modules that were read from a file, and to methods of what is no module.
    """
    try:
        yield from _Walk().nodes(module._c, method)
    except _LostError:
        graph = module._c._get_method(method).graph.copy()
        _C._jit_pass_inline(graph)
        yield from nodes_of(graph)


class _LostError(Exception):
    """A call that cannot be followed."""


class _Walk:
    def __init__(self) -> None:
        self._seen: set[str] = set()

    def nodes(self, owner: Any, method: str) -> Iterator[Any]:
        """The nodes of a method of a module, and of what it calls."""
        name = f"{owner._type().annotation_str}.{method}"
        if name not in self._seen:
            self._seen.add(name)
            yield from self._in_graph(owner, owner._get_method(method).graph)

    def _in_graph(self, owner: Any, graph: Any) -> Iterator[Any]:
        for node in nodes_of(graph):
            yield node
            if node.kind() == "prim::CallFunction":
                yield from self._in_function(node.inputsAt(0).type().annotation_str)
            elif node.kind() == "prim::CallMethod":
                called = _module_of(owner, node.inputsAt(0))
                yield from self.nodes(called, node.s("name"))

    def _in_function(self, name: str) -> Iterator[Any]:
        if name in self._seen:
            return
        self._seen.add(name)
        function = torch.jit._state._python_cu.find_function(name)
        if function is None:
            raise _LostError
        yield from self._in_graph(None, function.graph)


def path_to(value: Any) -> tuple[str, ...] | None:
    """The names that lead from the module whose method a graph is to a value; None if it is reached otherwise."""
    path: list[str] = []
    while value.node().kind() == "prim::GetAttr":
        path.append(value.node().s("name"))
        value = value.node().input()
    return tuple(reversed(path)) if value.node().kind() == "prim::Param" else None


def module_at(root: Any, path: tuple[str, ...]) -> Any:
    """What is at the end of a path."""
    for name in path:
        root = root.getattr(name)
    return root


def _module_of(owner: Any, value: Any) -> Any:
    path = path_to(value)
    found = None if owner is None or path is None else module_at(owner, path)
    if not isinstance(found, _C.ScriptModule):
        raise _LostError
    return found
