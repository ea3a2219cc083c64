"""What a model was run on, and what it gives."""

from __future__ import annotations

from ptmobile.result.base import Name, Record


class Trial(Record, frozen=True, kw_only=True):
    """One set of inputs: its number, the seed it was drawn with, and each argument in words.

    ``distribution`` is how they were drawn, empty where nothing was. ``repeats`` is the number of the trial that has
    the same inputs: so every variant runs three times at least on each shape.
    """

    number: int
    seed: int | None
    arguments: tuple[Name, ...]
    distribution: Name = ""
    repeats: int | None = None


class OutputCard(Record, frozen=True, kw_only=True):
    """One output as the eager model gives it: what an app has to expect."""

    output: Name
    kind: Name
    dtype: Name = ""
    shape: tuple[int, ...] = ()
    memory_format: Name = ""
