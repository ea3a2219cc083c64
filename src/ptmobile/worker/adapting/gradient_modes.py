"""``with torch.no_grad()`` in a scripted model: bytecode has no ``with``, and no file is run with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch

from ptmobile.worker.adapting.graph_types import readable
from ptmobile.worker.lowering.graphs import nodes_of

#: Where torch has them: no_grad, enable_grad, set_grad_enabled, inference_mode.
_MODES: Final = "torch.autograd.grad_mode."
_WITH: Final = ("prim::Enter", "prim::Exit")


def leave_out_modes(module: torch.jit.ScriptModule, methods: Sequence[str]) -> list[str]:
    """Take the modes of gradients out of the graphs of these methods; what is inside of each ``with`` stays.

    The module is frozen: its calls are written out. Returns the names of the modes, such as ``no_grad``.
    """
    found: dict[str, None] = {}
    for method in methods:
        graph = module._c._get_method(method).graph  # noqa: SLF001 - torch has no public name for it
        for made in [node for node in nodes_of(graph) if node.kind() == "prim::CreateObject"]:
            if _is_mode(made.output()):
                found.setdefault(readable(made.output().type().annotation_str).removeprefix(_MODES))
                _leave_out(made)
    return list(found)


def _is_mode(made: Any) -> bool:
    """Whether an object is such a mode, and nothing but entered and left."""
    if not readable(made.type().annotation_str).startswith(_MODES):
        return False
    users = [use.user for use in made.uses()]
    return all(
        (user.kind() in _WITH and not any(output.uses() for output in user.outputs())) or _sets(user, made)
        for user in users
    )


def _sets(user: Any, made: Any) -> bool:
    return bool(user.kind() == "prim::SetAttr" and user.inputsAt(0).debugName() == made.debugName())


def _leave_out(create: Any) -> None:
    for use in list(create.output().uses()):
        use.user.destroy()
    create.destroy()
