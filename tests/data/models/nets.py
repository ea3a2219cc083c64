"""Small models that are as they should be."""

import torch
from torch import nn


class TinyNet(nn.Module):
    """Convolution without bias and batch normalisation, as in most networks."""

    def __init__(self, classes: int = 3, width: int = 4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.norm(self.conv(x))).mean((2, 3)))


class Stateless(nn.Module):
    """A module whose class defines no state and no __init__."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2


class Dropping(nn.Module):
    """Depends on eval() although it has no parameters."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(x, 0.5, self.training)


class FrozenNorm(TinyNet):
    """Overrides train() in the usual, harmless way."""

    def train(self, mode: bool = True):
        super().train(mode)
        self.norm.eval()
        return self


class Wrapped(nn.Module):
    """Its own submodule is called module, as DataParallel's is."""

    def __init__(self):
        super().__init__()
        self.module = TinyNet()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.module(x)


class RenamesOldKeys(TinyNet):
    """Loads checkpoints of an older version of itself, in which the head had another name."""

    def _load_from_state_dict(self, state_dict, prefix, *args):
        for name in ("weight", "bias"):
            if prefix + "fc." + name in state_dict:
                state_dict[prefix + "head." + name] = state_dict.pop(prefix + "fc." + name)
        super()._load_from_state_dict(state_dict, prefix, *args)


class Registry:
    """A namespace with a factory in it."""

    @staticmethod
    def build(classes: int = 2) -> nn.Module:
        return TinyNet(classes)


def make(classes: int = 3, *, width: int = 4) -> nn.Module:
    return TinyNet(classes, width)


def parallel() -> nn.Module:
    return nn.DataParallel(TinyNet())


def scripted() -> nn.Module:
    return torch.jit.script(TinyNet())


ready = TinyNet()
number = 3
