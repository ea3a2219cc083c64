from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptmobile.github.commands import (
    MESSAGE_LIMIT,
    CommandWriter,
    Place,
    add_mask,
    annotation,
    command,
    cut_message,
    debug,
    endgroup,
    group,
)
from ptmobile.local.workflow_commands import Command, parse_commands

ANY_TEXT = st.text(st.characters(exclude_categories=()))
TEXT = st.text()


def one(line: str) -> Command:
    (found,) = parse_commands(line)
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (command("error"), "::error::"),
        (command("error", "50%\r\n:,"), "::error::50%25%0D%0A:,"),
        (
            command("error", "m", {"title": "a:b,c%", "line": 0, "file": "", "col": None}),
            "::error title=a%3Ab%2Cc%25,line=0::m",
        ),
        (command("debug", "\udcff"), "::debug::?"),
        (group("two\nlines\x1b"), "::group::two lines␛"),
        (endgroup(), "::endgroup::"),
        (debug("a\nb"), "::debug::a%0Ab"),
        (add_mask("se%cret\r"), "::add-mask::se%25cret%0D"),
        (annotation("notice", "a\r\nb\rc\x07", title="t\n\u202e"), "::notice title=t <U+202E>::a%0Ab%0Ac␇"),
    ],
)
def test_builds_lines(line: str, expected: str) -> None:
    assert line == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place("a.py"), {"file": "a.py"}),
        (Place("a.py", 3, 3, 1, 9), {"file": "a.py", "line": "3", "endLine": "3", "col": "1", "endColumn": "9"}),
        (Place("a.py", 3, 4, 1, 9), {"file": "a.py", "line": "3", "endLine": "4"}),
        (Place("a.py", None, 4, 1, 9), {"file": "a.py"}),
        (Place("a.py", 3, None, None, 9), {"file": "a.py", "line": "3"}),
    ],
)
def test_places_hold_only_what_the_runner_takes_together(place: Place, expected: dict[str, str]) -> None:
    assert one(annotation("error", "m", place=place)).properties == {k.lower(): v for k, v in expected.items()}


@given(TEXT, TEXT)
def test_data_and_properties_come_back(data: str, value: str) -> None:
    found = one(command("error", data, {"title": value, "last": "x"}))
    assert found == Command("error", data, {k: v for k, v in {"title": value.lstrip("="), "last": "x"}.items() if v})


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_annotation_is_exactly_one_command_on_the_runner(message: str, title: str, file: str) -> None:
    line = annotation("error", message, title=title, place=Place(file, 1))
    assert line.encode()
    found = one(line)
    assert found.name == "error"
    assert set(found.properties) <= {"title", "file", "line"}
    assert len(found.data.encode("utf-16-le")) <= 2 * MESSAGE_LIMIT


@given(ANY_TEXT, ANY_TEXT)
def test_any_annotation_is_at_most_one_command_on_act(message: str, title: str) -> None:
    assert len(parse_commands(annotation("warning", message, title=title) + "\n", "act")) == 1


def test_messages_are_cut_before_they_are_escaped() -> None:
    found = one(annotation("error", "%" * 5000))
    assert found.data == "%" * 4095 + "…"
    assert one(annotation("error", "%" * 4096)).data == "%" * 4096


def test_messages_are_counted_in_utf_16() -> None:
    assert cut_message("🎉" * 2048) == "🎉" * 2048
    assert cut_message("🎉" * 2049) == "🎉" * 2047 + "…"
    assert cut_message("abc", 2) == "a…"


class TestWriter:
    def test_each_command_is_a_line(self) -> None:
        stream = io.StringIO()
        writer = CommandWriter(stream)
        writer.error("e", title="t")
        writer.warning("w", place=Place("f", 2))
        writer.notice("n")
        writer.debug("d")
        writer.add_mask("secret")
        assert stream.getvalue().splitlines() == [
            "::error title=t::e",
            "::warning file=f,line=2::w",
            "::notice::n",
            "::debug::d",
            "::add-mask::secret",
        ]

    @pytest.mark.parametrize("value", ["", " ", "\n"])
    def test_nothing_is_no_secret(self, value: str) -> None:
        stream = io.StringIO()
        CommandWriter(stream).add_mask(value)
        assert stream.getvalue() == ""

    def test_a_group_is_closed_whatever_happens(self) -> None:
        stream = io.StringIO()

        def fail() -> None:
            with CommandWriter(stream).group("work"):
                stream.write("inside\n")
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert stream.getvalue() == "::group::work\ninside\n::endgroup::\n"

    def test_every_line_is_flushed(self) -> None:
        flushed: list[str] = []

        class Stream(io.StringIO):
            def flush(self) -> None:
                flushed.append(self.getvalue())

        CommandWriter(Stream()).notice("n")
        assert flushed[0] == "::notice::n\n"
