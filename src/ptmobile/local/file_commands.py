"""What a step left in its command files, read as the runner reads it, and as `act` does.

The runner takes a step's outputs from the file named by GITHUB_OUTPUT (and in the same grammar GITHUB_ENV and
GITHUB_STATE) once the step has ended. These are small exact parsers of that side: the local runner uses them, and the
tests hold our own writers against them.

Give them the file's text as it is: `path.read_bytes().decode("utf-8", "replace")`. `Path.read_text` would turn every
`\\r` into a line end before the parser sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

Flavour: TypeAlias = Literal["runner", "act"]

SUMMARY_LIMIT = 1024 * 1024
"""Bytes of GITHUB_STEP_SUMMARY that the runner accepts, inclusive; one more and all of it is dropped."""

_BYTE_ORDER_MARK = "\ufeff"


class FileCommandError(ValueError):
    """A malformed command file, which fails the step.

    `parsed` holds what has taken effect nevertheless: on the runner the pairs before the bad line, on act none.
    """

    def __init__(self, message: str, parsed: dict[str, str]) -> None:
        super().__init__(message)
        self.parsed = parsed


class _Malformed(Exception):  # noqa: N818 - never leaves this module
    pass


def parse_key_values(text: str, *, flavour: Flavour = "runner") -> dict[str, str]:
    """Return the names and values of a command file; of a name given twice the last value wins.

    Raises FileCommandError (a ValueError that carries what has taken effect) where the runner, or act, would fail the
    step.
    """
    pairs = _runner_pairs if flavour == "runner" else _act_pairs
    found: dict[str, str] = {}
    try:
        for name, value in pairs(text.removeprefix(_BYTE_ORDER_MARK)):
            found[name] = value  # noqa: PERF403 - a comprehension would lose what came before a bad line
    except _Malformed as problem:
        raise FileCommandError(str(problem), found if flavour == "runner" else {}) from None
    return found


def summary_accepted(content: bytes) -> bool:
    """Tell whether the runner keeps a step summary of this content (an empty one is ignored, which is no error)."""
    return len(content) <= SUMMARY_LIMIT


def _split_header(line: str) -> tuple[str, str, bool]:
    """Split a line into name, rest, and whether it opens a heredoc: whichever of `=` and `<<` comes first decides."""
    equals, heredoc = line.find("="), line.find("<<")
    if equals >= 0 and (heredoc < 0 or equals < heredoc):
        return line[:equals], line[equals + 1 :], False
    if heredoc >= 0:
        return line[:heredoc], line[heredoc + 2 :], True
    raise _Malformed(f"invalid format {line!r}: neither '=' nor '<<'")


def _runner_pairs(text: str) -> Iterator[tuple[str, str]]:
    lines = _runner_lines(text)
    for line, _ in lines:
        if not line:
            continue
        name, rest, is_heredoc = _split_header(line)
        if not name or (is_heredoc and not rest):
            raise _Malformed(f"invalid format {line!r}: name and delimiter must not be empty")
        yield name, _runner_heredoc(lines, rest) if is_heredoc else rest


def _runner_lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each line with whether `\\n` ended it; on Linux nothing else does, and `\\r` stays part of the line."""
    *complete, last = text.split("\n")
    for line in complete:
        yield line, True
    if last:
        yield last, False


def _runner_heredoc(lines: Iterator[tuple[str, bool]], delimiter: str) -> str:
    value: list[str] = []
    for line, terminated in lines:
        if line == delimiter:
            return "\n".join(value)
        if not terminated:
            raise _Malformed("invalid value: the last line is not the delimiter and does not end")
        value.append(line)
    raise _Malformed(f"invalid value: delimiter {delimiter!r} not found")


def _act_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Read as act does: no empty line outside a value; empty names and delimiters are taken as they are."""
    # One `\r` before each line end is dropped, also inside values.
    lines = (line.removesuffix("\r") for line, _ in _runner_lines(text))
    for line in lines:
        name, rest, is_heredoc = _split_header(line)
        yield name, _act_heredoc(lines, rest) if is_heredoc else rest


def _act_heredoc(lines: Iterator[str], delimiter: str) -> str:
    value = ""
    for line in lines:
        if line == delimiter:
            return value
        # A line joins with a newline only if there is text before it: empty lines at the start are lost.
        value = f"{value}\n{line}" if value else line
    raise _Malformed(f"invalid format: delimiter {delimiter!r} not found before end of file")
