"""Problems of a specification: all are collected, then shown at once."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from ptmobile.errors import ConfigurationError
from ptmobile.visible import visible


@dataclass(frozen=True)
class SpecProblem:
    """One thing that is wrong: where, what was given, what is allowed."""

    where: str
    message: str

    def __str__(self) -> str:
        """One line, whatever was given."""
        return visible(f"{self.where}: {self.message}")


@dataclass
class Problems:
    """Collects problems while a specification is read."""

    found: list[SpecProblem] = field(default_factory=list)

    def add(self, where: str, message: str) -> None:
        """Record one problem; an option that several models share is read for each of them, and said once."""
        problem = SpecProblem(where, message)
        if problem not in self.found:
            self.found.append(problem)

    def raise_if_any(self) -> None:
        """Show everything that was found.

        Raises:
            ConfigurationError: at least one problem was recorded.
        """
        if not self.found:
            return
        count = len(self.found)
        head = "The specification has a problem:" if count == 1 else f"The specification has {count} problems:"
        raise ConfigurationError("\n".join([head, *(f"  - {problem}" for problem in self.found)]))


def shown(value: object, limit: int = 80) -> str:
    """A given value in a message: quoted, on one line, cut; the work is bounded however much was given."""
    text = repr(value) if isinstance(value, str) else _SHORT.repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def suggestion(given: str, allowed: Iterable[str]) -> str:
    """The nearest allowed name as a clause (``; did you mean 'trials'?``), or nothing."""
    lower = {name.lower(): name for name in allowed}
    text = given[:_LONGEST_NAME].lower()
    near = difflib.get_close_matches(text, lower, n=3, cutoff=0.6)
    # Swapped letters are the likeliest mistake: modle is model, though mode is nearer.
    swapped = [name for name in near if sorted(name) == sorted(text)]
    return f"; did you mean {lower[(swapped or near)[0]]!r}?" if near else ""


_LONGEST_NAME = 200
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxlist, _SHORT.maxtuple = 4, 10, 20, 20
_SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 60, 60, 60
