"""The card for apps as it is shown: a line for each part of the output, and the code in three languages."""

from __future__ import annotations

from ptmobile.app_card import AppValue
from ptmobile.report.model import ModelReport
from ptmobile.visible import shorten

_LINE = 300
_MAX_SHAPES = 4


def card_lines(model: ModelReport) -> tuple[str, ...]:
    """What an app gives the file and gets from it, part by part."""
    card = model.result.app
    if card is None:
        return ()
    inputs = [f"gives {_told(value)}" for value in card.inputs]
    outputs = [f"gets {_told(value)}" for value in card.outputs]
    return tuple(shorten(line, _LINE) for line in [*inputs, *outputs, *card.notes])


def code_blocks(model: ModelReport) -> tuple[tuple[str, str, str], ...]:
    """Heading, language and text of each block of code; empty where there is no verified file."""
    if model.app is None or model.file is None or not model.file.verified:
        return ()
    told = (
        ("Android, Kotlin", "kotlin", model.app.kotlin),
        ("Android, Java", "java", model.app.java),
        ("iOS, Objective-C++ for Swift", "objective-c++", model.app.ios),
    )
    return tuple((heading, language, "\n".join(lines)) for heading, language, lines in told)


def _told(value: AppValue) -> str:
    if value.kind != "tensor":
        what = f"a {value.kind} of {len(value.keys)}" if value.kind in ("tuple", "list", "dict") else value.kind
        return f"{value.path}: {'None' if what == 'NoneType' else what}{_java(value)}"
    shapes = list(dict.fromkeys(str(list(shape)) for shape in value.shapes if shape is not None))
    listed = " or ".join(shapes[:_MAX_SHAPES]) + (" …" if len(shapes) > _MAX_SHAPES else "")
    moves = "".join(f"; {move}" for move in value.moves)
    return f"{value.path}: {value.dtype} {listed}{_order(value)}{moves}{_java(value)}"


def _order(value: AppValue) -> str:
    """How the elements lie; an app gets them in this order."""
    if value.memory_format in ("channels_last", "channels_last_3d"):
        return ", channels last: apps get the elements in NHWC order"
    return ", strided" if value.memory_format == "strided" else ""


def _java(value: AppValue) -> str:
    return "" if value.java else f"; not for Java: {value.cast}"
