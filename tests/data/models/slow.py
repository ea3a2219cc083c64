"""Does not come back."""

import time

import torch


def make(seconds: float = 3600):
    time.sleep(seconds)
    return torch.nn.Identity()


class Forward(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.wait()
        return x + 1

    @torch.jit.unused
    def wait(self) -> None:
        time.sleep(3600)
