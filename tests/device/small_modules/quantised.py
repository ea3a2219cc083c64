"""Quantised networks, by PyTorch's eager-mode quantisation with QNNPACK."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.ao import quantization as tq

from small_modules.entry import Family, real
from small_modules.sequences import Over

IMAGE, TABLE, WORDS = real(1, 4, 9, 8), real(3, 8), real(2, 5, 8)


class Adding(nn.Module):
    """A block with a shortcut: sum and concatenation of quantised tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.sum = torch.ao.nn.quantized.FloatFunctional()
        self.join = torch.ao.nn.quantized.FloatFunctional()

    def forward(self, x: Tensor) -> Tensor:
        return self.join.cat([self.sum.add_relu(self.conv(x), x), x], 1)


# Minima and maxima: the default's search for the best range takes longer than all the rest.
_QCONFIG = tq.QConfig(activation=tq.MinMaxObserver.with_args(reduce_range=False), weight=tq.default_weight_observer)


def static(make: Callable[[], nn.Module], sample: Tensor) -> Callable[[], nn.Module]:
    """A network quantised after it has seen a sample."""

    def quantised() -> nn.Module:
        torch.backends.quantized.engine = "qnnpack"
        model = tq.QuantWrapper(make()).eval()
        if fused := _to_fuse(model.module):
            tq.fuse_modules(model.module, fused, inplace=True)
        model.qconfig = _QCONFIG
        tq.prepare(model, inplace=True)
        model(sample)
        return tq.convert(model)

    return quantised


def _to_fuse(module: nn.Module) -> list[str]:
    kinds = [(name, type(child)) for name, child in module.named_children()]
    wanted = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    return [name for name, _ in kinds[:3]] if [kind for _, kind in kinds[:3]] == wanted else []


def dynamic(make: Callable[[], nn.Module], *kinds: type[nn.Module]) -> Callable[[], nn.Module]:
    """A network whose weights are quantised, and whose activations are when it runs."""

    def quantised() -> nn.Module:
        torch.backends.quantized.engine = "qnnpack"
        return tq.quantize_dynamic(copy.deepcopy(make()).eval(), set(kinds), torch.qint8)

    return quantised


def embedding() -> nn.Module:
    """A table of quantised rows, whose sums are looked up."""
    model = nn.EmbeddingBag(10, 4, mode="sum", include_last_offset=True).eval()
    model.qconfig = tq.float_qparams_weight_only_qconfig
    return tq.convert(tq.prepare(nn.Sequential(model)))[0]


def _block() -> nn.Module:
    return nn.Sequential(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU())


def _classifier() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    )


QUANTISED = Family("quantised")
_add = QUANTISED.module
_add("static convolution", static(lambda: nn.Conv2d(4, 8, 3), IMAGE), IMAGE, how="both")
_add("static depthwise convolution", static(lambda: nn.Conv2d(4, 4, 3, groups=4), IMAGE), IMAGE)
_add("static 1x1 convolution on one pixel", static(lambda: nn.Conv2d(8, 8, 1), real(1, 8, 1, 1)), real(1, 8, 1, 1))
_add("static transposed convolution", static(lambda: nn.ConvTranspose2d(4, 4, 2, stride=2), IMAGE), IMAGE)
_add("static fused convolution", static(_block, IMAGE), IMAGE, how="both")
_add("static fused convolution", static(_block, IMAGE), IMAGE, optimised=True)
_add("static linear", static(lambda: nn.Linear(8, 4), TABLE), TABLE, how="both")
_add("static sum and concatenation", static(Adding, IMAGE), IMAGE)
_add("static pooling", static(lambda: nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(2)), IMAGE), IMAGE)
_add("static interpolation", static(lambda: nn.Upsample(scale_factor=2), IMAGE), IMAGE)
_add("static hardswish", static(lambda: nn.Sequential(nn.Conv2d(4, 4, 1), nn.Hardswish()), IMAGE), IMAGE)
_add("static leaky relu", static(lambda: nn.Sequential(nn.Conv2d(4, 4, 1), nn.LeakyReLU()), IMAGE), IMAGE)
_add("static sigmoid", static(lambda: nn.Sequential(nn.Conv2d(4, 4, 1), nn.Sigmoid()), IMAGE), IMAGE)
_add("static layer norm", static(lambda: nn.LayerNorm(8), TABLE), TABLE)
_add("static classifier", static(_classifier, IMAGE), IMAGE, how="both")
_add("dynamic linear", dynamic(lambda: nn.Linear(8, 4), nn.Linear), TABLE, how="both")
_add("dynamic LSTM", dynamic(lambda: Over(nn.LSTM(8, 6)), nn.LSTM), WORDS, how="both")
_add("dynamic GRU", dynamic(lambda: nn.GRU(8, 6), nn.GRU), WORDS)
_add("dynamic LSTM cell", dynamic(lambda: nn.LSTMCell(8, 6), nn.LSTMCell), WORDS[0])
_add("bag of embeddings", embedding, torch.tensor([1, 4, 3, 9]), torch.tensor([0, 3, 4]))
QUANTISED.texts(
    TABLE,
    there_and_back="torch.quantize_per_tensor(x, 0.1, 10, torch.quint8).dequantize()",
    per_channel="torch.quantize_per_channel(x, torch.ones(3) / 9, torch.zeros(3), 0, torch.qint8).dequantize()",
    integers="torch.quantize_per_tensor(x, 0.1, 10, torch.quint8).int_repr()",
    pretended="torch.fake_quantize_per_tensor_affine(x, 0.1, 10, 0, 255)",
    dynamic_range="torch.quantize_per_tensor_dynamic(x, torch.quint8, False).dequantize()",
    quantised_output="torch.quantize_per_tensor(x, 0.1, 10, torch.quint8)",
)
