"""Models whose code does something while it runs, or takes something else than one image."""

import os
import signal
import subprocess
import sys

import torch
from torch import Tensor, nn


class Random(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


class Counter(nn.Module):
    """Keeps state: every run gives another answer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("runs", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.runs.add_(1)
        return x + self.runs


_CALLS = [0]


class CountsOutside(nn.Module):
    """Keeps state where nobody sees it: every run gives another answer."""

    def forward(self, x: Tensor) -> Tensor:
        _CALLS[0] += 1
        return x + float(_CALLS[0])


class ChangesItsInput(nn.Module):
    """Works in place: each variant must be given a copy of the inputs."""

    def forward(self, x: Tensor) -> Tensor:
        return x.add_(1)


class Text(nn.Module):
    """Token numbers, which must cover the table exactly, a mask, and a real number."""

    def __init__(self, vocabulary: int = 5):
        super().__init__()
        self.table = nn.Embedding(vocabulary, 4)

    def forward(self, ids: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
        return (self.table(ids) * mask.unsqueeze(-1)).sum(1) * weight


class SeesAll(nn.Module):
    """Fails unless the numbers of an input cover [3, 6) and nothing else."""

    def forward(self, ids):
        assert sorted(set(ids.flatten().tolist())) == [3, 4, 5], ids
        return ids * 2


class Adds(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x * 2 + y


class Exits(nn.Module):
    def forward(self, x):
        sys.exit(0)


class Leaves(nn.Module):
    def forward(self, x):
        os._exit(0)


class Killed(nn.Module):
    def forward(self, x):
        os.kill(os.getpid(), signal.SIGKILL)


class Aborts(nn.Module):
    def forward(self, x):
        os.abort()


class ClosesEverything(nn.Module):
    """Closes descriptors that are not its own, and goes on for ever."""

    def forward(self, x):
        os.closerange(3, 4096)
        while True:
            signal.pause()


class SpeaksOutOfTurn(nn.Module):
    """Writes to descriptors that are not its own."""

    def forward(self, x):
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, b"no message\n")
            except OSError:
                pass
        while True:
            signal.pause()


class LeavesOthersBehind(nn.Module):
    """Starts processes, one of them in a session of its own, and goes on for ever."""

    def forward(self, x):
        for alone in (False, True):
            subprocess.Popen(["sleep", "1000"], start_new_session=alone)
        print("it hangs", flush=True)
        while True:
            signal.pause()


class StartsOthers(nn.Module):
    """Starts processes that outlive it, and tells their numbers; one holds its output open, one has a session."""

    def forward(self, x):
        started = [
            subprocess.Popen(["sleep", "1000"]),
            subprocess.Popen(["sleep", "1000"], start_new_session=True, stdout=subprocess.DEVNULL),
            subprocess.Popen(["sh", "-c", "setsid sleep 1000 & sleep 1000"], start_new_session=True),
        ]
        print("started", *(process.pid for process in started), flush=True)
        return x * 2
