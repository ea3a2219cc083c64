"""Telling what happens while it happens: on a terminal, in a job's log, or in plain lines."""

from ptmobile.progress.base import Progress
from ptmobile.progress.choose import choose_progress

__all__ = ["Progress", "choose_progress"]
