"""Example inputs for torchvision models where none are given: the image size that their weights were made for."""

from __future__ import annotations

from typing import Any

from torchvision.models import get_model_weights

from ptmobile.errors import LoadError
from ptmobile.spec.conversion import ExampleInput
from ptmobile.spec.model_reference import TorchvisionModel, parse_model_reference

_DEFAULT_IMAGE = 224


def default_inputs(model: str) -> tuple[ExampleInput, ...]:
    """One RGB image of the crop size in the metadata of the model's weights; nothing is downloaded.

    Raises:
        LoadError: the model takes something else than one image, so inputs must be given.
    """
    reference = parse_model_reference(model)
    if not isinstance(reference, TorchvisionModel):
        raise LoadError(f"The model {model} needs example inputs.")
    transforms = _transforms(reference.name)
    module = str(getattr(getattr(transforms, "func", None), "__name__", ""))
    if module not in ("ImageClassification", "SemanticSegmentation"):
        raise LoadError(
            f"There are no default example inputs for torchvision:{reference.name}.",
            advice="Give `inputs`, one entry per argument of the model's forward.",
        )
    keywords = getattr(transforms, "keywords", {})
    size = int(keywords.get("crop_size") or keywords.get("resize_size") or _DEFAULT_IMAGE)
    return (ExampleInput(shape=(1, 3, size, size)),)


def _transforms(name: str) -> Any:
    weights = list(get_model_weights(name))
    return weights[0].transforms if weights else None
