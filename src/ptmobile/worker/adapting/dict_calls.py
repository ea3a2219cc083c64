"""``dict(list of pairs)`` written as a loop: the lite interpreter does not run the operator behind it.

It asks the list for the type of its items, and what it gets there is of a class of its own that the operator does not
know (c10::DynamicType, from 1.12 on).
"""

from __future__ import annotations

from typing import Any, Final

import torch

from ptmobile.worker.lowering.graphs import nodes_of, splice

_LOOP: Final = """\
def from_pairs(pairs: {pairs}) -> {result}:
    made: {result} = {{}}
    for pair in pairs:
        made[pair[0]] = pair[1]
    return made
"""


def write_dicts(graph: Any) -> None:
    """Replace every such call in a graph."""
    for node in [node for node in nodes_of(graph) if node.kind() == "aten::dict" and node.inputsSize() == 1]:
        kind = node.input().type()
        if kind.kind() == "ListType":
            source = _LOOP.format(pairs=kind.annotation_str, result=node.output().type().annotation_str)
            loop: Any = torch.jit.CompilationUnit(source).from_pairs
            splice(graph, node, loop.graph.copy(), [node.input()])
