"""Small networks with the blocks of well-known ones."""

# ruff: noqa: UP006, UP035 - TorchScript of torch 1.13 reads these annotations, and no newer ones

from __future__ import annotations

from typing import Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.mobilenetv2 import InvertedResidual
from torchvision.models.resnet import BasicBlock
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.models.vision_transformer import VisionTransformer
from torchvision.ops import MLP, Conv2dNormActivation, SqueezeExcitation

from small_modules.entry import Family, real, whole

IMAGE = real(1, 3, 32, 32)


class UNet(nn.Module):
    """One step down, one up, and what is carried over."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, padding=1)
        self.deep = nn.Conv2d(4, 4, 3, padding=1)
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.out = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.down(x))
        y = self.up(F.relu(self.deep(F.max_pool2d(x, 2))))
        return torch.sigmoid(self.out(torch.cat([x, y], 1)))


class Detector(nn.Module):
    """The decoding of a one-stage detector: a grid of cells, boxes, the best of them."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 5, 1)

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
        y = self.head(x)
        rows, columns = torch.meshgrid(torch.arange(y.size(2)), torch.arange(y.size(3)), indexing="ij")
        centres = torch.stack([columns, rows]) + torch.sigmoid(y[:, :2])
        boxes = torch.cat([centres, torch.exp(y[:, 2:4])], 1).flatten(2)
        scores, best = torch.topk(torch.sigmoid(y[:, 4]).flatten(1), 5)
        return scores, boxes.gather(2, best.unsqueeze(1).expand(-1, 4, -1))


class Keypoints(nn.Module):
    """The centre of mass of a heat map."""

    def forward(self, x: Tensor) -> Tensor:
        weights = x.flatten(2).softmax(-1).view_as(x)
        rows = torch.linspace(-1, 1, x.size(2))
        columns = torch.linspace(-1, 1, x.size(3))
        return torch.stack([(weights.sum(3) * rows).sum(2), (weights.sum(2) * columns).sum(2)], -1)


class Spectrogram(nn.Module):
    """The front end of speech models: short-time Fourier transform, mel bands, logarithm."""

    def __init__(self, *, complex_valued: bool) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(32))
        self.register_buffer("bands", torch.rand(17, 8))
        self.complex_valued = complex_valued

    def forward(self, x: Tensor) -> Tensor:
        y = torch.stft(x, 32, 8, window=self.window, return_complex=self.complex_valued)
        power = y.abs().pow(2) if self.complex_valued else y.pow(2).sum(-1)
        return torch.log(power.transpose(1, 2) @ self.bands + 1e-6)


class Speech(nn.Module):
    """Convolutions with group norm and GELU over raw sound, then a gated depthwise convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(1, 8, 10, stride=5), nn.GroupNorm(4, 8), nn.GELU())
        self.gate = nn.Sequential(nn.Conv1d(8, 16, 1), nn.GLU(1), nn.Conv1d(8, 8, 3, padding=1, groups=8), nn.SiLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(self.first(x.unsqueeze(1)))


class Reading(nn.Module):
    """Convolutions, then an LSTM over columns: text recognition."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.lstm = nn.LSTM(64, 6, bidirectional=True)
        self.out = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x).permute(3, 0, 1, 2).flatten(2)
        return self.out(self.lstm(y)[0]).log_softmax(2)


class Language(nn.Module):
    """Embeddings, positions, one encoder layer, scores of the next word."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 8)
        self.positions = nn.Embedding(10, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")
        self.out = nn.Linear(8, 20)

    def forward(self, x: Tensor) -> Tensor:
        positions = torch.arange(x.size(1)).unsqueeze(0)
        return self.out(self.layer(self.words(x) + self.positions(positions)))


class Graph(nn.Module):
    """A graph convolution: messages along edges, summed at their ends."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 6)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        messages = self.linear(x)[edges[0]]
        degree = torch.zeros(x.size(0)).index_add_(0, edges[1], torch.ones(edges.size(1)))
        return torch.zeros(x.size(0), 6).index_add_(0, edges[1], messages) / degree.clamp(min=1).unsqueeze(1)


class Generator(nn.Module):
    """From a vector to an image."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4 * 4 * 8)
        self.up = nn.Sequential(
            nn.BatchNorm2d(8), nn.Upsample(scale_factor=2), nn.Conv2d(8, 4, 3, padding=1), nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.linear(x).unflatten(1, (8, 4, 4)))


class Stylised(nn.Module):
    """Style transfer: reflecting padding, instance norm, nearest upsampling."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(2), nn.Conv2d(3, 4, 5), nn.InstanceNorm2d(4, affine=True), nn.ReLU(),
            nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), nn.Conv2d(4, 3, 3),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Recommending(nn.Module):
    """Bags of embeddings, and their products."""

    def __init__(self) -> None:
        super().__init__()
        self.people = nn.Embedding(10, 4)
        self.things = nn.EmbeddingBag(20, 4)

    def forward(self, person: Tensor, things: Tensor) -> Tensor:
        return torch.sigmoid((self.people(person) * self.things(things)).sum(-1))


def _vit() -> nn.Module:
    model = VisionTransformer(32, 8, 2, 2, 32, 64, num_classes=10)
    nn.init.normal_(model.heads.head.weight)
    return model


MODELS = Family("small models")
_add = MODELS.module
_add("residual block", lambda: BasicBlock(3, 3), IMAGE, how="both")
_add("residual block", lambda: BasicBlock(3, 3), IMAGE, optimised=True)
_add("inverted residual", lambda: InvertedResidual(3, 3, 1, 2), IMAGE, how="both")
_add("inverted residual", lambda: InvertedResidual(3, 3, 1, 2), IMAGE, optimised=True)
_add("squeeze and excitation", lambda: SqueezeExcitation(3, 8), IMAGE)
_add("squeeze and excitation", lambda: SqueezeExcitation(3, 8), IMAGE, optimised=True)
_add("convolution with SiLU", lambda: Conv2dNormActivation(3, 8, activation_layer=nn.SiLU), IMAGE, optimised=True)
_add("perceptron", lambda: MLP(8, [16, 4], dropout=0.1), real(2, 8), how="both")
_add("segmentation by U-Net", UNet, IMAGE, how="both")
_add("segmentation by U-Net", UNet, IMAGE, optimised=True)
_add("decoding of a detector", Detector, real(1, 3, 4, 5), how="both")
_add("key points of heat maps", Keypoints, real(1, 2, 6, 5), how="both")
_add("spectrogram of real numbers", lambda: Spectrogram(complex_valued=False), real(1, 128), how="both")
_add("spectrogram of complex numbers", lambda: Spectrogram(complex_valued=True), real(1, 128), how="both")
_add("speech features", Speech, real(1, 160), how="both")
_add("text recognition", Reading, IMAGE, how="both")
_add("language model", Language, whole(1, 7))
_add("graph convolution", Graph, real(5, 4), whole(2, 7, high=5), how="both")
_add("generator", Generator, real(1, 6), how="both")
_add("style transfer", Stylised, IMAGE, how="both")
_add("recommendation", Recommending, whole(2), whole(2, 5), how="both")
_add("ViT", _vit, IMAGE, how="both")
_add("ViT", _vit, IMAGE, optimised=True)
_add("Swin", lambda: SwinTransformer([4, 4], 16, [2], [2], [4, 4], num_classes=5), IMAGE, how="both")
_add(
    "ConvNeXt",
    lambda: ConvNeXt([CNBlockConfig(16, 16, 1), CNBlockConfig(16, None, 1)], num_classes=5),
    IMAGE,
    how="both",
)
