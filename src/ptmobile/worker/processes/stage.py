"""One stage of a job: announced, timed, and reported however it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from ptmobile.device.errors import CannotRunError
from ptmobile.protocol import Noticed, StageBegan, StageEnded
from ptmobile.result import Method, Notice, Problem, Stage, StageName, StageStatus
from ptmobile.worker.explaining import problem_of
from ptmobile.worker.processes.channel import Writer


class StageFailedError(Exception):
    """A stage failed and said so; what follows it cannot run."""


class FailedElsewhereError(Exception):
    """Part of a stage failed in another process, which has made a problem of it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Reporter:
    """Tells the supervising process what a process of the job is doing."""

    def __init__(self, channel: Writer, workspace: Path, method: Method | None = None, target: str = "") -> None:
        self._channel = channel
        self._workspace = workspace
        self._method = method
        self._target = target

    @contextmanager
    def stage(self, name: StageName, title: str) -> Iterator[list[str]]:
        """Run the body as a stage, which may add notes; ``title`` says what did not work, should it fail.

        A CannotRunError makes it a skipped stage: something is missing here, which is not the model's fault.

        Raises:
            StageFailedError: the body raised anything, SystemExit included; the problem has been reported.
        """
        self._channel.send(StageBegan(name=name, method=self._method, target=self._target))
        start = time.monotonic()
        notes: list[str] = []
        try:
            yield notes
        except BrokenPipeError:
            raise
        except BaseException as error:  # noqa: BLE001 - model code may raise anything, SystemExit included
            problem = self.explain(error, title, name)
            status: StageStatus = "skipped" if isinstance(error, CannotRunError) else "failed"
            self._end(name, status, problem, time.monotonic() - start, notes)
            raise StageFailedError from None
        self._end(name, "passed", None, time.monotonic() - start, notes)

    def skip(self, name: StageName, title: str, message: str) -> None:
        """Say that a stage does not apply."""
        self._end(name, "skipped", Problem(title=title, message=message), 0.0)

    def _end(
        self, name: StageName, status: StageStatus, problem: Problem | None, seconds: float, notes: Sequence[str] = ()
    ) -> None:
        stage = Stage(
            name=name,
            method=self._method,
            target=self._target,
            status=status,
            problem=problem,
            seconds=round(seconds, 4),
            notes=tuple(notes),
        )
        self._channel.send(StageEnded(stage=stage))

    def explain(self, error: BaseException, title: str, name: StageName) -> Problem:
        """What an error in a stage means."""
        if isinstance(error, FailedElsewhereError):
            return replace(error.problem, title=title)
        return problem_of(error, title, self._workspace, name)

    def trial(self, name: StageName, number: int) -> None:
        """Say which trial runs now, so that a crash can be pinned to it."""
        self._channel.send(StageBegan(name=name, method=self._method, target=self._target, detail=f"trial {number}"))

    def notice(self, *notices: Notice) -> None:
        """Pass notices on."""
        for notice in notices:
            self._channel.send(Noticed(notice=notice))
