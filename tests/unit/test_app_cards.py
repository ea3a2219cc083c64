"""The card for apps and its lines of code: which dimension follows which, and names from models that stay harmless."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ptmobile.app_card import MAX_VALUES, AppCard, AppValue
from ptmobile.report.accessors import app_code
from ptmobile.report.accessors.jvm import JAVA, KOTLIN
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.value_manifest import Containers, Manifest, Moved, StoredTensor, in_file_form
from ptmobile.worker.evidence.app_cards import app_card, java_notices

BACKSLASH = "\\"


def manifest(containers: Containers, **tensors: tuple[str, tuple[int, ...]]) -> Manifest:
    stored = {
        path.replace("__", "["): StoredTensor(dtype=d, shape=s, memory_format="contiguous", offset=0, size=0)
        for path, (d, s) in tensors.items()
    }
    return Manifest(order=tuple(stored), containers=containers, tensors=stored, plain={}, floats={})


def left(folder: Path, inputs: list[list[tuple[int, ...]]], outputs: list[Manifest]) -> list[int]:
    """What the processes leave behind: the shapes of all inputs and what came out, trial by trial."""
    for name in ("inputs", "lite"):
        (folder / name).mkdir()
    for number, (shapes, output) in enumerate(zip(inputs, outputs, strict=True)):
        tensors = {
            f"input[{index}]": StoredTensor(dtype="float32", shape=shape, memory_format="contiguous", offset=0, size=0)
            for index, shape in enumerate(shapes)
        }
        keys = tuple(str(index) for index in range(len(shapes)))
        given = Manifest(
            order=tuple(tensors), containers={"input": ("list", keys)}, tensors=tensors, plain={}, floats={}
        )
        (folder / f"inputs/{number}.json").write_bytes(msgspec.json.encode(given))
        (folder / f"lite/{number}.json").write_bytes(msgspec.json.encode(output))
    return list(range(len(inputs)))


def moves(folder: Path, inputs: list[list[tuple[int, ...]]], shapes: list[tuple[int, ...]]) -> tuple[str, ...]:
    outputs = [manifest({}, out=("float32", shape)) for shape in shapes]
    card = app_card(folder, "lite", left(folder, inputs, outputs))
    assert card is not None
    return card.outputs[0].moves


@pytest.mark.parametrize(
    ("inputs", "shapes", "expected"),
    [
        ([[(1, 8)], [(4, 8)]], [(1, 5), (4, 5)], ("dimension 0 is dimension 0 of input 0",)),
        ([[(2,), (8,)], [(2,), (4,)]], [(4,), (2,)], ("dimension 0 is 1/2 times dimension 0 of input 1",)),
        ([[(9,)], [(12,)]], [(7,), (10,)], ("dimension 0 is dimension 0 of input 0 minus 2",)),
        ([[(3,)], [(4,)], [(5,)]], [(9,), (16,), (25,)], ("dimension 0 changes with the shapes of the inputs",)),
        ([[(3,)], [(3,)]], [(1,), (2,)], ("dimension 0 depends on the values of the input",)),
        ([[(3,)], [(4,)]], [(2,), (2,)], ()),
    ],
    ids=["same", "part", "minus", "square", "values", "still"],
)
def test_which_dimension_follows_which(
    tmp_path: Path, inputs: list[list[tuple[int, ...]]], shapes: list[tuple[int, ...]], expected: tuple[str, ...]
) -> None:
    assert moves(tmp_path, inputs, shapes) == expected


def test_another_structure_in_another_trial_is_told(tmp_path: Path) -> None:
    one = manifest({"out": ("list", ("0",))}, **{"out[0]": ("float32", (2,))})
    two = manifest({"out": ("list", ("0", "1"))}, **{"out[0]": ("float32", (2,)), "out[1]": ("float32", (2,))})
    card = app_card(tmp_path, "lite", left(tmp_path, [[(1,)], [(1,)]], [one, two]))
    assert card is not None
    assert card.notes == ("The output has another structure in trial 1: code for all inputs has to look at it first.",)
    code = app_code(card, "net.ptl")
    assert code is not None
    assert all(any("another structure" in line for line in lines) for lines in (code.java, code.kotlin, code.ios))


def test_what_is_too_much_for_a_card_is_told_and_the_lines_end_there(tmp_path: Path) -> None:
    count = MAX_VALUES + 7
    keys = tuple(map(str, range(count)))
    many = manifest({"out": ("tuple", keys)}, **{f"out[{key}]": ("float32", (2,)) for key in keys})
    card = app_card(tmp_path, "lite", left(tmp_path, [[(1,)]], [many]))
    assert card is not None
    assert len(card.outputs) == MAX_VALUES
    assert card.notes == ("8 more parts of the output are not on this card.",)
    code = app_code(card, "net.ptl")
    assert code is not None
    assert sum("Tensor output_" in line or line.startswith("Tensor output") for line in code.java) == MAX_VALUES - 1


@pytest.mark.parametrize(
    ("dtype", "cast"),
    [("bool", ".to(torch.uint8)"), ("float16", ".float()"), ("int16", ".int()"), ("complex64", "view_as_real")],
)
def test_what_java_lacks_comes_with_the_cast(dtype: str, cast: str, tmp_path: Path) -> None:
    card = app_card(tmp_path, "lite", left(tmp_path, [[(1,)]], [manifest({}, out=(dtype, (2,)))]))
    spec = ConversionSpec(model="x")
    (notice,) = java_notices(card, spec)
    assert (notice.level, notice.code) == ("warning", "not-for-java")
    assert cast in notice.message
    (quiet,) = java_notices(card, msgspec.structs.replace(spec, runtime="none"))
    assert quiet.level == "notice"


def test_a_dictionary_needs_keys_of_one_kind(tmp_path: Path) -> None:
    mixed = manifest({"out": ("dict", ("'a'", "1"))}, **{"out['a']": ("float32", ()), "out[1]": ("float32", ())})
    card = app_card(tmp_path, "lite", left(tmp_path, [[(1,)]], [mixed]))
    (notice,) = java_notices(card, ConversionSpec(model="x"))
    assert "keys" in notice.message


HOSTILE = [
    '");System.exit(1);//',
    "${Runtime.getRuntime()}",
    "*/ int x; /*",
    f"line{BACKSLASH}u000aint x;",
    "line\nint x;",
    "line\u2028int x;",
    "```\n# heading",
    "\u202egnp.exe",
    "\U0001f600",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_outputs_cannot_leave_their_literal_or_comment(name: str) -> None:
    path = f"out[{name!r}]"
    values = (
        AppValue(path="out", kind="dict", keys=(repr(name),)),
        AppValue(path=path, kind="tensor", dtype="float32", shapes=((2,),), memory_format="contiguous"),
    )
    for value in (values[1], AppValue(path=path, kind="tensor", dtype="bool", shapes=((2,),), java=False)):
        card = AppCard(variant="lite", cases=(0,), inputs=(), outputs=(values[0], value), notes=(f"about {path}",))
        code = app_code(card, f"{name}.ptl")
        assert code is not None
        for lines in (code.java, code.kotlin, code.ios):
            for line in lines:
                assert len(line.splitlines()) <= 1
                assert all(c >= " " for c in line)
                outside = without_literals(line)
                assert "int x" not in outside.partition("//")[0]
                assert "exit" not in outside.partition("//")[0]
                assert not any(f"{BACKSLASH}u" in part for part in outside.split("//")[1:])


def without_literals(line: str) -> str:
    """The line without what stands between quotes, as a compiler would find them."""
    kept, inside, at = [], False, 0
    while at < len(line):
        if line[at] == BACKSLASH and inside:
            at += 2
            continue
        if line[at] == '"':
            inside = not inside
        elif line.startswith("//", at) and not inside:
            return "".join(kept) + line[at:]
        elif not inside:
            kept.append(line[at])
        at += 1
    assert not inside
    return "".join(kept)


def test_literals_say_what_they_are_made_of() -> None:
    text = 'a"$q\u00e9\n\U0001f600'
    assert JAVA.text(text) == r'"a\"$q\u00e9\012\ud83d\ude00"'
    assert KOTLIN.text(text) == r'"a\"\$q\u00e9\u000a\ud83d\ude00"'


def test_the_models_output_in_the_form_of_the_file() -> None:
    eager = manifest({"out": ("Result", (".a", ".b"))}, **{"out.a": ("float32", (1,)), "out.b": ("int64", (2,))})
    moved = Moved(places=(("out.a", "out['a']"), ("out.b", "")), file_containers={"out": ("dict", ("'a'",))})
    form = in_file_form(eager, moved)
    assert form.containers == {"out": ("dict", ("'a'",))}
    assert {path: tensor.shape for path, tensor in form.tensors.items()} == {"out['a']": (1,)}
    assert form.order == ("out['a']",)
    assert in_file_form(eager, Moved()) is eager
