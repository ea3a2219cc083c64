"""How the summary tells where the outputs of a model are in what its file returns."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from report_support import passed, result

from ptmobile.report.adapting import adapted
from ptmobile.report.model import ModelReport
from ptmobile.result import Adaptation, AdaptedInput, AdaptedOutput


def reported(adaptation: Adaptation | None) -> ModelReport:
    (model,) = passed().models
    return replace(model, result=result(adapted=adaptation))


def out(path: str, position: str = "", note: str = "") -> AdaptedOutput:
    return AdaptedOutput(output=path, position=position, note=note)


@pytest.mark.parametrize(
    ("adaptation", "lines"),
    [
        (None, []),
        (
            Adaptation(method="trace", returns="a tuple of 2", outputs=(out("out['aux']", "out[1]"),)),
            ["The file returns a tuple of 2: out['aux'] is its item 1."],
        ),
        (
            Adaptation(
                method="script",
                returns="a dictionary of 2",
                outputs=(
                    out("out.a", "out['a']"),
                    out("out.b.c", "out['b'][0]"),
                    out("out.d", note="left out: it is None"),
                ),
                notes=("Objects are tuples.",),
            ),
            [
                "The file returns a dictionary of 2: out.a is its item 'a', out.b.c is its ['b'][0].",
                "out.d is not in the file, left out: it is None.",
                "Objects are tuples.",
            ],
        ),
        (
            Adaptation(
                method="trace",
                returns="a tuple of 5",
                outputs=tuple(out(f"out.v{n}", f"out[{n}]") for n in range(5)),
            ),
            ["The file returns a tuple of 5:", *(f"out.v{n} is its item {n}" for n in range(5))],
        ),
        (
            Adaptation(method="trace", outputs=(out("out[1]", "out[1]", "always int 3, as on the first input"),)),
            ["out[1] is always int 3, as on the first input."],
        ),
        (
            Adaptation(
                method="trace",
                inputs=(AdaptedInput(argument=0, positions=(0,)), AdaptedInput(argument=2, positions=(2, 3, 4))),
            ),
            [
                "Argument 0 of the model is a list: the file takes its only tensor as argument 0.",
                "Argument 2 of the model is a list: the file takes its tensors as arguments 2, 3 and 4.",
            ],
        ),
    ],
)
def test_the_sentences(adaptation: Adaptation | None, lines: list[str]) -> None:
    assert list(adapted(reported(adaptation))) == lines


def test_long_texts_are_cut() -> None:
    (line,) = adapted(reported(Adaptation(method="trace", notes=("x" * 5000,))))
    assert len(line) < 400


def test_without_a_file_there_is_nothing_to_tell() -> None:
    model = reported(Adaptation(method="trace", notes=("something",)))
    assert adapted(replace(model, file=None)) == ()
