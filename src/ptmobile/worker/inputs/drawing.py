"""Random inputs of different kinds: what one kind hides (a dead ReLU, a branch, an overflow) another shows.

A declared range is never left: of it, ``zeros`` is the low end, ``ones`` the high end, ``large`` both ends mixed, and
``normal`` and ``uniform`` the whole.
"""

from __future__ import annotations

import torch

from ptmobile.spec.conversion import Distribution, ExampleInput, Shape

# Without a range: small enough for the smallest embedding table, large enough to differ.
DEFAULT_INTEGER_RANGE = (0, 2)
DEFAULT_RANGES = {"uint8": (0, 256)}
#: Standard deviation of large floats. The squares of float16 overflow beyond 255.
LARGE, LARGE_HALF = 1e3, 1e2


def draw(entry: ExampleInput, shape: Shape, kind: Distribution, generator: torch.Generator) -> torch.Tensor:
    """One tensor of the entry's dtype, on the CPU, contiguous; within its range, if it has one."""
    dtype: torch.dtype = getattr(torch, entry.dtype)
    if dtype.is_floating_point:
        precise = torch.float64 if entry.dtype == "float64" else torch.float32
        if entry.range is None:
            return _unbounded(entry.dtype, shape, kind, generator, precise).to(dtype)
        part = torch.rand(shape, generator=generator, dtype=precise)
        return _bounded(*entry.range, kind, part).to(dtype)
    low, high = (0, 2) if dtype == torch.bool else entry.range or DEFAULT_RANGES.get(entry.dtype, DEFAULT_INTEGER_RANGE)
    return _integers(int(low), int(min(high, 2**63 - 1)), shape, kind, generator).to(dtype)


def _unbounded(
    name: str, shape: Shape, kind: Distribution, generator: torch.Generator, dtype: torch.dtype
) -> torch.Tensor:
    """Floats around zero: standard normal, uniform from -1 to 1, all zero, all one, or normal and large."""
    if kind in ("zeros", "ones"):
        return torch.full(shape, 1.0 if kind == "ones" else 0.0, dtype=dtype)
    if kind == "uniform":
        return torch.rand(shape, generator=generator, dtype=dtype) * 2 - 1
    size = 1.0 if kind == "normal" else LARGE_HALF if name == "float16" else LARGE
    return torch.randn(shape, generator=generator, dtype=dtype) * size


def _bounded(low: float, high: float, kind: Distribution, part: torch.Tensor) -> torch.Tensor:
    """Floats from low to high, of random ones from 0 to 1."""
    if kind in ("zeros", "ones"):
        return torch.full_like(part, high if kind == "ones" else low)
    if kind == "large":
        return torch.where(part < 0.5, torch.full_like(part, low), torch.full_like(part, high))
    return part * (high - low) + low


def _integers(low: int, high: int, shape: Shape, kind: Distribution, generator: torch.Generator) -> torch.Tensor:
    """Integers from low to high - 1; where there are two at least, both ends are among those drawn from the whole."""
    if kind in ("zeros", "ones"):
        return torch.full(shape, high - 1 if kind == "ones" else low, dtype=torch.int64)
    if kind == "large":
        highest = torch.randint(0, 2, shape, generator=generator).to(torch.bool)
        return torch.where(highest, torch.full(shape, high - 1), torch.full(shape, low))
    drawn = torch.randint(low, high, shape, generator=generator, dtype=torch.int64)
    if drawn.numel() > 1:
        ends = torch.randperm(drawn.numel(), generator=generator)[:2]
        drawn.view(-1)[ends] = torch.tensor([low, high - 1])
    return drawn
