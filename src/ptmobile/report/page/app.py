"""What an app gives the file and gets from it, as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ptmobile.app_card import AppCard, AppValue
from ptmobile.visible import shorten

_CELL = 200
_MAX_SHAPES = 6


@dataclass(frozen=True)
class AppRow:
    """A part of an input or an output; ``java`` is empty where Java can hold it, else what to add to the model."""

    path: str
    kind: str
    dtype: str
    shape: str
    order: str
    java: str


@dataclass(frozen=True)
class AppTable:
    """One direction: what goes in, or what comes out."""

    title: str
    rows: tuple[AppRow, ...]


def app_tables(card: AppCard | None) -> tuple[AppTable, ...]:
    """Inputs and outputs; nothing where no file was made."""
    if card is None:
        return ()
    sides = (("The app gives", card.inputs), ("The app gets", card.outputs))
    return tuple(AppTable(title, tuple(map(_row, values))) for title, values in sides if values)


def _row(value: AppValue) -> AppRow:
    count = f" of {len(value.keys)}" if value.kind in ("tuple", "list", "dict") else ""
    kind = "None" if value.kind == "NoneType" else value.kind
    return AppRow(
        path=value.path,
        kind=f"{kind}{count}",
        dtype=value.dtype,
        shape=_shapes(value.shapes, value.moves),
        order=value.memory_format.replace("_", " "),
        java="" if value.java else shorten(value.cast, _CELL) or "no",
    )


def _shapes(shapes: Sequence[tuple[int, ...] | None], moves: Sequence[str]) -> str:
    """The shapes that differ, then which of their dimensions follow the inputs'."""
    listed = list(dict.fromkeys(str(list(shape)) for shape in shapes if shape is not None))
    more = " …" if len(listed) > _MAX_SHAPES else ""
    return shorten("; ".join([" or ".join(listed[:_MAX_SHAPES]) + more, *moves]), _CELL)
