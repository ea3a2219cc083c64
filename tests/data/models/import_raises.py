"""Fails while it is imported."""

import torch

raise RuntimeError("no licence file found")


class Net(torch.nn.Module):
    pass
