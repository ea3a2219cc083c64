"""The wire to the runner in Java: what is written, what is believed, and what is not."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptmobile.device.answers import ANSWERS_FILE, Answers, read_answers
from ptmobile.device.plan import ModelFile, Trial, write_plan
from ptmobile.device.trees import flatten, nest
from ptmobile.device.wire import Decoder, TensorAt, WireError, encode, escape, unescape

TENSOR = TensorAt("float32", (2, 3), 64, 24, "channels_last")
PLAIN = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats() | st.text()
VALUES = st.recursive(
    PLAIN | st.just(TENSOR),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.dictionaries(st.integers(-(1 << 63), (1 << 63) - 1), inner, max_size=4)
    ),
    max_leaves=20,
)


def decode(lines: Sequence[str], data_bytes: int = 1000) -> Any:
    words = iter(line.split(" ") for line in lines)
    return Decoder(lambda: next(words), data_bytes).value()


def same(a: Any, b: Any) -> bool:
    """Equality that tells 1 from True and 1.0, and takes NaN for itself."""
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    return bool(a == b)


@given(VALUES)
def test_what_is_said_is_what_is_heard(value: Any) -> None:
    lines = list(encode(value))
    assert all("\n" not in line and line.isascii() for line in lines)
    assert same(decode(lines), value)


@given(VALUES)
def test_flat_trees_are_the_same_values(value: Any) -> None:
    assert same(nest("out", *flatten(value, "out")), value)


@given(st.text())
def test_text_is_one_word(text: str) -> None:
    word = escape(text)
    assert word.isascii()
    assert " " not in word
    assert unescape(word) == text


@pytest.mark.parametrize(
    "value",
    [1 << 63, {1: 2, "a": 3}, {True: 1}, {1.5: 1}, b"bytes", 1j, "\ud800", TensorAt("float32", (1,), 0, 4, "strided")],
    ids=repr,
)
def test_what_the_java_api_does_not_have(value: Any) -> None:
    with pytest.raises(WireError):
        list(encode(value))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "tensor float32 contiguous 0 24 2 3 4",
        "tensor float32 contiguous 4 24 2 3",
        "tensor float32 contiguous 960 64 16",
        "tensor float32 contiguous -64 24 2 3",
        "tensor float32 contiguous 0 8 -1 -2",
        "tensor bool contiguous 0 1 1",
        "tensor float32 strided 0 4 1",
        "tensor float32 contiguous 0 0 99999999999999999999 0",
        "tensor float32 contiguous 0 0 " + " ".join(["0"] * 65),
        "long 9223372036854775808",
        "long 1_0",
        "long ٣",
        "long",
        "bool 2",
        "double 123456789012345678",
        "double xyz",
        "string x",
        "string =ü",
        "list 100001",
        "list -1",
        "dict float 1",
        "none of these",
    ],
)
def test_what_is_no_value(line: str) -> None:
    with pytest.raises(WireError):
        decode([line])


def test_values_have_limits() -> None:
    with pytest.raises(WireError, match="nested too deeply"):
        decode(["list 1"] * 200)
    with pytest.raises(WireError, match="too large"):
        decode(["list 100000", *["list 2", "none", "none"] * 50_000])


ANSWER = """ptmobile-device 1
java =17.0.1
ready 1
file 0
loaded 5
trial 0
ran 6
output =0-0.bin
tuple 2
tensor float32 contiguous 0 4 1
long 3
trial 1
failed run =java.lang.Exception =of%20course
file 1
refused =com.facebook.jni.CppException =no
done
"""


def hear(folder: Path, text: str) -> Answers:
    (folder / ANSWERS_FILE).write_text(text, encoding="ascii")
    if not (folder / "0-0.bin").exists():
        (folder / "0-0.bin").write_bytes(b"1234")
    return read_answers(folder, {0: [0, 1], 1: [0]})


def test_an_honest_answer(tmp_path: Path) -> None:
    answers = hear(tmp_path, ANSWER)
    assert (answers.done, answers.damage, answers.java, answers.threads) == (True, "", "17.0.1", 1)
    trials = answers.files[0].trials
    assert trials[0].output is not None
    assert trials[0].output.value == (TensorAt("float32", (1,), 0, 4), 3)
    assert trials[1].failure is not None
    assert (trials[1].failure.step, trials[1].failure.message) == ("run", "of course")
    assert answers.files[1].failure is not None
    assert answers.files[1].failure.step == "load"


def test_an_answer_that_breaks_off_says_where(tmp_path: Path) -> None:
    lines = ANSWER.splitlines(keepends=True)
    steps = [
        "start",
        "start",
        "start",
        "next",
        "load",
        "next",
        "run",
        "outputs",
        "outputs",
        "outputs",
        "outputs",
        "next",
    ]
    for count, step in enumerate(steps):
        for rest in ("", lines[count][:3]):
            answers = hear(tmp_path, "".join(lines[:count]) + rest)
            assert (answers.step, answers.done, answers.damage) == (step, False, ""), count
    assert read_answers(tmp_path / "nothing", {}).step == "start"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("device 1", "device 2"),
        ("file 1", "file 2"),
        ("file 1", "file 0"),
        ("trial 1", "trial 0"),
        ("trial 1", "trial 7"),
        ("trial 1\n", ""),
        ("ran 6", "ran six"),
        ("ran 6\n", ""),
        ("=0-0.bin", "=1-0.bin"),
        ("=0-0.bin", "=..%2f0-0.bin"),
        ("0 4 1", "0 8 2"),
        ("loaded 5\n", ""),
        ("refused =com", "refused com"),
        ("ready 1\n", ""),
        ("done\n", "done\ndone\n"),
        ("failed run", "failed"),
        ("failed run", "failed load"),
        ("long 3", "long 3 4"),
        ("ran 6", "ran 6\nhello"),
    ],
)
def test_a_false_answer_is_damage(tmp_path: Path, old: str, new: str) -> None:
    assert old in ANSWER
    assert hear(tmp_path, ANSWER.replace(old, new, 1)).damage


def test_links_and_pipes_are_no_answers(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"1234")
    (tmp_path / "0-0.bin").symlink_to(tmp_path / "secret")
    assert "no plain file" in hear(tmp_path, ANSWER).damage
    (tmp_path / "0-0.bin").unlink()
    os.link(tmp_path / "secret", tmp_path / "0-0.bin")
    assert "no plain file" in hear(tmp_path, ANSWER).damage
    (tmp_path / ANSWERS_FILE).unlink()
    os.mkfifo(tmp_path / ANSWERS_FILE)
    assert "no plain file" in read_answers(tmp_path, {}).damage


def test_a_plan(tmp_path: Path) -> None:
    file = ModelFile(Path("a b.ptl"), [Trial([TENSOR, [1, True]], Path("x.bin")), Trial([], method="other")])
    write_plan(tmp_path / "plan", "pytorch_jni_lite", [file], {0: [1, 0]}, 2)
    assert (tmp_path / "plan").read_text() == (
        "ptmobile-device 1\nlibrary lite =pytorch_jni_lite\nthreads 2\nfile 0 =a%20b.ptl\n"
        "trial 1 =other =/dev/null 0\ntrial 0 =forward =x.bin 2\ntensor float32 channels_last 64 24 2 3\n"
        "list 2\nlong 1\nbool 1\nend\n"
    )
