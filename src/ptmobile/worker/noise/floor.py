"""The noise floor in numbers, from what the processes have left. Pure but for reading those files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from msgspec.structs import replace

from ptmobile.result import Comparison, NoiseFloor, OutputNoise, Values
from ptmobile.worker.comparing.metrics import difference, largest
from ptmobile.worker.comparing.pairs import Loader
from ptmobile.worker.value_files import StoredTree

_WIDE = ("float64", "complex128")


@dataclass
class _Output:
    """One output over all trials."""

    error: float = 0.0
    scale: float = 0.0
    note: str = ""

    def add(self, narrow: torch.Tensor, wide: torch.Tensor, dtype: str) -> None:
        self.scale = max(self.scale, largest(narrow))
        if dtype not in _WIDE:
            self.note = f"it is {dtype} in float64 too"
        elif narrow.shape != wide.shape:
            self.note = f"its shape is {list(wide.shape)} in float64 and {list(narrow.shape)} in float32"
        elif narrow.numel():
            self.error = max(self.error, float(difference(narrow, wide).max()))

    def noise(self, output: str) -> OutputNoise:
        if self.note:
            return OutputNoise(output=output, note=f"{self.note}, so they cannot be compared")
        if not math.isfinite(self.error):
            return OutputNoise(output=output, note="one of both is not finite where the other is")
        return OutputNoise(output=output, max_abs=self.error, relative=self.error / self.scale if self.scale else None)


def noise_floor(load: Loader, trials: Sequence[int], eager: str, wide: str) -> tuple[OutputNoise, ...]:
    """The rounding error of each output that is float32 (complex64) in the eager model, over some trials."""
    found: dict[str, _Output] = {}
    for number in trials:
        narrow, doubled = load(eager, number), load(wide, number)
        for path, tensor in _float32(narrow).items():
            output = found.setdefault(path, _Output())
            other = doubled.numbers().get(path)
            if other is None:
                output.note = "it is not there in float64"
            else:
                output.add(tensor, other, doubled.dtypes.get(path, "float64"))
    return tuple(output.noise(path) for path, output in found.items())


def _float32(tree: StoredTree) -> Mapping[str, torch.Tensor]:
    """What float32 was rounded for: tensors of that type, and Python's floats, which come from such."""
    return {
        path: tensor
        for path, tensor in tree.numbers().items()
        if path not in tree.quanta and tree.dtypes.get(path, "float32") in ("float32", "complex64")
    }


def jitter(load: Loader, trial: int, eager: str, same: str) -> float | None:
    """The largest difference between two runs that should be one; None where they differ in form, or by NaN."""
    first, second = load(eager, trial).numbers(), load(same, trial).numbers()
    largest_found = 0.0
    for path, tensor in first.items():
        other = second.get(path)
        if other is None or other.shape != tensor.shape:
            return None
        if tensor.numel():
            largest_found = max(largest_found, float(difference(tensor, other.to(tensor.dtype)).max()))
    return largest_found if math.isfinite(largest_found) else None


def with_conversion(floor: NoiseFloor, comparison: Comparison | None) -> NoiseFloor:
    """The floor with how many times each output's rounding error the file is off; eager is the reference."""
    values = {o.output: o.values for o in comparison.outputs if o.values is not None} if comparison else {}
    return replace(floor, outputs=tuple(_beside(noise, values.get(noise.output)) for noise in floor.outputs))


def _beside(noise: OutputNoise, values: Values | None) -> OutputNoise:
    conversion = values.max_abs if values else None
    multiple = conversion / noise.max_abs if conversion is not None and noise.max_abs else None
    return replace(noise, conversion=conversion, multiple=multiple)
