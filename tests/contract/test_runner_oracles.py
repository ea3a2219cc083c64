"""The runner's side, as our parsers see it: cases from its own behaviour and from act's."""

from __future__ import annotations

import pytest

from ptmobile.local.file_commands import FileCommandError, Flavour, parse_key_values, summary_accepted
from ptmobile.local.workflow_commands import Command, CommandReader, parse_commands

BOTH: tuple[Flavour, ...] = ("runner", "act")


class TestKeyValues:
    @pytest.mark.parametrize("flavour", BOTH)
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", {}),
            ("A=x y\n", {"A": "x y"}),
            ("A=x", {"A": "x"}),
            ("A=\n", {"A": ""}),
            ("A==x\nB=a=b\nC=c=\n", {"A": "=x", "B": "a=b", "C": "c="}),
            ("A=1\nA=2\n", {"A": "2"}),
            ("A=x<<y\n", {"A": "x<<y"}),
            ("A<<E\none\ntwo\nE\n", {"A": "one\ntwo"}),
            ("A<<E\none\nE", {"A": "one"}),
            ("A<<E\nE\n", {"A": ""}),
            ("A<<E\n\nE\n", {"A": ""}),
            ("A<<E\none\n\nE\n", {"A": "one\n"}),
            ("A<<E\none\n\n\ntwo\nE\n", {"A": "one\n\n\ntwo"}),
            ("A<<=E\none\n=E\nB<<<E\ntwo\n<E\n", {"A": "one", "B": "two"}),
            ("A<<E\nB=2\n E\nE \nE\n", {"A": "B=2\n E\nE "}),
            ("A<<E<<F\nE\nE<<F\n", {"A": "E"}),
            ("\ufeffA=1\n", {"A": "1"}),
            ("a b-ü=1\n", {"a b-ü": "1"}),
            ("A=x\x85y\u2028z\x0bw\n", {"A": "x\x85y\u2028z\x0bw"}),
        ],
    )
    def test_both_agree(self, text: str, expected: dict[str, str], flavour: Flavour) -> None:
        assert parse_key_values(text, flavour=flavour) == expected

    @pytest.mark.parametrize(
        ("text", "runner", "act"),
        [
            ("A<<E\n\n\nx\nE\n", {"A": "\n\nx"}, {"A": "x"}),
            ("A<<E\n\n\nE\n", {"A": "\n"}, {"A": ""}),
            ("A<<E\nx\r\ny\rz\r\r\nE\n", {"A": "x\r\ny\rz\r\r"}, {"A": "x\ny\rz\r"}),
            ("A=x\r\n", {"A": "x\r"}, {"A": "x"}),
        ],
    )
    def test_they_differ(self, text: str, runner: dict[str, str], act: dict[str, str]) -> None:
        assert parse_key_values(text) == runner
        assert parse_key_values(text, flavour="act") == act

    @pytest.mark.parametrize("flavour", BOTH)
    @pytest.mark.parametrize("text", ["nothing\n", "A<<E\nx\n", "A<<E\nx", "A<<E\nx\nE ", "A<<E\n"])
    def test_both_refuse(self, text: str, flavour: Flavour) -> None:
        with pytest.raises(ValueError, match="invalid"):
            parse_key_values(text, flavour=flavour)

    @pytest.mark.parametrize("text", ["=x\n", "<<E\nx\nE\n", "A<<\nx\n\n"])
    def test_only_the_runner_refuses_empty_names_and_delimiters(self, text: str) -> None:
        with pytest.raises(ValueError, match="must not be empty"):
            parse_key_values(text)
        assert parse_key_values(text, flavour="act")

    def test_only_act_refuses_empty_lines(self) -> None:
        text = "A=1\n\nB=2\n"
        assert parse_key_values(text) == {"A": "1", "B": "2"}
        with pytest.raises(ValueError, match="neither"):
            parse_key_values(text, flavour="act")

    def test_only_act_ends_a_delimiter_line_at_a_carriage_return(self) -> None:
        text = "A<<E\r\nx\r\nE\r\n"
        assert parse_key_values(text) == {"A": "x\r"}  # the delimiter is "E\r" in both lines
        assert parse_key_values(text, flavour="act") == {"A": "x"}

    @pytest.mark.parametrize(("flavour", "parsed"), [("runner", {"A": "1", "B": "2"}), ("act", {})])
    def test_what_has_taken_effect_in_spite_of_a_bad_line(self, flavour: Flavour, parsed: dict[str, str]) -> None:
        with pytest.raises(FileCommandError) as caught:
            parse_key_values("A=1\nB<<E\n2\nE\nbad\nC=3\n", flavour=flavour)
        assert caught.value.parsed == parsed


def test_summary_limit_is_inclusive() -> None:
    assert summary_accepted(b"x" * 1_048_576)
    assert not summary_accepted(b"x" * 1_048_577)
    assert summary_accepted(b"")


def one(output: str) -> Command:
    (command,) = parse_commands(output)
    return command


