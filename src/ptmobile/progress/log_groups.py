"""Progress in the log of a job: a group per model, its verdict below it."""

from __future__ import annotations

from typing import TextIO

from ptmobile.github.commands import endgroup, group
from ptmobile.progress.base import Lines
from ptmobile.report.model import Verdict


class LogGroups(Lines):
    """Plain lines, folded per model."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(lambda text: print(text, end="", file=stream, flush=True))
        self._open = False

    def model_began(self, name: str, number: int, count: int) -> None:
        """Open the model's group."""
        self._write(group(f"{name} ({number} of {count})") + "\n")
        self._open = True

    def model_ended(self, verdict: Verdict) -> None:
        """Close the group, so that the verdict shows without unfolding."""
        if self._open:
            self._write(endgroup() + "\n")
            self._open = False
        super().model_ended(verdict)
