"""Models whose parameters are not ready."""

import torch
from torch import nn


class Meta(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(2, 2, device="meta")


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.LazyLinear(2)


class NoSuperInit(nn.Module):
    def __init__(self):
        self.__dict__["size"] = 3


def inference_mode():
    with torch.inference_mode():
        return nn.Linear(2, 2)


def weight_norm():
    return nn.utils.weight_norm(nn.Linear(2, 2))
