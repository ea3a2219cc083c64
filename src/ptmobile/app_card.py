"""What an app has to give the file and gets from it, as data: the card from which lines of code are made."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(max_length=300)]
Shape = tuple[int, ...]
#: No app reads more than these by hand; what is left out is said.
MAX_VALUES, MAX_CASES = 200, 20


class AppValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """A part of what the file takes or gives: a container, a tensor or a plain value.

    ``kind`` is that of Python (``tuple``, ``list``, ``dict``, ``tensor``, ``int``, ``float``, ``bool``, ``str``,
    ``NoneType``); ``keys`` are those of a container, of a dictionary as ``repr`` shows them. ``shapes`` has a shape for
    each of the card's cases, None where the value is not there; ``moves`` says which dimension follows which of an
    input. ``java``: whether the Java API can hold it; ``cast`` is what to add to the model if it cannot.
    """

    path: Name
    kind: Name
    keys: tuple[Name, ...] = ()
    dtype: Name = ""
    shapes: tuple[Shape | None, ...] = ()
    memory_format: Name = ""
    moves: tuple[Name, ...] = ()
    java: bool = True
    cast: Name = ""

    @property
    def shape(self) -> Shape:
        """The shape in the first case that has it."""
        return next((shape for shape in self.shapes if shape is not None), ())


class AppCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """The inputs and outputs of the file's ``forward``, as the lite interpreter of this machine gave them.

    ``variant`` is the stage whose outputs these are. ``cases`` are the first trial of each set of input shapes.
    ``inputs`` are the arguments in order; ``outputs`` the parts of the output, each container before what is in it.
    ``notes`` say where other trials gave another structure, and what was left out.
    """

    variant: Name
    cases: tuple[int, ...]
    inputs: tuple[AppValue, ...]
    outputs: tuple[AppValue, ...]
    notes: tuple[Name, ...] = ()
