"""From a specification to a model in evaluation mode on the CPU."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ptmobile.errors import LoadError
from ptmobile.result import Notice
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.spec.model_reference import LiteModelFile, TorchScriptFile, TorchvisionModel, parse_model_reference
from ptmobile.worker.loading.downloads import refuse_downloads
from ptmobile.worker.loading.factories import build_from_factory
from ptmobile.worker.loading.readiness import check_structure, make_ready, unwrap
from ptmobile.worker.loading.torchscript import cuda_constants, load_torchscript
from ptmobile.worker.loading.weights import load_weights


@dataclass(frozen=True)
class LoadedModel:
    """A model ready for conversion. ``is_torchscript``: it is compiled already, so there is nothing to script."""

    module: torch.nn.Module
    is_torchscript: bool
    notices: tuple[Notice, ...] = ()


def load_model(spec: ConversionSpec, workspace: Path) -> LoadedModel:
    """Build or load the model that the specification names, with its weights.

    Random initial values are drawn with the specification's seed, so that the same specification gives the same file.
    Python's module path is changed, and downloads by ``torch.hub`` are refused, for good: the model's code may import
    more of the workspace, or try to download, when it runs.

    Raises:
        LoadError: whatever is wrong with the model or its weights, in words; errors of the model's own code name the
            innermost line of the user's file.
    """
    workspace = workspace.resolve()
    refuse_downloads()
    _seed(spec.seed)
    notices: list[Notice] = []
    module, unwrapped = unwrap(_build(spec, workspace))
    notices += unwrapped
    check_structure(module)
    if spec.weights is not None:
        notices += load_weights(module, spec, workspace)
    elif spec.model.startswith("torchvision:"):
        notices.append(_untrained(spec.model))
    make_ready(module, workspace)
    if isinstance(module, torch.jit.ScriptModule):
        notices += cuda_constants(module)
    return LoadedModel(module, isinstance(module, torch.jit.ScriptModule), tuple(notices))


def _build(spec: ConversionSpec, workspace: Path) -> torch.nn.Module:
    try:
        reference = parse_model_reference(spec.model)
    except ValueError as error:
        raise LoadError(f"model: {spec.model!r} {error}") from error
    match reference:
        case LiteModelFile(path):
            raise LoadError(f"{path} is a PyTorch Mobile file already.", advice="Mode check runs it as it is.")
        case TorchScriptFile(path):
            return load_torchscript(workspace / path, path)
        case TorchvisionModel(name):
            # Imported here: other models need not pay for it.
            from ptmobile.worker.loading.torchvision_models import build_torchvision_model  # noqa: PLC0415

            return build_torchvision_model(name, spec.model_args)
        case factory:
            return build_from_factory(factory, spec.model_args, workspace)


def _untrained(model: str) -> Notice:
    message = (
        f"{model} has random weights, because `weights` names no checkpoint: the file is good for a trial of the app, "
        "and the comparison proves less than with trained weights, since outputs may hardly depend on the input."
    )
    return Notice(level="warning", code="untrained", message=message)


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)  # the global generator, from which models draw
    torch.manual_seed(seed)
