"""How the file's inputs and outputs differ in form from the model's, in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ptmobile.report.model import ModelReport
from ptmobile.result import Adaptation, AdaptedInput, AdaptedOutput
from ptmobile.visible import shorten

_LINE = 300
_ONE_LINE = 4


def adapted(model: ModelReport) -> tuple[str, ...]:
    """What an app has to know that was written for the model; empty where both have one form."""
    adaptation = model.result.adapted
    if adaptation is None or model.file is None:
        return ()
    return tuple(shorten(line, _LINE) for line in _lines(adaptation))


def _lines(adaptation: Adaptation) -> Iterator[str]:
    yield from map(_input, adaptation.inputs)
    moved = [output for output in adaptation.outputs if output.position not in ("", output.output)]
    places = [f"{output.output} is its {_place(output.position)}" for output in moved]
    if len(places) <= _ONE_LINE:
        yield from [f"The file returns {adaptation.returns}: {', '.join(places)}."] if places else []
    else:
        yield f"The file returns {adaptation.returns}:"
        yield from places
    yield from (_note(output) for output in adaptation.outputs if output.note)
    yield from adaptation.notes


def _input(given: AdaptedInput) -> str:
    numbers = " and ".join(", ".join(map(str, given.positions)).rsplit(", ", 1))
    what = "its only tensor as argument" if len(given.positions) == 1 else "its tensors as arguments"
    return f"Argument {given.argument} of the model is a list: the file takes {what} {numbers}."


def _place(position: str) -> str:
    """``item 1`` for ``out[1]``; of what is deeper the way there, such as ``[1]['boxes']``."""
    inner = position.removeprefix("out")
    alone = re.fullmatch(r"\[(\d+|'[^']*')\]", inner)
    return f"item {alone[1]}" if alone else inner


def _note(output: AdaptedOutput) -> str:
    where = "" if output.position else "not in the file, "
    return f"{output.output} is {where}{output.note}."
