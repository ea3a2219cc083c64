"""What a step's output makes the runner do: the commands in it, read as the runner reads them, and as `act` does.

Two syntaxes are live on the runner: `::name key=value,key=value::data` at the start of a line, and
`##[name key=value;key=value]data` anywhere in one. The local runner uses these parsers, and the tests hold our filter
for untrusted output against them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ptmobile.local.file_commands import Flavour

COMMAND_NAMES = frozenset(
    {
        *("error", "warning", "notice", "debug", "group", "endgroup", "echo", "add-mask", "add-matcher"),
        *("remove-matcher", "set-output", "save-state", "set-env", "add-path", "stop-commands"),
    }
)
"""What the runner knows; a line with any other name is plain text. Act takes every name for a command."""

# White space as .NET has it; Python's str.strip would also take \x1c to \x1f.
_BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

_DATA = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
_BRACKET = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%"))

_ACT_COLONS = re.compile(r"::([^ ]+)( (.+))?::([^\r\n]*)[\r\n]+\Z")
_ACT_BRACKET = re.compile(r"##\[([^ ]+)( (.+))?\]([^\r\n]*)[\r\n]+\Z")


@dataclass(frozen=True)
class Command:
    """One line that was taken for a command; from the runner its name and property names are in lower case."""

    name: str
    data: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


class CommandReader:
    """Finds the commands of one step, line by line; remembers `stop-commands` as the step's two streams share it."""

    def __init__(self, flavour: Flavour = "runner") -> None:
        self._parse = self._parse_runner if flavour == "runner" else _parse_act
        self._flavour = flavour
        self._resume = ""

    def feed(self, line: str) -> Command | None:
        """Return the command that this line is, if commands are not stopped; the line that resumes them counts.

        For the runner the line comes without its end, for act with it.
        """
        command = self._parse(line)
        if command is None:
            return None
        if self._resume:
            if command.name != self._resume:
                return None
            self._resume = ""
        elif command.name == "stop-commands":
            self._stop(command.data)
        return command

    def _stop(self, token: str) -> None:
        if self._flavour == "act":
            self._resume = token
            return
        token = _fold(token)
        # The runner reports these as an error, fails the step, and goes on handling commands.
        if token and token not in COMMAND_NAMES and token != "pause-logging":  # noqa: S105 - no password
            self._resume = token

    def _parse_runner(self, line: str) -> Command | None:
        names = COMMAND_NAMES | {self._resume} if self._resume else COMMAND_NAMES
        return _parse_colons(line, names) or _parse_bracket(line, names)


def parse_commands(output: str, flavour: Flavour = "runner") -> list[Command]:
    """Return all commands in what a step printed on one stream, decoded as UTF-8 with replacement."""
    reader = CommandReader(flavour)
    lines = _runner_lines(output) if flavour == "runner" else _act_lines(output)
    return [command for line in lines if (command := reader.feed(line))]


def _runner_lines(output: str) -> Iterator[str]:
    """A lone carriage return ends a line too."""
    yield from re.split(r"\r\n|\r|\n", output)


def _act_lines(output: str) -> Iterator[str]:
    """Only a newline ends a line. Behind the last one act looks on the host, not in a container: we always do."""
    yield from (f"{line}\n" for line in output.removesuffix("\n").split("\n"))


def _parse_colons(line: str, names: frozenset[str]) -> Command | None:
    text = line.lstrip(_BLANKS)
    header, found, data = text[2:].partition("::")
    if not text.startswith("::") or not found:
        return None
    name, _, properties = header.partition(" ")
    if _fold(name) not in names:
        return None
    return Command(_fold(name), _unescape(data, _DATA), _properties(properties.strip(_BLANKS), ",", _PROPERTY))


def _parse_bracket(line: str, names: frozenset[str]) -> Command | None:
    _, prefix, text = line.partition("##[")
    header, found, data = text.partition("]")
    if not prefix or not found:
        return None
    name, _, properties = header.partition(" ")
    if _fold(name) not in names:
        return None
    return Command(_fold(name), _unescape(data, _BRACKET), _properties(properties, ";", _BRACKET))


def _properties(text: str, separator: str, escapes: tuple[tuple[str, str], ...]) -> dict[str, str]:
    found = {}
    for part in text.split(separator):
        # Empty pieces are dropped on both sides of the first "=" that has a name before it.
        name, _, value = part.lstrip("=").partition("=")
        if value := value.lstrip("="):
            found[_fold(name)] = _unescape(value, escapes)
    return found


def _parse_act(line: str) -> Command | None:
    match, separator = _ACT_COLONS.match(line), ","
    if match is None:
        match, separator = _ACT_BRACKET.match(line), ";"
    if match is None:
        return None
    pairs = (part.split("=") for part in (match[3] or "").split(separator))
    # A property whose value holds a "=" is lost. Act decodes in random order; this is the order that is meant.
    properties = {pair[0]: _unescape(pair[1], _PROPERTY) for pair in pairs if len(pair) == 2}
    return Command(match[1], _unescape(match[4], _DATA), properties)


def _unescape(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for escaped, plain in escapes:
        text = text.replace(escaped, plain)
    return text


def _fold(name: str) -> str:
    """Names are compared without regard to case, one character at a time, by their capitals."""
    return "".join(map(_fold_character, name))


def _fold_character(character: str) -> str:
    capital = character.upper()
    if len(capital) > 1 or (capital.isascii() and not character.isascii()):
        return character  # .NET pairs neither sharp s with `SS`, nor dotless i with `I`, nor long s with `S`
    return capital.lower() if capital.isascii() else capital
