"""``torchvision:NAME``: a builder of torchvision, without its downloads."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
import torchvision

from ptmobile.errors import LoadError
from ptmobile.spec.problems import shown, suggestion
from ptmobile.worker.loading.user_code import describe

ADVICE = "Put a checkpoint file into the workspace and name it in `weights`: nothing is downloaded."
# `pretrained` and `pretrained_backbone` are the names before torchvision 0.13.
_WEIGHTS_ARGUMENTS = ("weights", "weights_backbone", "pretrained", "pretrained_backbone")


def build_torchvision_model(name: str, arguments: Mapping[str, Any] | list[Any]) -> torch.nn.Module:
    """Build a model with freshly initialised weights.

    Raises:
        LoadError: torchvision has no such model, the arguments ask for pretrained weights, or the builder refuses them.
    """
    names = torchvision.models.list_models()
    if name.lower() not in names:
        raise LoadError(
            f"torchvision {torchvision.__version__.partition('a')[0]} has no model {name!r}"
            f"{suggestion(name.lower(), names)}",
            advice=f"It has {len(names)}, among them {', '.join(names[::12])}; all are listed in torchvision's "
            "documentation under Models and pre-trained weights.",
        )
    builder = torchvision.models.get_model_builder(name.lower())
    keywords = _without_pretrained(arguments, name)
    for argument in ("weights", "weights_backbone"):
        # Left out, weights_backbone is a pretrained backbone in the models for segmentation and detection.
        if argument in inspect.signature(builder).parameters:
            keywords[argument] = None
    try:
        model = builder(**keywords)
    except LoadError:
        raise
    except Exception as error:
        raise LoadError(
            f"torchvision:{name} cannot be built with the model-args {shown(dict(arguments))}: {describe(error)}"
        ) from error
    assert isinstance(model, torch.nn.Module)  # noqa: S101 - for the type checker: torchvision registers only builders
    return model


def _without_pretrained(arguments: Mapping[str, Any] | list[Any], name: str) -> dict[str, Any]:
    """The arguments without those for weights, which may only say that there are none."""
    if not isinstance(arguments, Mapping):
        if arguments:
            raise LoadError(
                "`model-args` is a list, but torchvision's builders take their arguments by name",
                advice="Write a mapping, such as {num_classes: 10}.",
            )
        return {}
    for argument in _WEIGHTS_ARGUMENTS:
        value = arguments.get(argument)
        if value:
            raise LoadError(
                f"`model-args` asks torchvision:{name} for pretrained weights: {argument}={shown(value)}", advice=ADVICE
            )
    return {key: value for key, value in arguments.items() if key not in _WEIGHTS_ARGUMENTS}
