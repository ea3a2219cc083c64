"""Models that return something else than one tensor."""

from collections import OrderedDict
from typing import Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn


class Nested(nn.Module):
    def forward(self, x: Tensor) -> Tuple[Tensor, Tuple[Tensor, Tensor], List[Tensor]]:
        return x + 1, (x * 2, x.sum()), [x - 1, x.mean(0)]


class Named(nn.Module):
    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        return {"logits": x * 2, "probabilities": x.softmax(-1)}


class Ordered(nn.Module):
    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        result = OrderedDict()
        result["out"] = x * 2
        result["aux"] = x + 1
        return result


class Pair(NamedTuple):
    logits: Tensor
    aux: Tensor


class NamedTupleNet(nn.Module):
    """Scripted, its output breaks the lite interpreter of 1.13; traced, it becomes a plain tuple."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Pair:
        return Pair(self.head(x), x * 2)


class Plain(nn.Module):
    def forward(self, x: Tensor) -> Tuple[Tensor, Optional[Tensor], int, str, float, bool]:
        return x * 2, None, x.shape[0], "label", float(x.sum()), True


class NoTensor(nn.Module):
    def forward(self, x: Tensor) -> int:
        return x.shape[0]


class AnObject(nn.Module):
    def forward(self, x):
        return object()


class Zero(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x)


class Still(nn.Module):
    def __init__(self):
        super().__init__()
        self.answer = nn.Parameter(torch.tensor([1.0, 2.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.answer + 0 * x.sum()


class NanOfNegative(nn.Module):
    """XNNPACK's clamp turns NaN into 0: the optimised model hides what eager shows."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(torch.log(x)))
