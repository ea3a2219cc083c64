"""A model whose script, and so its file, takes its time: those who want to end its processes must find them."""

import torch
from attacking import Innocent


class Slow(Innocent):
    def __init__(self, rounds: int = 60):
        super().__init__()
        self.rounds = rounds

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x).relu()
        if torch.jit.is_scripting():
            busy = torch.ones(256, 256) * y.sum()
            for _ in range(self.rounds):
                busy = torch.mm(busy, busy).clamp(0.0, 1.0)
            y = y + busy.sum() * 0.0
        return y
