"""Numbers about one output over all trials, in float64: each trial by itself, and what all of them say together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from ptmobile.result import Located, Values
from ptmobile.worker.comparing.tolerance import Tolerance


def largest(tensor: torch.Tensor) -> float:
    """The largest finite absolute value; 0 if there is none."""
    wide = real(tensor)
    finite = wide[torch.isfinite(wide)].abs()
    return float(finite.max()) if finite.numel() else 0.0


def real(tensor: torch.Tensor) -> torch.Tensor:
    """The values as float64, flat; complex numbers as pairs."""
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    return tensor.reshape(-1).to(torch.float64)


def identical(expected: torch.Tensor, actual: torch.Tensor) -> bool:
    """Equal in every element, where NaN equals NaN. Shapes and dtypes must agree."""
    if torch.equal(expected, actual):
        return True
    if not (expected.is_floating_point() or expected.is_complex()):
        return False
    e, a = real(expected), real(actual)  # complex numbers part by part: NaN in one part says nothing about the other
    return bool(((e == a) | (torch.isnan(e) & torch.isnan(a))).all())


def difference(expected: torch.Tensor, actual: torch.Tensor) -> torch.Tensor:
    """Absolute differences, flat; 0 where both are NaN, infinite where one is, or where infinities are opposite."""
    e, a = real(expected), real(actual)
    found = (a - e).abs()
    if not (expected.is_floating_point() or expected.is_complex()):
        # Neighbours beyond 2**53 are one number in float64; where integers cannot overflow, they tell.
        exact = (actual.reshape(-1).to(torch.int64) - expected.reshape(-1).to(torch.int64)).abs()
        return torch.where(found < 2.0**62, exact.to(torch.float64), found)
    found[(torch.isnan(e) & torch.isnan(a)) | (a == e)] = 0.0  # equal infinities differ by NaN otherwise
    found[torch.isnan(found)] = math.inf
    return found


@dataclass
class _Trial:
    """The numbers of one trial. Its tolerance and scale are its own: huge outputs of one widen no other's."""

    tolerance: Tolerance
    scale: float
    number: int | None
    mismatched: int = 0
    one_sided_nan: int = 0
    max_abs: float = 0.0
    max_rel: float = 0.0
    required_atol: float = 0.0
    required_rtol: float | None = 0.0
    at: Located | None = None

    def fill(self, expected: torch.Tensor, actual: torch.Tensor) -> None:
        """Compare. Both tensors have one shape and one dtype, and hold something."""
        e, a = real(expected), real(actual)
        self.one_sided_nan = int((torch.isnan(e) ^ torch.isnan(a)).sum())
        found = difference(expected, actual)
        magnitude = e.abs().nan_to_num(nan=0.0, posinf=0.0)
        # The absolute tolerance that each element needs. Compared so, the largest of them is the one that passes.
        needed = (found - self.tolerance.rtol * magnitude).nan_to_num(nan=math.inf, posinf=math.inf)
        self.mismatched = int((needed > self.tolerance.atol).sum())
        # The largest violation, or where nothing is wrong the largest difference.
        self.at = _located(expected, actual, int((needed if self.mismatched else found).argmax()))
        self._extremes(found, magnitude, needed)

    @property
    def badness(self) -> tuple[bool, float]:
        """What it says against the candidate: whether anything is wrong, and the difference as a part of the scale."""
        return self.mismatched > 0, self.max_abs / (self.scale or 1.0)

    def _extremes(self, found: torch.Tensor, magnitude: torch.Tensor, needed: torch.Tensor) -> None:
        self.max_abs = float(found.max())
        differs = found > 0
        if not bool(differs.any()):
            return
        self.max_rel = float((found[differs] / magnitude[differs]).max())
        self.required_atol = max(0.0, float(needed.max()))
        over = found - self.tolerance.atol
        if bool((over > 0).any()):
            ratio = float((over[over > 0] / magnitude[over > 0]).max())
            self.required_rtol = ratio if math.isfinite(ratio) else None


def _located(expected: torch.Tensor, actual: torch.Tensor, flat: int) -> Located:
    """An element by its place in the flat real tensor, where complex numbers are pairs."""
    if expected.is_complex():
        flat //= 2
    index, rest = [], flat
    for size in reversed(expected.shape):
        index.append(rest % size)
        rest //= size
    return Located(
        index=tuple(reversed(index)),
        expected=str(expected.reshape(-1)[flat].item()),
        actual=str(actual.reshape(-1)[flat].item()),
    )


@dataclass
class Gathered:
    """One output over trials; :meth:`add` one pair of tensors after the other, then read :meth:`values`.

    ``worst`` is the trial that says most against the candidate.
    """

    total: int = 0
    mismatched: int = 0
    worst: _Trial | None = None
    _dot: float = 0.0
    _expected_square: float = 0.0
    _actual_square: float = 0.0
    _noise_square: float = 0.0

    def add(
        self,
        expected: torch.Tensor,
        actual: torch.Tensor,
        tolerance: Tolerance,
        scale: float,
        number: int | None = None,
    ) -> _Trial:
        """Take in one trial, and say what is in it. Both tensors have one shape and one dtype."""
        trial = _Trial(tolerance, scale, number)
        self.total += real(expected).numel()
        if expected.numel():
            trial.fill(expected, actual)
            self.mismatched += trial.mismatched
            self._squares(real(expected), real(actual), scale or 1.0)
        if self.worst is None or trial.badness > self.worst.badness:
            self.worst = trial
        return trial

    def _squares(self, e: torch.Tensor, a: torch.Tensor, unit: float) -> None:
        finite = torch.isfinite(e) & torch.isfinite(a)
        # Scaled so that outputs of 1e-160 or 1e160 neither vanish nor overflow when squared, and all trials count.
        e, a = e[finite] / unit, a[finite] / unit
        self._dot += float(e @ a)
        self._expected_square += float(e @ e)
        self._actual_square += float(a @ a)
        self._noise_square += float((a - e) @ (a - e))

    def values(self) -> Values:
        """The counts, the cosine and the noise over all trials; all else of the worst one."""
        worst = self.worst or _Trial(Tolerance(0.0, 0.0), 0.0, None)
        return Values(
            trial=worst.number,
            mismatched=self.mismatched,
            total=self.total,
            max_abs=_finite(worst.max_abs),
            max_rel=_finite(worst.max_rel),
            rtol=worst.tolerance.rtol,
            atol=worst.tolerance.atol,
            required_atol=_finite(worst.required_atol),
            required_rtol=_finite(worst.required_rtol),
            scale=_finite(worst.scale),
            cosine=self._cosine(),
            snr_db=self._snr(),
            at=worst.at,
        )

    def _cosine(self) -> float | None:
        norm = math.sqrt(self._expected_square) * math.sqrt(self._actual_square)
        return max(-1.0, min(1.0, self._dot / norm)) if norm > 0 else None

    def _snr(self) -> float | None:
        """Signal-to-noise ratio in decibels; None without signal or without noise."""
        if self._noise_square <= 0 or self._expected_square <= 0:
            return None
        return _finite(10 * (math.log10(self._expected_square) - math.log10(self._noise_square)))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
