"""For the attacks: says whether something could be done, and what an innocent model looks like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch


def attempt(what: str, action: Callable[[], object]) -> None:
    """Try something that must not succeed; the test looks for the word BREACH."""
    try:
        found = action()
    except OSError as error:
        print(f"refused: {what}: {type(error).__name__}")
    else:
        print(f"BREACH: {what}: {found!r:.200}")


def read(path: str | Path) -> bytes:
    with open(path, "rb") as stream:
        return stream.read(4096)


def write(path: str | Path, data: bytes = b"forged=1\n") -> int:
    with open(path, "ab") as stream:
        return stream.write(data)


class Innocent(torch.nn.Module):
    """What every attack returns, to look like a model."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).relu()


def in_background(code: str, *arguments: str) -> int:
    """Start Python code in a session of its own, with the output of this process; return its process id."""
    process = subprocess.Popen([sys.executable, "-c", code, "left-behind", *arguments], start_new_session=True)
    return process.pid
