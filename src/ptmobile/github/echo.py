"""Re-printing what untrusted code printed, so that it is seen and does nothing.

The runner takes a line for a command if it begins with `::name::` behind any white space, or holds `##[name]` anywhere;
a lone carriage return ends a line for it. `act` looks at the start of a line only, and takes any name. Problem matchers
of earlier steps turn lines into annotations, most of them by how a line begins. So every line gets a visible prefix,
every `##[` is broken by a visible character, and everything that could end a line or steer a terminal is made visible.

What a process may print is limited, so that it can fill neither the log nor our memory. Beyond a limit the lines are
counted, and the last of them are kept: that is where the traceback stands.
"""

from __future__ import annotations

import codecs
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ptmobile.visible import visible

_BAR = "│ "
_BROKEN_MARKER = "##\\["


@dataclass(frozen=True)
class EchoLimits:
    """How much of a process's output is shown."""

    total_bytes: int = 1024 * 1024
    """What is printed in all, the last lines aside."""

    lines: int = 5000
    line_length: int = 2000
    """Characters of one line; how many more there were is said."""

    lines_per_second: float = 500.0
    burst: int = 2000
    """Lines that may come at once before their rate counts."""

    tail: int = 40
    """Last lines that are shown in the end although a limit was passed."""


class SafeEcho:
    """Prints one stream of a child process line by line; feed it what the pipe gives, and close it in the end.

    `write` is called with one line and its newline at a time. A `label` tells the lines of several processes apart.
    Not for use by several threads at once.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        limits: EchoLimits | None = None,
        *,
        label: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._limits = limits or EchoLimits()
        # The bar comes first: a label is text of strangers too.
        self._prefix = _BAR + (f"{_harmless(label)} {_BAR}" if label else "")
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._gate = _Gate(self._limits, clock)
        self._line = _Line(self._limits.line_length)
        self._after_return = False
        self._dropped = 0
        self._tail: deque[_Line] = deque(maxlen=self._limits.tail)

    def feed(self, data: bytes) -> None:
        """Take what the child printed, in pieces of any size; whole lines are printed at once."""
        self._take(self._decode(data))

    def close(self) -> None:
        """Print an unfinished last line, how much was not shown, and the last lines of that."""
        self._take(self._decode(b"", final=True))
        if self._line.length:
            self._end_line()
        self._report_dropped(self._dropped - len(self._tail))
        while self._tail:
            self._print(self._tail.popleft().shown())

    def _take(self, text: str) -> None:
        if not text:
            return
        if self._after_return:
            text = text.removeprefix("\n")  # the second half of a line end that came in two pieces
        self._after_return = text.endswith("\r")
        *ended, rest = re.split(r"\r\n|\r|\n", text)
        for part in ended:
            self._line.add(part)
            self._end_line()
        self._line.add(rest)

    def _end_line(self) -> None:
        line, self._line = self._line, _Line(self._limits.line_length)
        if not self._gate.admits(line):
            self._dropped += 1
            self._tail.append(line)
            return
        self._report_dropped(self._dropped)
        self._tail.clear()
        self._print(line.shown())

    def _report_dropped(self, count: int) -> None:
        if count > 0:
            self._print(f"… {count} line{'s' if count > 1 else ''} not shown: {self._gate.reason}")
        self._dropped = 0

    def _print(self, line: str) -> None:
        self._write(f"{self._prefix}{line}\n")


class _Line:
    """A line as it grows: its beginning, and how long it is."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[str] = []
        self.length = 0

    def add(self, text: str) -> None:
        if text and self.length < self._limit:
            self._parts.append(text[: self._limit - self.length])
        self.length += len(text)

    def shown(self) -> str:
        text = _harmless("".join(self._parts))
        more = self.length - self._limit
        return text if more <= 0 else f"{text} … {more} more character{'s' if more > 1 else ''}"


class _Gate:
    """Decides line by line whether there is room left: in all, which ends for good, and at this moment."""

    def __init__(self, limits: EchoLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._bytes = 0
        self._lines = 0
        self._tokens = float(limits.burst)
        self._last = clock()
        self._closed = False
        self.reason = ""

    def admits(self, line: _Line) -> bool:
        if self._closed or not (self._fits_now() and self._fits_in_all(line)):
            return False
        self._tokens -= 1
        return True

    def _fits_in_all(self, line: _Line) -> bool:
        self._lines += 1
        self._bytes += len(line.shown().encode("utf-8", "replace"))
        if self._lines > self._limits.lines:
            self._closed, self.reason = True, f"more than {self._limits.lines} lines"
        elif self._bytes > self._limits.total_bytes:
            self._closed, self.reason = True, f"more than {self._limits.total_bytes} bytes"
        return not self._closed

    def _fits_now(self) -> bool:
        now = self._clock()
        gained = (now - self._last) * self._limits.lines_per_second
        self._tokens, self._last = min(self._tokens + gained, self._limits.burst), now
        if self._tokens >= 1:
            return True
        self.reason = f"more than {self._limits.lines_per_second:g} lines a second"
        return False


def _harmless(text: str) -> str:
    return visible(text, keep="\t").replace("##[", _BROKEN_MARKER)
