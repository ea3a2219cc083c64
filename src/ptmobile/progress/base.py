"""The lines of a run, one per stage. What is printed is the same everywhere; how it is framed differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ptmobile.protocol import Message, Noticed, StageBegan, StageEnded
from ptmobile.report.model import Verdict
from ptmobile.result import Stage
from ptmobile.visible import shorten, visible

_MARKS = {"passed": "✔", "failed": "✘", "crashed": "✘", "skipped": "-"}


class Progress(Protocol):
    """Who is told about a run."""

    def model_began(self, name: str, number: int, count: int) -> None:
        """A model's turn has come; ``number`` counts from 1."""

    def message(self, message: Message) -> None:
        """The worker said something."""

    def output(self, line: str) -> None:
        """A line that the model's code printed, made harmless, with its newline."""

    def model_ended(self, verdict: Verdict) -> None:
        """The model has been judged."""

    def say(self, line: str) -> None:
        """A line of our own."""


class Lines:
    """Progress as plain lines; the base of the other kinds."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def model_began(self, name: str, number: int, count: int) -> None:
        """Head the model's lines with its name."""
        self.say(f"{name} ({number} of {count})" if count > 1 else name)

    def message(self, message: Message) -> None:
        """Print a line for a stage that has ended, and for a notice."""
        if isinstance(message, StageEnded):
            self.say(stage_line(message.stage))
        elif isinstance(message, Noticed):
            self.say(f"  {'!' if message.notice.level == 'warning' else 'i'} {one_line(message.notice.message)}")
        elif isinstance(message, StageBegan):
            self._began(message)

    def output(self, line: str) -> None:
        """Print the line as it is."""
        self._write(line)

    def model_ended(self, verdict: Verdict) -> None:
        """Print the verdict and its reasons."""
        self.say(f"{_MARKS[verdict.status]} {verdict.title}")
        for reason in verdict.reasons:
            self.say(f"  {one_line(reason.title)}")
            for line in [*reason.message.splitlines(), reason.location, reason.advice]:
                if line.strip():
                    self.say(f"    {one_line(line)}")

    def say(self, line: str) -> None:
        """Print one line."""
        self._write(harmless(line) + "\n")

    def _began(self, message: StageBegan) -> None:
        """Nothing: a stage is worth a line when it is over."""


def stage_line(stage: Stage) -> str:
    """One line about a stage that has ended."""
    problem = f": {one_line(stage.problem.message, 200)}" if stage.problem else ""
    return f"  {_MARKS[stage.status]} {stage.key:<20} {stage.seconds:6.2f} s{problem}"


def one_line(text: str, limit: int = 1000) -> str:
    """A text on one line, cut, with control characters made visible."""
    return shorten(visible(" ".join(text.split())), limit)


def harmless(line: str) -> str:
    """A line that the runner takes for text, whatever a model has put into its names and errors."""
    broken = line.replace("##[", "##|[")
    return f"│ {broken}" if broken.lstrip().startswith("::") else broken
