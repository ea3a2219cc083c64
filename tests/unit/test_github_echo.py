from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptmobile.github.echo import EchoLimits, SafeEcho
from ptmobile.local.workflow_commands import parse_commands

# Pieces that commands and line ends are made of, so that chance finds the bad ones.
PIECES = st.sampled_from(
    [
        *(
            b"::",
            b"##[",
            b"#",
            b"[",
            b"]",
            b":",
            b" ",
            b"\t",
            b"\r",
            b"\n",
            b"\r\n",
            b"\x0b",
            b"\x0c",
            b"\x1c",
            b"\x00",
        ),
        *("\x85", "\u2028", "\u2029", "\u3000", "\u200b", "\ufeff", "\u00ad"),
        *(b"error", b"::error::x", b"##[error]x", b"stop-commands", b"::set-output name=a::b", b"\x1b[31m"),
        *(b"\xe2", b"\x80", b"\xa8", b"\xff", b"\xc3", b"\xed\xa0\x80"),
    ]
).map(lambda piece: piece.encode() if isinstance(piece, str) else piece)
OUTPUT = st.lists(st.one_of(PIECES, st.binary(max_size=5)), max_size=40)


def echo(chunks: list[bytes], limits: EchoLimits | None = None, label: str = "") -> str:
    shown = io.StringIO(newline="")
    safe = SafeEcho(shown.write, limits, label=label, clock=lambda: 0.0)
    for chunk in chunks:
        safe.feed(chunk)
    safe.close()
    return shown.getvalue()


def lines(*output: bytes, limits: EchoLimits | None = None) -> list[str]:
    return [line.removeprefix("│ ") for line in echo(list(output), limits).splitlines()]


@given(OUTPUT, st.text(max_size=8), st.integers(0, 8), st.integers(1, 12), st.integers(0, 3))
def test_no_line_is_a_command(chunks: list[bytes], label: str, count: int, length: int, tail: int) -> None:
    for limits in (None, EchoLimits(lines=count, line_length=length, tail=tail), EchoLimits(burst=count, tail=tail)):
        shown = echo(chunks, limits, label)
        assert parse_commands(shown) == []
        assert parse_commands(shown, "act") == []
        assert "##[" not in shown
        assert all(line.startswith("│ ") for line in shown.splitlines())
        assert shown.count("\n") == len(shown.splitlines())
        assert shown.encode().decode() == shown


@given(OUTPUT)
def test_pieces_do_not_matter(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    assert echo(chunks) == echo([whole]) == echo([bytes([byte]) for byte in whole])


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))))
def test_harmless_text_is_shown_as_it_is(text: str) -> None:
    if "##[" not in text:
        assert "".join(lines(text.encode())) == text


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\n\nb\n", ["a", "", "b"]),
        (b"a\r\nb\rc\n\rd", ["a", "b", "c", "", "d"]),
        (b" 50%|##  | \r100%|####| \n", [" 50%|##  | ", "100%|####| "]),
        (b"::error::x\n  ##[error]x\n###[x", ["::error::x", "  ##\\[error]x", "###\\[x"]),
        (b"\x1b[31mred\x1b[0m\x07\x00\ttab", ["␛[31mred␛[0m␇␀\ttab"]),
        ("a\u2028::error::x\x85y".encode(), ["a<U+2028>::error::x<U+0085>y"]),
        (b"bad \xff\xe2\x82", ["bad \ufffd\ufffd"]),
    ],
)
def test_shows(output: bytes, shown: list[str]) -> None:
    assert lines(output) == shown


def test_a_line_end_in_two_pieces_is_one() -> None:
    assert lines(b"a\r", b"\nb\r", b"", b"\n", b"\nc") == ["a", "b", "", "c"]
    assert lines(b"a\r", b"\xc3", b"\xa4\n") == ["a", "ä"]


def test_whole_lines_are_shown_at_once() -> None:
    shown: list[str] = []
    safe = SafeEcho(shown.append)
    safe.feed(b"one\ntw")
    assert shown == ["│ one\n"]
    safe.feed(b"o\r")
    assert shown == ["│ one\n", "│ two\n"]


def test_a_label_is_shown_behind_the_bar_and_harmless_too() -> None:
    assert echo([b"x"], label="::error::\n##[") == "│ ::error::␊##\\[ │ x\n"


def test_long_lines_are_cut_and_say_so() -> None:
    limits = EchoLimits(line_length=4)
    assert lines(b"abcd\nabcde\nab", b"cd", b"efg\n", limits=limits) == [
        "abcd",
        "abcd … 1 more character",
        "abcd … 3 more characters",
    ]
    assert lines(b"##[error]", limits=EchoLimits(line_length=2)) == ["## … 7 more characters"]


def test_too_many_lines_leave_the_first_and_the_last() -> None:
    output = b"".join(b"%d\n" % i for i in range(100))
    assert lines(output, limits=EchoLimits(lines=3, tail=2)) == [
        *("0", "1", "2"),
        "… 95 lines not shown: more than 3 lines",
        *("98", "99"),
    ]


def test_too_many_bytes_leave_the_first_and_the_last() -> None:
    output = b"".join(b"line %d\n" % i for i in range(10))
    assert lines(output, limits=EchoLimits(total_bytes=14, tail=1)) == [
        *("line 0", "line 1"),
        "… 7 lines not shown: more than 14 bytes",
        "line 9",
    ]


def test_nothing_is_reported_missing_if_the_last_lines_are_all() -> None:
    assert lines(b"a\nb\nc", limits=EchoLimits(lines=1, tail=2)) == ["a", "b", "c"]
    assert lines(b"a\nb", limits=EchoLimits(lines=1, tail=0)) == ["a", "… 1 line not shown: more than 1 lines"]


def test_too_fast_is_shown_again_when_it_calms_down() -> None:
    now = 0.0
    shown: list[str] = []
    safe = SafeEcho(shown.append, EchoLimits(burst=2, lines_per_second=1), clock=lambda: now)
    safe.feed(b"1\n2\n3\n4\n")
    now = 1.0
    safe.feed(b"5\n6\n")
    safe.close()
    assert shown == [
        *("│ 1\n", "│ 2\n"),
        "│ … 2 lines not shown: more than 1 lines a second\n",
        *("│ 5\n", "│ 6\n"),
    ]


def test_memory_stays_small_whatever_comes() -> None:
    shown: list[str] = []
    safe = SafeEcho(shown.append, EchoLimits(line_length=10, lines=10, tail=3))
    for _ in range(2000):
        safe.feed(b"x" * 1000 + b"\n" * 1000)
        safe.feed(b"y" * 1000)
    safe.close()
    assert len(shown) <= 10 + 1 + 3
