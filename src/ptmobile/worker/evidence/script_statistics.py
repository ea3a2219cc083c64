"""Statistics of normalisations in TorchScript, which knows no hooks: taken by code that is put into a copy of it."""

# ruff: noqa: SLF001 - torch has no public names for the code of a module

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import torch

from ptmobile.worker.lowering.copying import copy_with_functions
from ptmobile.worker.lowering.graphs import nodes_of
from ptmobile.worker.lowering.library import compiled

MEAN: Final = "running_mean"
VARIANCE: Final = "running_var"
#: Mean and variance of each channel (dimension 1; of rank 1 and 2 the last) into tensors that are zeros and ones until
#: then. Below eight values for each channel, statistics of the whole tensor say more than those of the channel.
_TAKE: Final = """
def take_statistics(given: Tensor, mean: Tensor, variance: Tensor) -> None:
    if given.is_floating_point() and bool((mean == 0).all()) and bool((variance == 1).all()):
        wide = given.detach().to(torch.float64)
        channels = wide.transpose(0, 1 if wide.dim() > 1 else 0).reshape(mean.numel(), -1)
        if channels.size(1) < 8:
            channels = channels.reshape(1, -1)
        if bool(torch.isfinite(channels).all()) and channels.numel() > 1:
            mean.copy_(channels.mean(dim=[1]).expand_as(mean))
            variance.copy_(channels.var(dim=[1], unbiased=False).clamp_min(1e-12).expand_as(variance))
"""


@cache
def taking() -> Any:
    """``take_statistics(given, mean, variance)``, a function of TorchScript; compiled once."""
    return compiled(_TAKE).take_statistics


@contextmanager
def taking_statistics(module: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """What to run in the place of a module so that its parts in TorchScript take their statistics from what they get.

    Those of a normalisation go into the very buffers of the module. What it does with its input afterwards it does with
    these, so that in one run each takes them from what the ones before it have brought near one.
    """
    if isinstance(module, torch.jit.ScriptModule):
        yield _instrumented(module)
        return
    parts = [(parent, name, part) for parent in module.modules() for name, part in _scripted(parent)]
    try:
        for parent, name, part in parts:
            parent._modules[name] = _instrumented(part)
        yield module
    finally:
        for parent, name, part in parts:
            parent._modules[name] = part


def _scripted(parent: torch.nn.Module) -> list[tuple[str, torch.jit.ScriptModule]]:
    """Parts in TorchScript of a module that is not."""
    if isinstance(parent, torch.jit.ScriptModule):
        return []
    return [(name, part) for name, part in parent.named_children() if isinstance(part, torch.jit.ScriptModule)]


def _instrumented(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    copy, _ = copy_with_functions(module)
    done: set[str] = set()
    for owner in _owners(copy._c):
        method = owner._get_method("forward")
        name = str(owner._type().qualified_name())
        if name not in done:  # modules of one type share their code
            done.add(name)
            _take_first(method.graph)
    return copy


def _owners(owner: Any) -> Iterator[Any]:
    """All modules with both statistics and a ``forward``."""
    kept = [owner.getattr(name) for name in (MEAN, VARIANCE) if owner.hasattr(name)]
    if len(kept) == 2 and all(isinstance(one, torch.Tensor) for one in kept) and owner._has_method("forward"):
        yield owner
    for _, child in torch._C.ModuleDict(owner).items():  # noqa: PERF102 - it is no dict, and has items only
        yield from _owners(child)


def _take_first(graph: Any) -> None:
    """Begin a ``forward`` with taking statistics from its first argument, if that is a tensor."""
    own, *given = graph.inputs()
    first = next(iter(graph.nodes()), None)
    if first is None or not given or given[0].type().kind() != "TensorType":
        return
    with graph.insert_point_guard(first):
        kept = [_attribute(graph, own, name) for name in (MEAN, VARIANCE)]
        graph.insertGraph(taking().inlined_graph, [given[0], *kept])


def _attribute(graph: Any, own: Any, name: str) -> Any:
    node = graph.create("prim::GetAttr", [own], 1)
    node.s_("name", name)
    node.output().setType(torch._C.TensorType.get())
    return graph.insertNode(node).output()


def constants(module: torch.nn.Module) -> int:
    """How many tensors of floating numbers are written into the code of TorchScript, as freezing does it."""
    scripts = (part for part in module.modules() if isinstance(part, torch.jit.ScriptModule))
    graphs = (part.graph for part in scripts if hasattr(part, "forward"))
    nodes = (node for graph in graphs for node in nodes_of(graph) if node.kind() == "prim::Constant")
    values = (node.output().toIValue() for node in nodes if node.output().type().kind() == "TensorType")
    return sum(value.is_floating_point() and value.numel() > 1 for value in values)
