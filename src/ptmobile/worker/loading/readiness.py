"""A loaded module made ready for conversion: on the CPU, in evaluation mode, without gradients; or a clear refusal."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn.parameter import is_lazy

from ptmobile.errors import LoadError
from ptmobile.result import Notice
from ptmobile.worker.loading.user_code import user_code

_LISTED = 5


def unwrap(module: torch.nn.Module) -> tuple[torch.nn.Module, list[Notice]]:
    """The module inside DataParallel, which a phone does not have and scripting refuses."""
    parallel = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
    if not isinstance(module, parallel):
        return module, []
    message = f"The model is wrapped in {type(module).__name__}; the model inside is converted."
    return module.module, [Notice(level="notice", code="data-parallel", message=message)]


def check_structure(module: torch.nn.Module) -> None:
    """Refuse a module that was not initialised, or that has no values yet.

    Raises:
        LoadError: ``super().__init__()`` was not called, or parameters are on the meta device.
    """
    if not isinstance(module, torch.jit.ScriptModule) and "_modules" not in vars(module):
        raise LoadError(
            f"{type(module).__name__} is not initialised as a module",
            advice="Its __init__ must call super().__init__() first.",
        )
    meta = [name for name, tensor in _tensors(module) if tensor.is_meta]
    if meta:
        raise LoadError(
            f"The model has parameters without values, on the meta device: {_listed(meta)}",
            advice="Build it on the CPU, or let the factory call to_empty(device='cpu') and load its weights.",
        )


def make_ready(module: torch.nn.Module, workspace: Path) -> None:
    """Move to the CPU, call ``eval()`` and see that it has had its effect, and drop the gradients.

    Raises:
        LoadError: parameters are not initialised, a module stays in training mode, or the user's code raises.
    """
    lazy = [name for name, tensor in _tensors(module) if is_lazy(tensor)]
    if lazy:
        raise LoadError(
            f"The model has lazy parameters that have no shape yet: {_listed(lazy)}",
            advice="Let the factory run it once on an example input before it returns it.",
        )
    with user_code("Moving the model to the CPU", workspace):
        module.to("cpu")
    with user_code("eval() of the model", workspace, advice="A model that can only train cannot be converted."):
        module.eval()
    training = [
        f"{name or 'the model'} ({type(part).__name__})" for name, part in module.named_modules() if _trains(part)
    ]
    if training:
        raise LoadError(
            f"The model stays in training mode after eval(): {_listed(training)}",
            advice="An overridden train() or eval() must call super().train(mode): dropout and batch statistics of the "
            "training would become part of the file.",
        )
    for _, tensor in _tensors(module):
        # Gradients cost memory at every run and are never asked for. Only leaves can be switched.
        if tensor.is_leaf:
            tensor.requires_grad = False


def _trains(module: torch.nn.Module) -> bool:
    # A frozen TorchScript module has no such attribute: it is in evaluation mode for good.
    return bool(getattr(module, "training", False))


def _tensors(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [*module.named_parameters(), *module.named_buffers()]


def _listed(names: list[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
