"""Standard output that may be closed, or full, without ending a run."""

from __future__ import annotations

import os
from contextlib import suppress
from io import TextIOBase
from typing import TextIO


class LastingOutput(TextIOBase):
    """Passes on what is printed; once that fails, nobody reads it, and the rest is dropped."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Print a text, if it can be printed."""
        if self._stream is not None:
            try:
                self._stream.write(text)
            except (OSError, ValueError):
                self._give_up(self._stream)
        return len(text)

    def flush(self) -> None:
        """Print what is buffered, if it can be printed."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._give_up(self._stream)

    def isatty(self) -> bool:
        """Whether somebody watches on a terminal."""
        return self._stream is not None and self._stream.isatty()

    def _give_up(self, stream: TextIO) -> None:
        self._stream = None
        with suppress(OSError, ValueError):  # Python prints what is buffered when it ends, and fails if it cannot
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
