"""From an eager model to TorchScript, on either road, with inputs and outputs in a form that a file can have."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch

from ptmobile.errors import ConvertError
from ptmobile.protocol import Job
from ptmobile.result import Method, Notice
from ptmobile.worker.adapting.arguments import Layout, called_with, unwrapped
from ptmobile.worker.adapting.forms import form_of, natively_traced
from ptmobile.worker.adapting.records import StoredAdaptation, adaptation_of
from ptmobile.worker.adapting.scripting import adapt_scripted
from ptmobile.worker.adapting.tracing import TensorsOnly, put_together
from ptmobile.worker.inputs.examples import TrialInputs
from ptmobile.worker.values.files import load_tree
from ptmobile.worker.values.trees import Tree

MAX_WARNINGS = 10


@dataclass(frozen=True)
class Captured:
    """A model in TorchScript, and what is to be told of it.

    ``frozen``: its parameters are constants already. ``adaptation``: how it differs in form from the model.
    """

    module: torch.jit.ScriptModule
    notices: tuple[Notice, ...] = ()
    adaptation: StoredAdaptation | None = None
    frozen: bool = False


def capture(job: Job, module: torch.nn.Module, method: Method, first: TrialInputs) -> Captured:
    """The module in TorchScript. What it returned eagerly for ``first`` is in the scratch folder.

    Tracing does not check itself by tracing again (``check_trace``): every trial compares the trace with eager.

    Raises:
        Exception: whatever torch raises for a model that it cannot capture.
    """
    scratch, adapt = Path(job.scratch), job.spec.outputs == "adapt"
    tree = load_tree(scratch / "eager" / str(first.number)) if adapt else None
    model, layout = unwrapped(module, len(first.arguments))
    with warnings.catch_warnings(record=True) as caught, torch.no_grad():
        warnings.simplefilter("always")
        if method == "trace":
            captured = _traced(module, tree, layout, first)
        else:
            captured = _scripted(model, tree, layout, job.spec.preserve_methods)
    return Captured(captured.module, _notices(caught, Path(job.workspace)), captured.adaptation, captured.frozen)


def _traced(module: torch.nn.Module, tree: Tree | None, layout: Layout, first: TrialInputs) -> Captured:
    if tree is None or not tree.tensors() or natively_traced(tree):
        return Captured(_trace(module, first), adaptation=adaptation_of(None, layout, "trace"))
    tensors = TensorsOnly(module, tree)
    together = put_together(_trace(tensors, first), form_of(tree), tensors.paths, len(first.arguments))
    return Captured(together, adaptation=adaptation_of(tree, layout, "trace", traced=tensors.paths))


def _trace(module: torch.nn.Module, first: TrialInputs) -> torch.jit.ScriptModule:
    torch.manual_seed(first.number)
    arguments = tuple(argument.clone() for argument in first.arguments)
    traced = torch.jit.trace(module, arguments, check_trace=False)
    if not isinstance(traced, torch.jit.ScriptModule):
        raise ConvertError("Tracing gave no TorchScript module.")
    return traced


def _scripted(model: torch.nn.Module, tree: Tree | None, layout: Layout, methods: tuple[str, ...]) -> Captured:
    # TorchScript that was given is captured already; it walks the road of scripts only.
    scripted = model if isinstance(model, torch.jit.ScriptModule) else torch.jit.script(model)
    if tree is None:
        return Captured(called_with(scripted, layout, methods), adaptation=adaptation_of(None, layout, "script"))
    done = adapt_scripted(scripted, tree, layout, methods)
    known = adaptation_of(tree if done.same else None, layout, "script", done.notes)
    return Captured(done.module, adaptation=known, frozen=done.frozen)


def _notices(caught: list[warnings.WarningMessage], workspace: Path) -> tuple[Notice, ...]:
    """Tracer warnings: each says that a value of the example input was baked into the trace."""
    notices: dict[str, Notice] = {}
    for warning in caught:
        if not issubclass(warning.category, torch.jit.TracerWarning):
            continue
        text = " ".join(str(warning.message).split())
        text = re.split(r" We can't record the data flow| This may cause errors", text)[0]
        path = Path(warning.filename)
        shown = path.relative_to(workspace).as_posix() if path.is_relative_to(workspace) else path.name
        message = f"{shown}:{warning.lineno}: {text}"
        notices.setdefault(message, Notice(level="notice", code="tracer-warning", message=message[:2000]))
    return tuple(notices.values())[:MAX_WARNINGS]
