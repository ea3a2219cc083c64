"""Factories that return something else than a model."""

import torch


def make():
    return torch.nn.Linear(2, 2).state_dict()


def nothing():
    torch.nn.Linear(2, 2)


def a_class():
    return torch.nn.Identity


def a_tuple():
    return torch.nn.Linear(2, 2), "transform"


def a_function():
    return torch.jit.script(torch.nn.functional.relu)


async def later():
    return torch.nn.Linear(2, 2)


def a_number():
    return 42
