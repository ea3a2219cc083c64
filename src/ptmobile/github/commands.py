"""Workflow commands: lines on standard output that the runner acts upon.

The functions build one command each, with everything that could end it early escaped. Messages and titles may hold text
of strangers: characters that nobody sees are made visible in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TextIO, TypeAlias

from ptmobile.visible import ELLIPSIS, shorten, visible

Level: TypeAlias = Literal["error", "warning", "notice"]

MESSAGE_LIMIT = 4096
"""What the runner keeps of an annotation's message, in UTF-16 code units, before it is escaped."""

TITLE_LIMIT = 255
"""What the checks interface keeps of an annotation's title."""


@dataclass(frozen=True)
class Place:
    """Where in the workspace an annotation belongs: a relative path, lines and columns counted from 1."""

    file: str
    line: int | None = None
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None

    def properties(self) -> dict[str, str | int | None]:
        """Return the command's properties; columns without a line, or over several lines, the runner would drop."""
        one_line = self.line is not None and self.end_line in {None, self.line}
        return {
            "file": self.file,
            "line": self.line,
            "endLine": self.end_line if self.line is not None else None,
            "col": self.column if one_line else None,
            "endColumn": self.end_column if one_line and self.column is not None else None,
        }


def command(name: str, data: str = "", properties: Mapping[str, str | int | None] | None = None) -> str:
    """Return a command's line, without its end; properties without a value are left out."""
    given = {key: str(value) for key, value in (properties or {}).items() if value is not None}
    pairs = ",".join(f"{key}={escape_property(value)}" for key, value in given.items() if value)
    line = f"::{name}{' ' if pairs else ''}{pairs}::{escape_data(data)}"
    # A file name may hold bytes that are no UTF-8; they must not stop the message about it.
    return line.encode("utf-8", "replace").decode("utf-8")


def annotation(level: Level, message: str, *, title: str = "", place: Place | None = None) -> str:
    """Return an error, a warning or a notice. The runner shows ten of each kind per step, so one says it all."""
    properties: dict[str, str | int | None] = {"title": shorten(visible(_one_line(title)), TITLE_LIMIT)}
    properties |= place.properties() if place else {}
    return command(level, cut_message(_visible_lines(message)), properties)


def group(title: str) -> str:
    """Return the command that opens a folded group; groups do not nest, and what is shown has one line."""
    return command("group", visible(_one_line(title), keep="\t"))


def endgroup() -> str:
    """Return the command that closes the open group."""
    return command("endgroup")


def debug(message: str) -> str:
    """Return a message that is shown only if the run was started with debug logging."""
    return command("debug", _visible_lines(message))


def add_mask(value: str) -> str:
    """Return the command that hides a value, and each of its lines, from now on; never of a value in an output.

    A job output that holds a masked value is dropped by the runner.
    """
    return command("add-mask", value)


def cut_message(message: str, limit: int = MESSAGE_LIMIT) -> str:
    """Cut a message to what the runner keeps, counted as it counts, with an ellipsis where it was cut."""
    units = message.encode("utf-16-le", "surrogatepass")
    if len(units) <= 2 * limit:
        return message
    # Half of a pair at the cut is left out with it.
    return units[: 2 * (limit - 1)].decode("utf-16-le", "ignore") + ELLIPSIS


def escape_data(text: str) -> str:
    """Escape what stands behind a command's second pair of colons."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Escape a property's value. One that begins with `=` loses that on the runner: there is no escape for it."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _visible_lines(text: str) -> str:
    return visible(text.replace("\r\n", "\n").replace("\r", "\n"), keep="\n\t")


class CommandWriter:
    """Writes commands to a stream, each as a line of its own, flushed so that they keep their place in the log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def error(self, message: str, *, title: str = "", place: Place | None = None) -> None:
        """Annotate the run with an error; the step fails by its exit code only."""
        self._write(annotation("error", message, title=title, place=place))

    def warning(self, message: str, *, title: str = "", place: Place | None = None) -> None:
        """Annotate the run with a warning."""
        self._write(annotation("warning", message, title=title, place=place))

    def notice(self, message: str, *, title: str = "", place: Place | None = None) -> None:
        """Annotate the run with a notice."""
        self._write(annotation("notice", message, title=title, place=place))

    def debug(self, message: str) -> None:
        """Say something to those who debug the workflow."""
        self._write(debug(message))

    def add_mask(self, value: str) -> None:
        """Hide a value from the log; an empty one is passed over, since the runner would warn."""
        if value.strip():
            self._write(add_mask(value))

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold everything printed meanwhile under a title, also when it ends by an exception."""
        self._write(group(title))
        try:
            yield
        finally:
            self._write(endgroup())

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def masking(commands: CommandWriter | None) -> Callable[[str], None]:
    """What is told the secrets that the log must not show; outside of a job there is no log that could hide any."""
    return commands.add_mask if commands is not None else lambda _secret: None
