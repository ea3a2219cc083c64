"""Which kind of progress fits where we are."""

from __future__ import annotations

from typing import TextIO

from ptmobile.progress.base import Lines, Progress
from ptmobile.progress.log_groups import LogGroups


def choose_progress(stream: TextIO, *, in_actions: bool) -> Progress:
    """Groups in a job's log, a live display on a terminal, plain lines anywhere else."""
    if in_actions:
        return LogGroups(stream)
    if stream.isatty():
        try:
            from ptmobile.progress.terminal import Terminal  # noqa: PLC0415 - rich is heavy, and optional
        except ImportError:
            pass
        else:
            return Terminal()
    return Lines(lambda text: print(text, end="", file=stream, flush=True))
