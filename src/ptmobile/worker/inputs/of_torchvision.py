"""Example inputs for torchvision models where none are given: the sizes that their weights were made for."""

from __future__ import annotations

from typing import Any

from torchvision.models import get_model_builder, get_model_weights

from ptmobile.errors import LoadError
from ptmobile.spec.conversion import ExampleInput
from ptmobile.spec.model_reference import TorchvisionModel, parse_model_reference

_DEFAULT_IMAGE = 224
# Detectors bring every image to a size of their own (800 pixels for most), so this one matters little.
_DETECTED = 320
_DETECTED_BY = {"ssd300_vgg16": 300}
_FRAMES = 16


def default_inputs(model: str) -> tuple[ExampleInput, ...]:
    """What the model takes, by the metadata of its weights; nothing is downloaded.

    One RGB image; for detectors a list of one with values from 0 to 1; two images for optical flow; a clip for videos.

    Raises:
        LoadError: the model is none of torchvision's, or takes something else, so inputs must be given.
    """
    reference = parse_model_reference(model)
    if not isinstance(reference, TorchvisionModel):
        raise LoadError(f"The model {model} needs example inputs.")
    name = reference.name.lower()
    keywords: dict[str, Any] = getattr(_transforms(name), "keywords", {})
    size: Any = keywords.get("crop_size") or keywords.get("resize_size") or _DEFAULT_IMAGE
    match _kind(name):
        case "detection":
            side = _DETECTED_BY.get(name, _DETECTED)
            return (ExampleInput(shape=(3, side, side), range=(0.0, 1.0), list_of=1),)
        case "optical_flow":
            width, height = _metadata(name).get("min_size", (128, 128))
            return (ExampleInput(shape=(1, 3, int(height), int(width))),) * 2
        case "video":
            return (ExampleInput(shape=(1, 3, _FRAMES, *map(int, size))),)
        case _:
            return (ExampleInput(shape=(1, 3, int(size), int(size))),)


def _kind(name: str) -> str:
    """The package of torchvision that a model is in: ``detection``, ``video``, ...; empty for image classifiers."""
    try:
        packages = get_model_builder(name).__module__.split(".")[2:-1]
    except ValueError as error:
        raise LoadError(
            f"There are no default example inputs for torchvision:{name}.",
            advice="Give `inputs`, one entry per argument of the model's forward.",
        ) from error
    return packages[0] if packages else ""


def _transforms(name: str) -> Any:
    weights = list(get_model_weights(name))
    return weights[0].transforms if weights else None


def _metadata(name: str) -> dict[str, Any]:
    weights = list(get_model_weights(name))
    return dict(weights[0].meta) if weights else {}
