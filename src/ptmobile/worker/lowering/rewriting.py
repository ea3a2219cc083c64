"""Walking all code of a module and rewriting what a target lacks."""

# ruff: noqa: SLF001 - torch has no public names for the code of a module

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import torch

from ptmobile.worker.lowering.catalogue import REWRITES, Refusal, expressed
from ptmobile.worker.lowering.graphs import CALLS, inlined, known, nodes_of, simplify, splice
from ptmobile.worker.lowering.target import Target, schema_of

#: Types of arguments that are likely to be constants where a function is called.
_SETTINGS: Final = frozenset({"StringType", "IntType", "FloatType", "BoolType"})
#: How deep functions that must be put into their callers, and expressions that need rewrites, may be nested.
_DEPTH: Final = 8


def lacking(module: torch.jit.ScriptModule, target: Target) -> dict[str, tuple[int, str]]:
    """What the methods of a module call, with all that they call in turn, and the target cannot run.

    By operator: how many calls, and what is wrong with the last of them.
    """
    found: dict[str, tuple[int, str]] = {}
    for name in module._c._method_names():
        for node in nodes_of(inlined(module._c._get_method(name).graph)):
            lack = target.lack(node)
            schema = schema_of(node)
            if lack is not None and schema is not None:
                found[schema.operator] = (found.get(schema.operator, (0, ""))[0] + 1, lack)
    return found


class Rewriting:
    """The code of one module, in its compilation unit, while it is being rewritten."""

    def __init__(self, unit: Any, target: Target) -> None:
        self._target = target
        self._graphs: dict[str, Any] = {function.qualified_name: function.graph for function in unit.get_functions()}
        self.refused: dict[str, str] = {}
        self.rewritten: Counter[str] = Counter()

    def run(self) -> None:
        """Rewrite calls where they are; then, for those that only their callers can decide, in the callers."""
        for graph in self._graphs.values():
            self._rewrite(graph)
        for _ in range(_DEPTH):
            undecided = {name for name, graph in self._graphs.items() if self._depends_on_caller(graph)}
            changed = [graph for graph in self._graphs.values() if self._absorb(graph, undecided)]
            if not changed:
                break
            for graph in changed:
                simplify(graph)
                self._rewrite(graph)

    def _rewrite(self, graph: Any) -> None:
        """Rewrite the calls of a graph until none is left that can be."""
        if any(_is_constant(node) for node in nodes_of(graph) if self._target.lack(node) is not None):
            simplify(graph)
        done = 0
        # What takes a call's place may need a rewrite in its turn.
        for _ in range(_DEPTH):
            before = done
            for operator, node in list(self._lacking_nodes(graph)):
                done += self._replace(graph, operator, node)
            if done == before:
                break
        if done:
            torch._C._jit_pass_dce(graph)

    def _lacking_nodes(self, graph: Any) -> Iterator[tuple[str, Any]]:
        for node in list(nodes_of(graph)):
            schema = schema_of(node)
            if schema is not None and schema.operator in REWRITES and self._target.lack(node) is not None:
                yield schema.operator, node

    def _replace(self, graph: Any, operator: str, node: Any) -> bool:
        inner = expressed(operator, node)
        if isinstance(inner, Refusal):
            self.refused[operator] = inner.why
            return False
        if hopeless := self._hopeless(inner):
            self.refused[operator] = f"so it would have to be written with {hopeless}"
            return False
        splice(graph, node, inner, list(node.inputs()))
        self.rewritten[operator] += 1
        return True

    def _hopeless(self, graph: Any) -> str | None:
        """An operator that the target lacks and no rewrite exists for."""
        for node in nodes_of(graph):
            schema = schema_of(node)
            if schema is not None and schema.operator not in REWRITES and self._target.lack(node) is not None:
                return schema.operator
        return None

    def _depends_on_caller(self, graph: Any) -> bool:
        """Whether arguments decide if an operator that the target lacks is called, or how."""
        for node in nodes_of(graph):
            schema = schema_of(node)
            if schema is None or self._target.lack(node) is None:
                continue
            if schema.operator in REWRITES or _is_in_branch(node) or _takes_settings_only(graph, node):
                return True
        return False

    def _absorb(self, graph: Any, undecided: set[str]) -> bool:
        """Put functions and methods into a graph that calls them; says whether there were any."""
        calls = [node for node in nodes_of(graph) if node.kind() in CALLS]
        calls = [node for node in calls if _callee(node) in undecided]
        for node in calls:
            values = list(node.inputs())[1 if node.kind() == "prim::CallFunction" else 0 :]
            splice(graph, node, self._graphs[_callee(node)].copy(), values)
        return bool(calls)


def _takes_settings_only(graph: Any, node: Any) -> bool:
    """Whether a call becomes constant when the function's own arguments are."""
    given = {value.unique() for value in graph.inputs() if value.type().kind() in _SETTINGS}
    values = list(node.inputs())
    return bool(values) and all(value.unique() in given or known(value) is not None for value in values)


def _is_constant(node: Any) -> bool:
    """Whether a call gives the same in every run, so that its result can be stored instead."""
    values = list(node.inputs())
    return bool(values) and all(known(value) is not None for value in values)


def _callee(node: Any) -> str:
    """The qualified name of what a node calls."""
    name: str = node.inputsAt(0).type().annotation_str
    return name if node.kind() == "prim::CallFunction" else f"{name}.{node.s('name')}"


def _is_in_branch(node: Any) -> bool:
    block = node.owningBlock()
    while (owner := block.owningNode()) is not None and owner.kind() not in {"prim::Return", "prim::Param"}:
        if owner.kind() == "prim::If":
            return True
        block = owner.owningBlock()
    return False
