"""A model that goes wrong at a given place in a given way."""

import os
import signal
import time

import torch
from attacking import Innocent


def go_wrong(how):
    if how == "hang":
        time.sleep(1000)
    os.kill(os.getpid(), getattr(signal, how))
    time.sleep(10)


class Faulty(Innocent):
    def __init__(self, place, how):
        super().__init__()
        self.place, self.how = place, how
        if place == "load":
            print("goes wrong in load", flush=True)
            go_wrong(how)

    @torch.jit.unused
    def reached(self, x: torch.Tensor) -> None:
        place = "traced" if torch._C._get_tracing_state() else "eager"
        if self.place == place:
            go_wrong(self.how)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not torch.jit.is_scripting():
            self.reached(x)
        return self.layer(x).relu()


class Large(torch.nn.Module):
    """A file of 16 MB."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1_000_000, bias=False)
        torch.nn.init.constant_(self.layer.weight, 0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).sum(1)
