"""The noise floor in numbers, from what the processes have left. Pure but for reading those files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from msgspec.structs import replace

from ptmobile.result import OutputNoise, OutputProof, Proof
from ptmobile.worker.comparing.metrics import difference, largest
from ptmobile.worker.comparing.rows import detections
from ptmobile.worker.comparing.scales import Loader
from ptmobile.worker.comparing.tolerance import Tolerance
from ptmobile.worker.values.files import StoredTree

_WIDE = ("float64", "complex128")
#: How near a detector's row in float64 is to one in float32 that is the same: a part of a value, and of the largest.
_SAME_ROW = 1e-2


@dataclass(frozen=True)
class OwnErrors:
    """``errors``: the largest difference of float32 from float64, for each output and trial; infinite where one of both
    is not finite and the other is. ``sizes``: the output's largest value. ``notes``: why an output has no errors.
    ``moved``: what float64 does to the rows of a detector, of which only those that it has too are compared.
    ``jitter``: the largest difference between two runs that should be one, for each output and trial; infinite where
    one of both is not finite and the other is.
    """

    errors: dict[str, dict[int, float]] = field(default_factory=dict)
    sizes: dict[str, dict[int, float]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    jitter: dict[str, dict[int, float]] = field(default_factory=dict)

    def of(self, output: str, trial: int | None) -> float | None:
        """The error in one trial; None if it is not known, or not finite."""
        error = self.errors.get(output, {}).get(-1 if trial is None else trial)
        return error if error is not None and math.isfinite(error) else None

    def beside(self, proof: Proof | None) -> tuple[OutputNoise, ...]:
        """Each output's error beside that of the file, which was compared with eager.

        Both are of the trial in which the file is worst; without a file, of that with the largest part of its size.
        """
        proven = {output.output: output for output in proof.outputs} if proof else {}
        noise = (self._noise(output, proven.get(output)) for output in self.errors)
        return tuple(self._with_jitter(one) for one in noise)

    def _with_jitter(self, noise: OutputNoise) -> OutputNoise:
        known = {trial: value for trial, value in self.jitter.get(noise.output, {}).items() if math.isfinite(value)}
        if not known:
            return noise
        worst = max(known, key=lambda trial: known[trial])
        error = self.of(noise.output, worst)
        return replace(noise, jitter=known[worst], jitter_multiple=known[worst] / error if error else None)

    def _noise(self, output: str, proven: OutputProof | None) -> OutputNoise:
        if output in self.notes:
            return OutputNoise(output=output, note=f"{self.notes[output]}, so they cannot be compared")
        worst = proven.trial if proven and proven.max_abs and proven.trial in self.errors[output] else None
        worst = self._worst(output) if worst is None else worst
        error = self.of(output, worst)
        if error is None:
            return OutputNoise(output=output, trial=worst, note="one of both is not finite where the other is")
        size = self.sizes[output][worst]
        conversion = proven.max_abs if proven else None
        return OutputNoise(
            output=output,
            trial=worst,
            max_abs=error,
            relative=error / size if size else None,
            conversion=conversion,
            multiple=conversion / error if conversion is not None and error else None,
            note=f"{self.moved[output]}; compared is what both have" if output in self.moved else "",
        )

    def _worst(self, output: str) -> int:
        sizes = self.sizes[output]
        return max(sizes, key=lambda trial: self.errors[output][trial] / (sizes[trial] or 1.0))


def own_errors(load: Loader, trials: Sequence[int], eager: str, wide: str) -> OwnErrors:
    """The rounding errors of each output that is float32 (complex64) in the eager model."""
    found = OwnErrors()
    for number in trials:
        narrow, doubled = load(eager, number), load(wide, number)
        rows = _moved_rows(narrow, doubled)
        for path, tensor in _float32(narrow).items():
            found.sizes.setdefault(path, {})[number] = largest(tensor)
            error = found.errors.setdefault(path, {})
            other = doubled.numbers().get(path)
            kept = tensor
            if other is not None and path in rows:
                found.moved.setdefault(path, _moves(rows[path], number, len(other)))
                kept, other = _in_common(rows[path], tensor, other)
            note = _incomparable(kept, other, doubled.dtypes.get(path, "float64"))
            if len(tensor.shape) and len(tensor) and not len(kept):
                note = "float64 gives none of its rows"
            if note or other is None:
                found.notes[path] = note
            else:
                error[number] = float(difference(kept, other).max()) if kept.numel() else 0.0
    return found


def _moved_rows(narrow: StoredTree, wide: StoredTree) -> dict[str, list[int | None]]:
    """For each output of a detector whose rows float64 orders or chooses otherwise: where they are."""

    def near(path: str) -> Tolerance:
        tensor = narrow.tensors()[path]
        exact = not (tensor.is_floating_point() or tensor.is_complex())
        return Tolerance(0.0, 0.0) if exact else Tolerance(_SAME_ROW, _SAME_ROW * largest(tensor))

    return {path: matched.rows for matched in detections(narrow, wide, near) for path in matched.paths}


def _in_common(rows: list[int | None], narrow: torch.Tensor, wide: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    pairs = [(row, to) for row, to in enumerate(rows) if to is not None]
    mine, theirs = [row for row, _ in pairs], [to for _, to in pairs]
    return narrow[mine], wide[theirs]


def _moves(rows: list[int | None], trial: int, other: int) -> str:
    there, moved = sum(to is not None for to in rows), sum(to not in (None, row) for row, to in enumerate(rows))
    return (
        f"in trial {trial} float64 has {there} of the {len(rows)} rows, {moved} of them at another place, and "
        f"{other - there} new ones: rounding decides which there are and in which order"
    )


def _incomparable(narrow: torch.Tensor, wide: torch.Tensor | None, dtype: str) -> str:
    if wide is None:
        return "it is not there in float64"
    if dtype not in _WIDE:
        return f"it is {dtype} in float64 too"
    if narrow.shape != wide.shape:
        return f"its shape is {list(wide.shape)} in float64 and {list(narrow.shape)} in float32"
    return ""


def _float32(tree: StoredTree) -> Mapping[str, torch.Tensor]:
    """What float32 was rounded for: tensors of that type, and Python's floats, which come from such."""
    return {
        path: tensor
        for path, tensor in tree.numbers().items()
        if path not in tree.quanta and tree.dtypes.get(path, "float32") in ("float32", "complex64")
    }


def jitters(load: Loader, trials: Sequence[int], eager: str, same: str) -> dict[str, dict[int, float]]:
    """The largest difference of each output between two runs that should be one, trial by trial; infinite where only
    one of both is finite. A trial in which they differ in form has none.
    """
    found: dict[str, dict[int, float]] = {}
    for trial in trials:
        first, second = load(eager, trial).numbers(), load(same, trial).numbers()
        if any(path not in second or second[path].shape != tensor.shape for path, tensor in first.items()):
            continue
        for path, tensor in first.items():
            apart = float(difference(tensor, second[path].to(tensor.dtype)).max()) if tensor.numel() else 0.0
            found.setdefault(path, {})[trial] = apart
    return found
