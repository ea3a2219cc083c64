"""Models on which one of the roads to a file fails, or leads astray."""

import os
import signal
from typing import List

import torch
from torch import Tensor, nn


class TrainedNorm(nn.Module):
    """Convolutions without bias before batch normalisations whose statistics are those of a trained model.

    Traced and optimised without being frozen first, it is miscompiled silently.
    """

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 4, 3, bias=False),
            nn.BatchNorm2d(4),
        )
        random = torch.Generator().manual_seed(1)
        for part in self.body:
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.copy_(torch.randn(part.num_features, generator=random))
                part.running_var.copy_(torch.rand(part.num_features, generator=random) + 0.5)
                nn.init.normal_(part.weight)
                nn.init.normal_(part.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class PerSample(nn.Module):
    """A loop over the batch: tracing writes its length down."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        rows: List[Tensor] = []
        for i in range(x.shape[0]):
            rows.append(self.head(x[i]) * (i + 1))
        return torch.stack(rows)


class FixedView(nn.Module):
    """A size that is a Python number while tracing: the trace fails on any other."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(int(x.shape[0]), 2, 2)


class ScriptedOtherwise(nn.Module):
    """Computes something else once it is scripted."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            return x * 2 + 1
        return x * 2


class TracedOtherwise(nn.Module):
    """A branch on a value: tracing keeps the one that the first input takes."""

    def forward(self, x: Tensor) -> Tensor:
        if bool(x.sum() > 0):
            return x * 2
        return x - 1


class NotScriptable(nn.Module):
    def forward(self, x):
        return sum(y for y in x.unbind(0) if y is not None)


class NotTraceable(nn.Module):
    """Plain numbers are no output of a trace."""

    def forward(self, x: Tensor) -> int:
        return int(x.sum() * 100)


class NoRoad(nn.Module):
    def forward(self, x):
        return {"sum": sum(y for y in x.unbind(0) if y is not None), "count": 3}


class Hoisted(nn.Module):
    """Convolutions of different widths in the branches of an `if`, as in torchvision's feature pyramids.

    ``optimize_for_mobile`` takes the convolutions out of the branches, so that both run on every input, and XNNPACK
    does not check the number of channels: the wide one reads hundreds of megabytes beyond the end of a narrow image.
    """

    def __init__(self):
        super().__init__()
        self.narrow = nn.Conv2d(4, 4, 1)
        self.wide = nn.Conv2d(2048, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] == 4:
            y = self.narrow(x)
        else:
            y = self.wide(x)
        return y.mean((2, 3))


class CrashesTraced(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_tracing():
            self.fall()
        return x * 2

    @torch.jit.unused
    def fall(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class HangsTraced(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_tracing():
            self.wait()
        return x * 2

    @torch.jit.unused
    def wait(self) -> None:
        while True:
            signal.pause()


class Methods(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x)

    @torch.jit.export
    def features(self, x: Tensor) -> Tensor:
        return x * 3

    @torch.jit.export
    def deeper(self, x: Tensor) -> Tensor:
        return self.head(x) * 2

    @torch.jit.export
    def labels(self) -> List[str]:
        return ["cat", "dog"]


class Blocks(nn.Module):
    """Has work for every pass of ``optimize_for_mobile``."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout()
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm(self.conv(x))).mean((2, 3))
        return self.head(self.dropout(y))
