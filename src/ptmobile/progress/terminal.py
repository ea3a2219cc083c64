"""Progress on a terminal: a line per stage as it ends, and below it what runs now."""

from __future__ import annotations

from rich.console import Console
from rich.status import Status

from ptmobile.progress.base import Lines
from ptmobile.protocol import StageBegan
from ptmobile.report.model import Verdict
from ptmobile.result import variant_key


class Terminal(Lines):
    """Lines with a spinner under them."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._status: Status | None = None
        super().__init__(lambda text: self._console.out(text, end="", highlight=False))

    def model_began(self, name: str, number: int, count: int) -> None:
        """Head the model's lines and start the spinner."""
        super().model_began(name, number, count)
        self._status = self._console.status("starting")
        self._status.start()

    def model_ended(self, verdict: Verdict) -> None:
        """Stop the spinner and print the verdict."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        super().model_ended(verdict)

    def _began(self, message: StageBegan) -> None:
        if self._status is not None:
            detail = f", {message.detail}" if message.detail else ""
            self._status.update(f"{variant_key(message.name, message.method, message.target)}{detail}")
