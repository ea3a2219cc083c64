"""The models of torchvision, built small and so that a wrong number shows in their outputs.

As torchvision initialises them, a third of its models hardly reacts to its input: signals vanish layer by layer, heads
and residual branches start at zero. Here every layer is scaled once, on random images, so that what it puts out has
the size of one; batch normalisation gets the statistics that it then sees; what starts at zero does not.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchvision
from torch import nn

from ptmobile.worker.evidence.sensitive_weights import make_sensitive

SEED = 0
#: On the images of the trials themselves: on others the signals of deep networks may grow a thousandfold all the same,
#: and with them what rounding does.
CALIBRATION_SEEDS = (0, 1, 2)
IMAGE = 96  # pixels; in networks that divide by 32, the last layers see 3 x 3 of them
SCALED = (nn.modules.conv._ConvNd, nn.Linear)
NORMS = (nn.modules.batchnorm._BatchNorm, torchvision.ops.FrozenBatchNorm2d)
LAYER_SCALES = ("layer_scale", "gamma")
#: What detectors are asked for: a few dozen boxes. Of the thousands that they would keep of random scores, many pairs
#: have nearly the same score, and rounding decides which of the two comes first.
FEW_BOXES: dict[str, dict[str, Any]] = {
    "ssd": {"topk_candidates": 5, "detections_per_img": 10},
    "retinanet": {"topk_candidates": 20, "detections_per_img": 6},
    "fcos": {"topk_candidates": 20, "detections_per_img": 6},
    "": {
        "rpn_pre_nms_top_n_test": 50,
        "rpn_post_nms_top_n_test": 12,
        "box_detections_per_img": 6,
        "box_score_thresh": 0.02,
    },
}
#: The last layers of detectors, by the ends of their names, and how far each of their channels is to vary: scores that
#: differ and do not saturate, boxes that move a little.
HEADS = (
    (re.compile(r"(cls_logits|cls_score|classification_head\.module_list\.\d+(\.1)?)$"), 0.5),
    (re.compile(r"(bbox_pred|bbox_reg|bbox_ctrness|regression_head\.module_list\.\d+(\.1)?)$"), 0.1),
)


@dataclass(frozen=True)
class Recipe:
    """How a model is built and what it takes: shapes of its arguments, arguments of its builder."""

    shapes: tuple[tuple[int, ...], ...]
    arguments: dict[str, Any]


def kind_of(name: str) -> str:
    """A model's kind by torchvision's own packages."""
    packages = torchvision.models.get_model_builder(name).__module__.split(".")[2:-1]
    return packages[0] if packages else "classification"


def parameters_of(name: str) -> int:
    """The number of parameters by the metadata of its weights; 0 if it has none."""
    weights = list(torchvision.models.get_model_weights(name))
    return int(weights[0].meta["num_params"]) if weights else 0


def recipe_of(name: str) -> Recipe:
    """The smallest images that a model takes, or nearly so."""
    kind = kind_of(name)
    size = IMAGE
    arguments: dict[str, Any] = {}
    shapes: tuple[tuple[int, ...], ...] = ()
    if kind == "detection":
        size, arguments = 160, {} if name.startswith("ssd") else {"min_size": 160, "max_size": 160}
        arguments |= next(few for start, few in FEW_BOXES.items() if name.startswith(start))
    elif kind == "video":
        shapes = ((1, 3, 16, 224, 224) if name.startswith(("mvit", "s3d")) else (1, 3, 8, 64, 64),)
    elif kind == "optical_flow":
        shapes = ((1, 3, 128, 128),) * 2
    elif name.startswith("vit"):
        size = 98 if name == "vit_h_14" else IMAGE
        arguments = {"image_size": size}
    elif "inception" in name:
        size = 128
    elif name.startswith("maxvit"):
        size = 224
    return Recipe(shapes or ((1, 3, size, size),), arguments)


class OneImage(nn.Module):
    """A detector of lists of images, as one that takes one image and gives the tensors of its only answer."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Boxes, labels, scores and what else the detector gives."""
        return tuple(self.detector([image[0]])[0].values())


def build(name: str) -> nn.Module:
    """A model in eval mode with seeded weights under which it reacts to its input: every layer scaled to one."""
    return _built(name, _scale)


def build_sensitive(name: str) -> nn.Module:
    """The same with the weights of a sharper second look in a run: what was plainly never trained made telling."""

    def prepare(model: nn.Module, images: tuple[torch.Tensor, ...]) -> None:
        make_sensitive(model, images)

    return _built(name, prepare)


def _built(name: str, prepare: Callable[[nn.Module, tuple[Any, ...]], None]) -> nn.Module:
    torch.manual_seed(SEED)
    recipe, kind = recipe_of(name), kind_of(name)
    arguments: dict[str, Any] = {"weights": None, **recipe.arguments}
    if kind in ("detection", "segmentation"):
        arguments["weights_backbone"] = None
    if kind == "quantization":
        torch.backends.quantized.engine = "qnnpack"
        arguments["quantize"] = False
    if name.removeprefix("quantized_") in ("googlenet", "inception_v3"):
        arguments["init_weights"] = True
    model: nn.Module = torchvision.models.get_model_builder(name)(**arguments).eval()
    images = tuple(map(torch.cat, zip(*(inputs(name, seed) for seed in CALIBRATION_SEEDS), strict=True)))
    if kind == "detection":
        prepare(model, (list(images[0]),))
        _scale_heads(model, list(images[0]))
        return OneImage(model).eval()
    prepare(model, images)
    return _quantise(model, images) if kind == "quantization" else model


