"""Telling somebody of something, in a job as an annotation, else as lines of the log."""

from __future__ import annotations

from typing import Literal

from ptmobile.github.commands import CommandWriter
from ptmobile.progress import Progress
from ptmobile.report.model import Reason, message_of

Loudness = Literal["error", "warning", "notice"]


def tell(reason: Reason, loudness: Loudness, commands: CommandWriter | None, progress: Progress) -> None:
    """Say it, with its advice; ``commands`` is None outside of a job, where the log is all that there is."""
    message = message_of(reason)
    if commands is None:
        for line in message.splitlines():
            progress.say(line)
        return
    annotate = {"error": commands.error, "warning": commands.warning, "notice": commands.notice}
    annotate[loudness](message, title=f"ptmobile: {reason.title}")
