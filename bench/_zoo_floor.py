"""How exact a model is by itself: its rounding error in float32, and whether it reacts to its input at all.

Usage: _zoo_floor.py MODEL FOLDER (bench/zoo.py starts it); the answer is ``floor.json`` in the folder.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import msgspec
import torch
from _sweep_compare import reaction_of, tensors_of
from _zoo import CALIBRATION_SEEDS, build_sensitive, inputs


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """``relative`` and ``absolute``: the largest difference of eager from itself in float64, as a part of the output's
    largest value and in its own unit, over all outputs of floats; None where float64 is not to be had, or takes other
    decisions: other labels, or another number of boxes. ``reaction``: how far the first output moves when the input is
    replaced, as a part of its largest value.
    """

    relative: float | None = None
    absolute: float | None = None
    reaction: float | None = None


def measure(name: str) -> Floor:
    """Build a model and run it in both precisions."""
    model = build_sensitive(name)
    trials = [inputs(name, seed) for seed in CALIBRATION_SEEDS]
    with torch.no_grad():
        narrow = [tensors_of(model(*trial)) for trial in trials]
        reaction = reaction_of(narrow)
        try:
            model.double()
            wide = [tensors_of(model(*(tensor.double() for tensor in trial))) for trial in trials]
        except RuntimeError:  # quantised layers know no float64
            return Floor(reaction=reaction)
    pairs = [pair for mine, theirs in zip(narrow, wide, strict=True) for pair in zip(mine, theirs, strict=False)]
    if any(a.shape != b.shape or not (b.is_floating_point() or torch.equal(a, b)) for a, b in pairs):
        return Floor(reaction=reaction)
    floats = [(a.double(), b) for a, b in pairs if b.is_floating_point() and b.numel()]
    errors = [(float((a - b).abs().max()), float(b.abs().max())) for a, b in floats]
    relative = max((error / (scale or 1.0) for error, scale in errors), default=0.0)
    return Floor(relative=relative, absolute=max((error for error, _ in errors), default=0.0), reaction=reaction)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    Path(sys.argv[2], "floor.json").write_bytes(msgspec.json.encode(measure(sys.argv[1])))
