"""Models that agree with their files on lucky inputs only, or that change what they are given."""

import ctypes

import torch
from torch import Tensor, nn


class DeadReLU(nn.Module):
    """Its bias keeps every ordinary input below zero."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        nn.init.constant_(self.linear.bias, -50.0)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.linear(x))


class FailsAtTheThirdRun(nn.Module):
    """Dies of a segmentation fault at its third call."""

    def __init__(self):
        super().__init__()
        self.calls = [0]

    def forward(self, x: Tensor) -> Tensor:
        self.calls[0] += 1
        if self.calls[0] == 3:
            ctypes.string_at(0)
        return x * 2


class Overflows(nn.Module):
    """The exponential of a large number is infinite, and infinity less itself is no number."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(x) - torch.exp(x).mean()


class CountsInAttribute(nn.Module):
    """Keeps state in a plain attribute; tracing writes its value down."""

    def __init__(self):
        super().__init__()
        self.calls: int = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x * self.calls


class InPlaceReLU(nn.Module):
    """An in-place function on its own input."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(x) * 2


class Branch(nn.Module):
    """One branch computes x*2, the other x-1: a trace keeps the first that it sees."""

    def forward(self, x: Tensor) -> Tensor:
        if bool(x.mean() > 0.5):
            return x * 2
        return x - 1


class BakedBatch(nn.Module):
    """Its batch size becomes a number in the trace."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).reshape(int(x.shape[0]), 3)


class BakedImage(nn.Module):
    """A loop over the rows of an image, written down by the trace."""

    def forward(self, x: Tensor) -> Tensor:
        total = torch.zeros(x.shape[0], x.shape[1])
        for row in range(x.shape[2]):
            total = total + x[:, :, row].mean(-1) * (row + 1)
        return total


class ZeroHead(nn.Module):
    """A fresh network whose head is zero, as transformers begin."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Linear(6, 4)
        nn.init.zeros_(self.conv.bias)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.norm(self.conv(x))).mean((2, 3)))


class HiddenBranch(nn.Module):
    """A branch on a value, whose outcome a head of zeros hides."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3, bias=False)
        nn.init.zeros_(self.head.weight)

    def forward(self, x: Tensor) -> Tensor:
        if bool(x.mean() > 0.5):
            return self.head(x * 2)
        return self.head(x - 1)