def inputs(name: str, seed: int) -> tuple[torch.Tensor, ...]:
    """Arguments of a model: images with large and small structures, not noise alone, which is much alike everywhere."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(_image(shape, generator) for shape in recipe_of(name).shapes)


def _image(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    coarse = torch.randn(*shape[:2], *(4,) * len(shape[2:]), generator=generator)
    mode = "trilinear" if len(shape) == 5 else "bilinear"
    smooth = nn.functional.interpolate(coarse, size=shape[2:], mode=mode, align_corners=False)
    image: torch.Tensor = (smooth + 0.3 * torch.randn(shape, generator=generator)).contiguous()
    return image


def _scale(model: nn.Module, images: tuple[Any, ...]) -> None:
    """One run in which every layer is brought to outputs of the size of one before the next one sees them."""
    for name, parameter in model.named_parameters():
        if name.rpartition(".")[2] in LAYER_SCALES:
            nn.init.uniform_(parameter, 0.3, 0.7)
        elif parameter.dim() > 1 and not parameter.any():
            nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
    handles = []
    for module in model.modules():
        if isinstance(module, SCALED):
            handles.append(module.register_forward_hook(_first_only(_bring_to_one)))  # type: ignore[arg-type]
        elif isinstance(module, NORMS):
            handles.append(module.register_forward_pre_hook(_first_only(_take_statistics)))  # type: ignore[arg-type]
            nn.init.normal_(module.weight, 0.5, 0.1)
            nn.init.normal_(module.bias, 0.0, 0.1)
    with torch.no_grad():
        model(*images)
    for handle in handles:
        handle.remove()


def _scale_heads(detector: nn.Module, images: list[torch.Tensor]) -> None:
    """Bring each channel of the last layers of a detector to a mean of zero and the spread that ``HEADS`` says."""
    spreads = {
        layer: spread
        for name, layer in detector.named_modules()
        for pattern, spread in HEADS
        if isinstance(layer, SCALED) and pattern.search(name)
    }
    for _ in range(2):  # the second heads see what the first ones propose
        seen: dict[Any, list[torch.Tensor]] = defaultdict(list)

        def note(layer: Any, _: Any, output: torch.Tensor, seen: dict[Any, list[torch.Tensor]] = seen) -> None:
            seen[layer].append(output.transpose(0, 1).flatten(1))

        handles = [layer.register_forward_hook(note) for layer in spreads]
        with torch.no_grad():
            detector(images)
            for layer, outputs in seen.items():
                channels = torch.cat(outputs, 1)
                spread = spreads[layer] / channels.std(1).clamp_min(1e-12)
                layer.weight.mul_(spread.reshape(-1, *(1,) * (layer.weight.dim() - 1)))
                layer.bias.sub_(channels.mean(1)).mul_(spread)
        for handle in handles:
            handle.remove()


def _first_only(act: Callable[..., torch.Tensor | None]) -> Callable[..., torch.Tensor | None]:
    """A hook that acts on the first call of a module only: some are called several times with one weight."""
    called = False

    def hook(*arguments: Any) -> torch.Tensor | None:
        nonlocal called
        first, called = not called, True
        return act(*arguments) if first else None

    return hook


def _bring_to_one(module: Any, _: Any, output: torch.Tensor) -> torch.Tensor:
    size = output.std() if output.numel() > 1 else output.abs().mean()
    if not torch.isfinite(size) or size < 1e-12:
        return output
    module.weight.div_(size)
    if module.bias is not None:
        module.bias.div_(size)
    return output / size


def _take_statistics(module: Any, given: tuple[torch.Tensor, ...]) -> None:
    """Mean and variance of each channel as they are now; never so small a variance that noise is blown up."""
    channels = given[0].transpose(0, 1).flatten(1)
    # Half of the mean only: where it is much larger than the spread, taking all of it away leaves rounding errors.
    module.running_mean.copy_(channels.mean(1) / 2)
    module.running_var.copy_(
        (channels - module.running_mean[:, None]).square().mean(1) + 0.01 * channels.square().mean()
    )


def _quantise(model: nn.Module, images: tuple[torch.Tensor, ...]) -> nn.Module:
    """Quantised statically, as torchvision does it for phones; observed on the same images."""
    model.qconfig = torch.ao.quantization.QConfig(
        activation=torch.ao.quantization.default_observer, weight=torch.ao.quantization.default_weight_observer
    )
    model.fuse_model(is_qat=False)  # type: ignore[operator]
    torch.ao.quantization.prepare(model, inplace=True)
    with torch.no_grad():
        model(*images)
    quantised: nn.Module = torch.ao.quantization.convert(model, inplace=True)
    return quantised


def all_models() -> list[str]:
    """All models of torchvision, small ones first."""
    return sorted(torchvision.models.list_models(), key=lambda name: (parameters_of(name), name))
