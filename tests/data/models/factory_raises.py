"""Factories that do not come to an end."""

import sys

import torch


def _inner():
    raise ValueError("the width must be positive")


def make():
    return _inner()


def inside_torch():
    return torch.nn.Linear(-1, 3)


def exits():
    sys.exit(3)


def exits_with_success():
    sys.exit()


def interrupts():
    raise KeyboardInterrupt


def unprintable():
    class Odd(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    raise Odd


def endless_text():
    raise ValueError("x" * 1_000_000)


def recursive():
    return recursive()


class Constructor(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.size = {}["size"]
