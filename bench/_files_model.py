"""The models of torchvision as bench/zoo.py builds them, detectors as they are; copied beside ``_zoo.py``."""

from __future__ import annotations

import _zoo
from torch import nn


def build(name: str) -> nn.Module:
    """A model with weights under which it reacts to its input."""
    model = _zoo.build_sensitive(name)
    return model.detector if isinstance(model, _zoo.OneImage) else model
