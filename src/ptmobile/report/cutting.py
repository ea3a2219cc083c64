"""Lists and lines are cut to what a page can hold: texts come from models, and a summary has a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

#: Characters of a line of its own, and of a cell in a table.
LINE: Final = 500
CELL: Final = 300

T = TypeVar("T")


@dataclass(frozen=True)
class Cut(Generic[T]):
    """The first of many things, and how many more there are."""

    shown: tuple[T, ...]
    more: int = 0


def cut(things: Sequence[T], limit: int) -> Cut[T]:
    """At most ``limit`` of them."""
    return Cut(tuple(things[:limit]), max(len(things) - limit, 0))
