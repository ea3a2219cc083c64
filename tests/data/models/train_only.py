"""Models that cannot be brought into evaluation mode."""

import torch
from torch import nn


class TrainOnly(nn.Module):
    def eval(self):
        raise NotImplementedError("this network can only be trained")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class IgnoresEval(nn.Module):
    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def train(self, mode: bool = True):
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dropout(x)


class ForgetsChildren(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(2)

    def train(self, mode: bool = True):
        self.training = mode
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x)
