"""Numbers about one output over all trials, gathered in float64 one trial after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

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
class Gathered:
    """Running totals over trials; :meth:`add` one pair of tensors after the other, then read :meth:`values`."""

    tolerance: Tolerance
    scale: float
    mismatched: int = 0
    total: int = 0
    max_abs: float = 0.0
    max_rel: float = 0.0
    required_atol: float = 0.0
    required_rtol: float | None = 0.0
    one_sided_nan: int = 0
    at: Located | None = None
    _worst: tuple[bool, float] = field(default=(False, 0.0), repr=False)
    _dot: float = 0.0
    _expected_square: float = 0.0
    _actual_square: float = 0.0
    _noise_square: float = 0.0

    def add(self, expected: torch.Tensor, actual: torch.Tensor) -> None:
        """Take in one trial. Both tensors have one shape and one dtype."""
        e, a = real(expected), real(actual)
        self.total += e.numel()
        if not e.numel():
            return
        self.one_sided_nan += int((torch.isnan(e) ^ torch.isnan(a)).sum())
        found = difference(expected, actual)
        magnitude = e.abs().nan_to_num(nan=0.0, posinf=0.0)
        # The absolute tolerance that each element needs. Compared so, the largest of them is the one that passes.
        needed = (found - self.tolerance.rtol * magnitude).nan_to_num(nan=math.inf, posinf=math.inf)
        wrong = int((needed > self.tolerance.atol).sum())
        self.mismatched += wrong
        self._locate(expected, actual, needed if wrong else found, wrong=wrong > 0)
        self._extremes(found, magnitude, needed)
        self._squares(e, a)

    def _locate(self, expected: torch.Tensor, actual: torch.Tensor, badness: torch.Tensor, *, wrong: bool) -> None:
        """Remember the worst element: the largest violation, or while nothing is wrong the largest difference."""
        flat = int(badness.argmax())
        worst = (wrong, float(badness[flat]))
        if worst <= self._worst:
            return
        self._worst = worst
        if expected.is_complex():
            flat //= 2
        index, rest = [], flat
        for size in reversed(expected.shape):
            index.append(rest % size)
            rest //= size
        self.at = Located(
            index=tuple(reversed(index)),
            expected=str(expected.reshape(-1)[flat].item()),
            actual=str(actual.reshape(-1)[flat].item()),
        )

    def _extremes(self, found: torch.Tensor, magnitude: torch.Tensor, needed: torch.Tensor) -> None:
        self.max_abs = max(self.max_abs, float(found.max()))
        differs = found > 0
        if not bool(differs.any()):
            return
        self.max_rel = max(self.max_rel, float((found[differs] / magnitude[differs]).max()))
        self.required_atol = max(self.required_atol, float(needed.max()))
        over = found - self.tolerance.atol
        if bool((over > 0).any()) and self.required_rtol is not None:
            ratio = float((over[over > 0] / magnitude[over > 0]).max())
            self.required_rtol = max(self.required_rtol, ratio) if math.isfinite(ratio) else None

    def _squares(self, e: torch.Tensor, a: torch.Tensor) -> None:
        finite = torch.isfinite(e) & torch.isfinite(a)
        # Scaled so that outputs of 1e-160 or 1e160 neither vanish nor overflow when squared.
        unit = self.scale or 1.0
        e, a = e[finite] / unit, a[finite] / unit
        self._dot += float(e @ a)
        self._expected_square += float(e @ e)
        self._actual_square += float(a @ a)
        self._noise_square += float((a - e) @ (a - e))

    def values(self) -> Values:
        """The totals as plain data."""
        return Values(
            mismatched=self.mismatched,
            total=self.total,
            max_abs=_finite(self.max_abs),
            max_rel=_finite(self.max_rel),
            rtol=self.tolerance.rtol,
            atol=self.tolerance.atol,
            required_atol=_finite(self.required_atol),
            required_rtol=_finite(self.required_rtol),
            scale=_finite(self.scale),
            cosine=self._cosine(),
            snr_db=self._snr(),
            at=self.at,
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