class TestRunnerCommands:
    @pytest.mark.parametrize(
        ("line", "data", "properties"),
        [
            ("::error::msg", "msg", {}),
            ("::error::", "", {}),
            ("::ERROR Title=v1,::msg", "msg", {"title": "v1"}),
            ("  \t\u3000\x85\u2028::error k1=v1,::msg", "msg", {"k1": "v1"}),
            ("::error k1=,k2=,::", "", {}),
            ("::error k1=v1::a::b", "a::b", {"k1": "v1"}),
            ("::error k1=a=b,k2==c=,=k3=d::", "", {"k1": "a=b", "k2": "c=", "k3": "d"}),
            ("::error k1=a, k2=b ::", "", {"k1": "a", " k2": "b"}),
            ("::error k1=;%2C%0D%0A]%3A%25,::;%0D%0A]:,%25%3A", ";\r\n]:,%%3A", {"k1": ";,\r\n]:%"}),
            ("::error k1=%252C%250D::%250A%25253A", "%0A%253A", {"k1": "%2C%0D"}),
            ("##[error k1=v1;]msg", "msg", {"k1": "v1"}),
            ("##[error]", "", {}),
            (">>>  ##[Error k1=v1;k2=]msg", "msg", {"k1": "v1"}),
            ("##[error k1=%3B%0D%0A%5D%2C;]%3B%0D%0A%5D%25%2C", ";\r\n]%%2C", {"k1": ";\r\n]%2C"}),
            ("###[error]x", "x", {}),
            ("::unknown::##[error]x", "x", {}),
            (":: error::##[error]x", "x", {}),
        ],
    )
    def test_is_a_command(self, line: str, data: str, properties: dict[str, str]) -> None:
        assert one(line) == Command("error", data, properties)

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "error",
            "::error",
            ":: error::x",
            ">::error::x",
            "::unknown::x",
            "::::x",
            "\x1c::error::x",
            "\u200b::error::x",
            "##[error",
            "## [error]x",
            "##[]x",
            "##[unknown]##[error]x",
            "::\u017fet-output name=a::x",
        ],
    )
    def test_is_text(self, line: str) -> None:
        assert parse_commands(line) == []

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_line_ends(self, end: str) -> None:
        found = parse_commands(f"text{end}::error::a{end}##[debug]b")
        assert [(c.name, c.data) for c in found] == [("error", "a"), ("debug", "b")]

    @pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
    def test_no_line_ends(self, end: str) -> None:
        assert parse_commands(f"text{end}::error::a") == []

    @pytest.mark.parametrize("resume", ["::TOKEN::", "##[token]", "text ##[Token]"])
    def test_stop_commands(self, resume: str) -> None:
        found = parse_commands(f"::stop-commands::Token\n::error::a\n##[error]b\n{resume}\n::error::c")
        assert [(c.name, c.data) for c in found] == [("stop-commands", "Token"), ("token", ""), ("error", "c")]

    def test_a_colon_command_hides_the_resuming_bracket_behind_it(self) -> None:
        assert len(parse_commands("::stop-commands::tok\n::debug::##[tok]\n::error::a")) == 1

    @pytest.mark.parametrize("token", ["", "error", "Pause-Logging", "stop-commands"])
    def test_bad_stop_tokens_stop_nothing(self, token: str) -> None:
        assert [c.name for c in parse_commands(f"::stop-commands::{token}\n::error::a")] == ["stop-commands", "error"]

    def test_a_reader_is_shared_by_two_streams(self) -> None:
        reader = CommandReader()
        assert reader.feed("::stop-commands::abc")
        assert reader.feed("::error::from the other stream") is None


class TestActCommands:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("::error::msg\n", Command("error", "msg")),
            ("::error::msg\r\n", Command("error", "msg")),
            ("::error::msg", Command("error", "msg")),
            ("::anything::msg\n", Command("anything", "msg")),
            ("::set-output name=x%3A::50%25%0Ay\n", Command("set-output", "50%\ny", {"name": "x:"})),
            ("::error title=a=b,file=f::m\n", Command("error", "m", {"file": "f"})),
            ("::error title=t::a::b\n", Command("error", "b", {"title": "t::a"})),
            ("##[add-path]/zoo\n", Command("add-path", "/zoo")),
            ("##[set-output name=a;x=b]v\n", Command("set-output", "v", {"name": "a", "x": "b"})),
        ],
    )
    def test_is_a_command(self, line: str, expected: Command) -> None:
        assert parse_commands(line, "act") == [expected]

    @pytest.mark.parametrize("line", ["", "\n", " ::error::x\n", ">##[error]x\n", "a\r::error::x\n", "::x\n"])
    def test_is_text(self, line: str) -> None:
        assert parse_commands(line, "act") == []

    def test_stop_commands(self) -> None:
        found = parse_commands("::stop-commands::Tok\n::error::a\n::tok::\n::Tok::\n::error::c\n", "act")
        assert [c.name for c in found] == ["stop-commands", "Tok", "error"]
