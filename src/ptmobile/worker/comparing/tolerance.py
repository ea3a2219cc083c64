"""How far two values may differ: nothing where exactness is owed, else ``|a - e| <= atol + rtol * |e|``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from ptmobile.spec.conversion import ConversionSpec

Owed = Literal["exact", "close"]
#: The model's own rounding error of an output in a trial; None if it is not known.
Own = Callable[[str, int | None], float | None]
#: What is allowed for the sake of the model's own error is no more than this part of the output's largest value:
#: beyond it float64 takes other decisions than float32, and the difference says nothing about rounding.
MOST_ROOM: Final = 1e-2


@dataclass(frozen=True)
class Tolerance:
    """An applied tolerance; ``atol`` in the output's own unit."""

    rtol: float
    atol: float


@dataclass(frozen=True)
class _Default:
    """Relative tolerance per element, and absolute tolerance as a part of the output's largest value."""

    rtol: float
    scaled_atol: float


# float32: correct conversions of all of torchvision 0.14.1 differ by up to 5.6e-6 of the largest value, a miscompiled
# one by more than 1e-1; anything between finds the fault, and the report shows how far from the edge a pass is.
_DEFAULTS = {
    "float64": _Default(1e-7, 1e-7),
    "complex128": _Default(1e-7, 1e-7),
    "float32": _Default(1e-4, 1e-5),
    "complex64": _Default(1e-4, 1e-5),
    "float16": _Default(1e-2, 1e-3),
    "bfloat16": _Default(5e-2, 1e-2),
}


@dataclass(frozen=True)
class Policy:
    """The tolerances that a specification asks for.

    A tolerance given by the user is the user's word on what is equal: exactness is not owed any more. ``multiple`` of
    the model's ``own`` error are allowed beside it, once that is known.
    """

    rtol: float | None = None
    atol: float | None = None
    exact: bool = False
    multiple: float | None = None
    own: Own | None = None

    @classmethod
    def of(cls, spec: ConversionSpec) -> Policy:
        """The policy of a specification."""
        return cls(rtol=spec.rtol, atol=spec.atol, exact=spec.compare == "exact", multiple=spec.own_error_multiple)

    def knowing(self, own: Own) -> Policy:
        """The same policy, now that the model's own errors are known."""
        return replace(self, own=own)

    def owed(self, by_nature: Owed) -> Owed:
        """What a pair owes that by its nature owes ``by_nature``."""
        if self.exact:
            return "exact"
        return "close" if self.rtol is not None or self.atol is not None else by_nature

    def tolerance(self, owed: Owed, dtype: str, scale: float, quantum: float | None) -> Tolerance:
        """The tolerance for one output of a dtype whose largest finite absolute value is ``scale``.

        Integers, booleans and unknown dtypes have to be equal; a quantised output may differ by one step.
        """
        if owed == "exact":
            return Tolerance(0.0, 0.0)
        if quantum is not None:
            return Tolerance(self.rtol or 0.0, self.atol if self.atol is not None else quantum * (1 + 1e-6))
        default = _DEFAULTS.get(dtype)
        if default is None:
            return Tolerance(0.0, 0.0)
        return Tolerance(
            default.rtol if self.rtol is None else self.rtol,
            default.scaled_atol * scale if self.atol is None else self.atol,
        )

    def with_room(self, tolerance: Tolerance, owed: Owed, output: str, trial: int, scale: float) -> Tolerance:
        """A tolerance that leaves room for the model's own error of an output, where that was asked for."""
        if owed == "exact" or self.own is None or self.multiple is None:
            return tolerance
        error = self.own(output, trial) or 0.0
        return replace(tolerance, atol=max(tolerance.atol, min(self.multiple * error, MOST_ROOM * scale)))
