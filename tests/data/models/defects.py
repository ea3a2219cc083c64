"""Models that meet a known defect of torch 1.13, XNNPACK or the lite interpreter."""

from typing import Any, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class InPlaceOnLinear(nn.Module):
    """The output of a linear layer is changed in place after it was read: prepacked, it is read too late."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        before = y * 2
        y += 1
        functional.relu_(y)
        return self.second(y) + before.sum()


class BrainFloat(nn.Module):
    """XNNPACK computes in float32 only."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3).bfloat16()

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class SamePadding(nn.Module):
    """Scripted, the padding is a text, which the prepacking pass cannot read."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding="same")

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Conv(nn.Module):
    """Eager checks the number of channels and the size of the image; prepacked, nothing does."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).relu()


class NanWeight(nn.Module):
    """XNNPACK's clamp turns NaN into a number."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)
        with torch.no_grad():
            self.head.weight[0, 0] = float("nan")

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x)


class NoGrad(nn.Module):
    """Bytecode has no `with`."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            y = self.head(x)
        if bool((x.sum() > 0).item()):
            with torch.no_grad():
                y = y + 1
        return y


@torch.jit.script
class Manager:
    def __init__(self, n: int):
        self.n = n

    def __enter__(self):
        self.n += 1

    def __exit__(self, type: Any, value: Any, tb: Any) -> None:
        pass


class OwnManager(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        with Manager(1):
            y = x * 2
        return y


class TwoNames(nn.Module):
    """One parameter under two names of a module, which tracing refuses."""

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.arange(4.0))
        self.two = self.one

    def forward(self, x: Tensor) -> Tensor:
        return x * self.one + self.two


class StaysInTraining(nn.Module):
    """Stays in training mode whatever is asked."""

    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def train(self, mode: bool = True):
        return super().train(True)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(x)


class AlwaysDropping(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x, 0.5, True)


class SmallBesideLarge(nn.Module):
    """Scripted, the small output is another one; the large one would hide it from a tolerance that both share."""

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
        small = x * 1e-4
        if torch.jit.is_scripting():
            small = small * 1.01
        return x * 1e6, small


class OneSidedNan(nn.Module):
    """Scripted, one element is NaN where the eager model has zero."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        y[0, 0] = 0.0
        if torch.jit.is_scripting():
            y[0, 0] = float("nan")
        return y


class NotForJava(nn.Module):
    """Booleans and half precision, of which the Java API has no tensors."""

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
        return x > 0, (x * 2).half()


def lstm():
    """Scripted by itself, it exports a method with a class that the lite interpreter does not know."""
    return nn.LSTM(4, 3)
