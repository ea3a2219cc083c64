"""A small network that reads one hand-drawn digit of 28 x 28 pixels: the example of a model of your own."""

import torch
from torch import nn


class ConvBlock(nn.Module):
    """Convolution, batch normalisation, ReLU6. The convolution needs no bias: the normalisation has one."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.activation = nn.ReLU6()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.norm(self.conv(x)))


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to their input, weighted by channel (squeeze and excitation)."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.excite = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // 4, kernel_size=1),
            nn.ReLU(),
            nn.Conv2d(channels // 4, channels, kernel_size=1),
            nn.Sigmoid(),
        )
        self.activation = nn.ReLU6()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.second(self.first(x))
        return self.activation(x + y * self.excite(y))


class DigitNet(nn.Module):
    """Images ``[N, 1, 28, 28]`` with values from 0 to 1 in, one score per class out: ``[N, classes]``."""

    def __init__(self, classes: int = 10, width: int = 16, dropout: float = 0.2):
        super().__init__()
        self.features = nn.Sequential(
            ConvBlock(1, width, stride=2),
            ResidualBlock(width),
            ConvBlock(width, 2 * width, stride=2),
            ResidualBlock(2 * width),
            nn.AdaptiveAvgPool2d(1),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x).flatten(1)
        return self.head(self.dropout(x))
