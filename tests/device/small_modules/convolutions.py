"""Convolutions in all their shapes, and pooling."""

from __future__ import annotations

import torch
from torch import nn

from small_modules.entry import Family, real

IMAGE, VOLUME, ROW = real(1, 4, 10, 9), real(1, 4, 5, 6, 7), real(2, 4, 12)
PIXEL = real(1, 8, 1, 1)


class Given(nn.Module):
    """Its weights are an input."""

    def forward(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(x, weight, padding=1)


CONVOLUTIONS = Family("convolutions")
_add = CONVOLUTIONS.module
_add("conv1d", lambda: nn.Conv1d(4, 6, 3), ROW)
_add("conv1d, strided and dilated", lambda: nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2), ROW)
_add("conv1d, depthwise", lambda: nn.Conv1d(4, 4, 5, padding=2, groups=4), ROW)
_add("conv2d", lambda: nn.Conv2d(4, 8, 3), IMAGE, how="both")
_add("conv2d without bias", lambda: nn.Conv2d(4, 8, 3, bias=False), IMAGE)
_add("conv2d, strided", lambda: nn.Conv2d(4, 8, 5, stride=2, padding=2), IMAGE)
_add("conv2d, dilated", lambda: nn.Conv2d(4, 8, 3, dilation=2), IMAGE)
_add("conv2d, oblong kernel", lambda: nn.Conv2d(4, 8, (1, 5), padding=(0, 2)), IMAGE)
_add("conv2d, grouped", lambda: nn.Conv2d(4, 8, 3, groups=2), IMAGE)
_add("conv2d, depthwise", lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4), IMAGE)
_add("conv2d, padding same", lambda: nn.Conv2d(4, 8, 4, padding="same"), IMAGE, how="both")
_add("conv2d, reflecting padding", lambda: nn.Conv2d(4, 8, 3, padding=1, padding_mode="reflect"), IMAGE)
_add("conv2d, circular padding", lambda: nn.Conv2d(4, 8, 3, padding=1, padding_mode="circular"), IMAGE, how="both")
_add("conv2d, channels last", lambda: nn.Conv2d(4, 8, 3), IMAGE.contiguous(memory_format=torch.channels_last))
_add("conv2d of one image without batch", lambda: nn.Conv2d(4, 8, 3), IMAGE[0])
_add("conv2d in float64", lambda: nn.Conv2d(4, 8, 3).double(), IMAGE.double())
_add("conv2d 1x1", lambda: nn.Conv2d(4, 8, 1), IMAGE)
_add("conv2d 1x1 on four pixels", lambda: nn.Conv2d(8, 8, 1), real(1, 8, 2, 2))
_add("conv2d 1x1 on three pixels", lambda: nn.Conv2d(8, 8, 1), real(1, 8, 1, 3))
_add("conv2d 1x1 on one pixel", lambda: nn.Conv2d(8, 8, 1), PIXEL)
_add("conv2d 1x1 on one pixel, without bias", lambda: nn.Conv2d(8, 16, 1, bias=False), PIXEL)
_add("conv2d 1x1 on one pixel, batch of two", lambda: nn.Conv2d(8, 8, 1), real(2, 8, 1, 1))
_add("conv2d 1x1 on one pixel", lambda: nn.Conv2d(8, 8, 1), PIXEL, optimised=True)
_add("conv3d", lambda: nn.Conv3d(4, 6, 3), VOLUME)
_add("conv3d, strided", lambda: nn.Conv3d(4, 6, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)), VOLUME)
_add("transposed conv1d", lambda: nn.ConvTranspose1d(4, 6, 4, stride=2), ROW)
_add("transposed conv2d", lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1), IMAGE, how="both")
_add("transposed conv2d, grouped", lambda: nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2), IMAGE)
_add("transposed conv3d", lambda: nn.ConvTranspose3d(4, 3, 2, stride=2), VOLUME)
_add("conv2d, batch norm, relu", lambda: nn.Sequential(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU()), IMAGE)
_add("conv2d, batch norm, relu", lambda: nn.Sequential(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU()), IMAGE,
     how="both", optimised=True)  # fmt: skip
_add("conv2d and hardtanh", lambda: nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU6()), IMAGE, optimised=True)
_add("transposed conv2d", lambda: nn.ConvTranspose2d(4, 6, 2, stride=2), IMAGE, optimised=True)
_add("convolution with weights as input", Given, IMAGE, real(6, 4, 3, 3))
_add("im2col", lambda: nn.Unfold(3, padding=1), IMAGE)
_add("col2im", lambda: nn.Fold((4, 5), 2), real(1, 8, 12))

POOLING = Family("pooling")
_add = POOLING.module
_add("max pool 1d", lambda: nn.MaxPool1d(2), ROW)
_add("max pool 2d", lambda: nn.MaxPool2d(3, stride=2, padding=1), IMAGE, how="both")
_add("max pool 2d, rounded up", lambda: nn.MaxPool2d(2, ceil_mode=True), IMAGE)
_add("max pool 3d", lambda: nn.MaxPool3d(2), VOLUME)
_add("max pool with indices", lambda: nn.MaxPool2d(2, return_indices=True), IMAGE)
_add("average pool 1d", lambda: nn.AvgPool1d(2), ROW)
_add("average pool 2d", lambda: nn.AvgPool2d(3, padding=1, count_include_pad=False), IMAGE)
_add("average pool 2d with divisor", lambda: nn.AvgPool2d(2, divisor_override=3), IMAGE)
_add("average pool 3d", lambda: nn.AvgPool3d(2), VOLUME)
_add("adaptive average pool 1d", lambda: nn.AdaptiveAvgPool1d(3), ROW)
_add("adaptive average pool 2d to one pixel", lambda: nn.AdaptiveAvgPool2d(1), IMAGE, how="both")
_add("adaptive average pool 2d", lambda: nn.AdaptiveAvgPool2d((3, 2)), IMAGE)
_add("adaptive average pool 3d", lambda: nn.AdaptiveAvgPool3d(2), VOLUME)
_add("adaptive max pool 1d", lambda: nn.AdaptiveMaxPool1d(3), ROW)
_add("adaptive max pool 2d", lambda: nn.AdaptiveMaxPool2d((3, 2)), IMAGE)
_add("power-average pool", lambda: nn.LPPool2d(2, 2), IMAGE.abs())
POOLING.text("max unpool", """
    pooled, indices = F.max_pool2d(x, [2, 2], return_indices=True)
    return F.max_unpool2d(pooled, indices, [2, 2])
""", real(1, 4, 8, 8))  # fmt: skip
