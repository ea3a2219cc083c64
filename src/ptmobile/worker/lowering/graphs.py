"""Working on TorchScript graphs: walking them, reading their constants, putting one into another."""

# ruff: noqa: SLF001 - torch has no public names for graphs and their passes

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

#: Not all passes are in torch's type annotations.
_C: Final[Any] = torch._C
#: Rounds of simplification after which a graph of ours no longer changes (loops inside branches inside loops).
_ROUNDS: Final = 3
#: How deep calls may be nested; TorchScript knows no recursion.
_LEVELS: Final = 100
CALLS: Final = frozenset({"prim::CallFunction", "prim::CallMethod"})


def nodes_of(graph: Any) -> Iterator[Any]:
    """All nodes of a graph or block, also those inside branches and loops."""
    for node in graph.nodes():
        yield node
        for block in node.blocks():
            yield from nodes_of(block)


def inlined(graph: Any) -> Any:
    """A copy of a graph with all that it calls put in its place.

    Not torch's ``inlined_graph``: a run without specialisation leaves graphs there as they stand, with their calls. For
    the same reason one pass puts in the next level of calls only.
    """
    copy = graph.copy()
    for _ in range(_LEVELS):
        if not any(node.kind() in CALLS for node in nodes_of(copy)):
            break
        _C._jit_pass_inline(copy)
    return copy


@dataclass(frozen=True)
class Known:
    """A value that is the same in every run."""

    value: Any


def known(value: Any) -> Known | None:
    """The constant behind a value of a graph, also where it is a list put together from constants."""
    node = value.node()
    if node.kind() == "prim::Constant":
        if node.mustBeNone():
            return Known(None)
        return None if value.type().kind() == "FunctionType" else Known(value.toIValue())
    if node.kind() == "prim::ListConstruct" and all(_leaves_as_is(use.user) for use in value.uses()):
        items = [known(item) for item in node.inputs()]
        if items and all(item is not None and isinstance(item.value, int | float | str) for item in items):
            return Known([item.value for item in items if item is not None])
    return None


def _leaves_as_is(user: Any) -> bool:
    """Whether a node that takes a list surely does not change it, nor hands it on to what does."""
    schema: str = user.schema()
    if schema == "(no schema)":
        return user.kind() in {"prim::ListUnpack", "prim::CallFunction", "prim::CallMethod"}
    return "!" not in schema


def specialised(graph: Any, values: Sequence[Any]) -> Any:
    """A copy of a small graph for a call with these values: their constants put in, what they decide decided."""
    copy = graph.copy()
    first = next(iter(copy.nodes()), None)
    for own, given in zip(list(copy.inputs()), values, strict=True):
        constant = known(given)
        if constant is None or first is None:
            own.setType(given.type())
            continue
        with copy.insert_point_guard(first):
            own.replaceAllUsesWith(copy.insertConstant(constant.value))
    for _ in range(_ROUNDS):
        _C._jit_pass_constant_loop_unrolling(copy)
        simplify(copy)
    return copy


def simplify(graph: Any) -> None:
    """Compute what depends on constants only, take the branches that are decided, drop what nobody uses."""
    _C._jit_pass_constant_propagation(graph)
    # Sizes that a trace happened to see must not be taken for constants.
    _C._jit_pass_peephole(graph, True)
    _C._jit_pass_dce(graph)


def splice(host: Any, node: Any, inner: Any, values: Sequence[Any]) -> None:
    """Replace a node by a graph that computes its outputs from these values."""
    _spread_tuple(inner, node.outputsSize())
    with host.insert_point_guard(node):
        outputs = host.insertGraph(inner, list(values))
    for old, new in zip(list(node.outputs()), outputs, strict=True):
        old.replaceAllUsesWith(new)
    node.destroy()


def _spread_tuple(graph: Any, outputs: int) -> None:
    """Let a graph that returns a tuple return its parts, where the operator it stands for does so; None is none."""
    if outputs == 1:
        return
    if outputs == 0:
        graph.eraseOutput(0)
        return
    (returned,) = graph.outputs()
    if returned.node().kind() == "prim::TupleConstruct":
        parts = list(returned.node().inputs())
    else:
        unpacking = graph.appendNode(graph.create("prim::TupleUnpack", [returned], outputs))
        parts = list(unpacking.outputs())
        for part, kind in zip(parts, returned.type().elements(), strict=True):
            part.setType(kind)
    for part in parts:
        graph.registerOutput(part)
    graph.eraseOutput(0)
