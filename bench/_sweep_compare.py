"""Tensors in and out of the phone's libraries, and how far outputs are from what eager gave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from _sweep_records import Elsewhere

from ptmobile.device.answers import Output
from ptmobile.device.trees import flatten as flatten_wire
from ptmobile.device.wire import ALIGNMENT, DTYPES, TensorAt, Value
from ptmobile.worker.comparing import Policy
from ptmobile.worker.comparing.metrics import Gathered, largest
from ptmobile.worker.values.trees import dtype_name, flatten

Inputs = tuple[torch.Tensor, ...]
#: By how much the rounding of one implementation may exceed that of another.
ROOM = 10.0


def of_tensors(inputs: Inputs, data: Path) -> tuple[list[Value], Path]:
    """Arguments for the runner, with their bytes in a data file."""
    placed: list[Value] = []
    with data.open("wb") as stream:
        for tensor in inputs:
            stream.write(b"\0" * (-stream.tell() % ALIGNMENT))
            offset, raw = stream.tell(), tensor.contiguous().numpy().tobytes()
            stream.write(raw)
            placed.append(TensorAt(dtype_name(tensor.dtype), tuple(tensor.shape), offset, len(raw)))
    return placed, data


def tensors_of(value: Any) -> list[torch.Tensor]:
    """All tensors of a nested value, or of a library's output, in order; containers differ among the roads anyway."""
    leaves = _leaves(value) if isinstance(value, Output) else iter(flatten(value).tensors().values())
    return [leaf.detach().clone() for leaf in leaves]


def _leaves(output: Output) -> Iterator[torch.Tensor]:
    data = bytearray(output.data.read_bytes())
    for leaf in flatten_wire(output.value, "out")[1].values():
        if isinstance(leaf, TensorAt):
            dtype, count = getattr(torch, leaf.dtype), leaf.size // DTYPES[leaf.dtype]
            empty = torch.empty(leaf.shape, dtype=dtype)
            yield (
                torch.frombuffer(data, dtype=dtype, offset=leaf.offset, count=count).reshape(leaf.shape)
                if count
                else empty
            )


def compare(
    expected: Sequence[Sequence[torch.Tensor]], got: Sequence[Sequence[torch.Tensor]], noise: float | None = None
) -> Elsewhere:
    """Right if every output of every trial is within the tolerances of a conversion; both are by trial, then output.

    ``noise``: what rounding does to the model; up to ten times as much is right as well.
    """
    shapes = [[(t.shape, t.dtype) for t in trial] for trial in expected]
    if shapes != [[(t.shape, t.dtype) for t in trial] for trial in got]:
        return Elsewhere(outcome="wrong", message=f"gives {_described(got)} instead of {_described(expected)}")
    worst, mismatched = 0.0, 0
    for mine, theirs in zip(zip(*expected, strict=True), zip(*got, strict=True), strict=True):
        scale = max(map(largest, mine))
        gathered, tolerance = Gathered(), Policy().tolerance("close", dtype_name(mine[0].dtype), scale, None)
        for e, a in zip(mine, theirs, strict=True):
            worst = max(worst, gathered.add(e, a, tolerance, scale).max_abs / (scale or 1.0))
        mismatched += gathered.mismatched
    right = not mismatched or worst <= ROOM * (noise or 0.0)
    return Elsewhere(outcome="right" if right else "wrong", error=worst)


def reaction_of(trials: Sequence[Sequence[torch.Tensor]]) -> float | None:
    """How far the first output moves from the first to the second trial, as a part of its largest value."""
    if len(trials) < 2 or not trials[0] or trials[0][0].shape != trials[1][0].shape:
        return None
    first, second = trials[0][0], trials[1][0]
    return largest(second.double() - first.double()) / (largest(first) or 1.0)


def _described(trials: Sequence[Sequence[torch.Tensor]]) -> str:
    parts = [f"{dtype_name(tensor.dtype)} {list(tensor.shape)}" for tensor in trials[0]]
    return ", ".join(parts[:5]) + (", ..." if len(parts) > 5 else "")
