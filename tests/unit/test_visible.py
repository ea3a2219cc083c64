from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptmobile.visible import shorten, visible

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain äöü 漢字 🎉", "plain äöü 漢字 🎉"),
        ("a\x00\x1b[31m\x07\x7f", "a␀␛[31m␇␡"),
        ("a\tb\r\nc", "a␉b␍␊c"),
        ("a\x85b\u2028c\u202ed\u200be", "a<U+0085>b<U+2028>c<U+202E>d<U+200B>e"),
        ("file\udcff", "file<U+DCFF>"),
        ("no\u00a0break\u3000wide", "no\u00a0break\u3000wide"),
    ],
)
def test_shows_what_nobody_sees(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_keeps_what_is_asked_for() -> None:
    assert visible("a\tb\nc\r", keep="\n\t") == "a\tb\nc␍"


@given(ANY_TEXT)
def test_gives_one_line_that_can_be_encoded(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert shown.encode().decode() == shown
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("limit", "middle", "expected"),
    [(9, False, "layer1.0…"), (9, True, "laye…ight"), (1, True, "…"), (0, False, ""), (99, True, None)],
)
def test_shortens(limit: int, middle: bool, expected: str | None) -> None:
    text = "layer1.0.conv1.weight"
    assert shorten(text, limit, middle=middle) == (expected if expected is not None else text)


@given(ANY_TEXT, st.integers(0, 30), st.booleans())
def test_shortened_text_keeps_its_ends(text: str, limit: int, middle: bool) -> None:
    short = shorten(text, limit, middle=middle)
    assert len(short) <= limit or short == text
    head, _, tail = short.partition("…") if short != text else (text, "", "")
    assert text.startswith(head)
    assert text.endswith(tail)
