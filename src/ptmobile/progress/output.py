"""Standard output that may be closed, or full, without ending a run."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from io import TextIOBase
from typing import TextIO


class LastingOutput(TextIOBase):
    """Passes on what is printed; once that fails, nobody reads it, and the rest is dropped."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Print a text, if it can be printed."""
        self._attempt(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Print what is buffered, if it can be printed."""
        self._attempt(lambda stream: stream.flush())

    def isatty(self) -> bool:
        """Whether somebody watches on a terminal."""
        return self._stream is not None and self._stream.isatty()

    def _attempt(self, action: Callable[[TextIO], object]) -> None:
        if self._stream is None:
            return
        try:
            action(self._stream)
        except (OSError, ValueError):
            # Python prints what is buffered when it ends, and fails if it cannot.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            self._stream = None
