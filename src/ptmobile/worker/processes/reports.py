"""What the processes of a job report: recorded and passed on, with what each stage left taken into keeping."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from ptmobile.errors import PtmobileError
from ptmobile.explaining import advice_for
from ptmobile.files import no_scratch
from ptmobile.protocol import BuildEnded, Message, Noticed, StageBegan, StageEnded
from ptmobile.result import Notice, Problem, Stage
from ptmobile.worker.processes.children import how_it_ended
from ptmobile.worker.processes.desks import Desks
from ptmobile.worker.processes.members import Member, Record, during

OUT_OF_TIME = "Out of time"
MORE_TIME = "Raise timeout-minutes if the model needs more time than that."

#: Who crashes with no more room than this has probably crashed for it: torch writes in pieces.
_FULL_BYTES: Final = 1 << 20


class Reports:
    """The record of a job, and whoever hears of each report as it comes."""

    def __init__(self, desks: Desks, emit: Callable[[Message], None]) -> None:
        self.record = Record()
        self._desks = desks
        self._emit = emit

    def take(self, member: Member, message: Message) -> None:
        """Record what a process says of its stages, and pass it on."""
        if isinstance(message, BuildEnded):
            member.busy = member.busy or StageBegan(name="saved", method=message.method, target=message.target)
            self.crashed(member, f"The process {how_it_ended(message.status)}{during(member.busy)}.")
            return
        if isinstance(message, StageBegan):
            if member.busy is None or (member.busy.name, member.busy.target) != (message.name, message.target):
                member.since = time.monotonic()
            member.busy = message
        elif isinstance(message, StageEnded):
            member.busy = None
            message = StageEnded(stage=self._kept(member, message.stage))
            self.record.stages[message.stage.key] = message.stage
        elif isinstance(message, Noticed):
            self.record.notices.append(message.notice)
        self._emit(message)

    def notice(self, notice: Notice) -> None:
        """Record and pass on a notice of the supervisor's own."""
        self.record.notices.append(notice)
        self._emit(Noticed(notice=notice))

    def crashed(self, member: Member, message: str) -> None:
        """The stage that a process is busy with, else its first, has failed by a crash."""
        stage = member.busy.name if member.busy else member.first
        message += _full(member.desk)
        self._failed(member, Problem(title="Crashed", message=message, advice=advice_for(message, stage=stage)))

    def out_of_time(self, member: Member, message: str) -> None:
        """The stage that a process is busy with, else its first, took too long."""
        self._failed(member, Problem(title=OUT_OF_TIME, message=message, advice=MORE_TIME))

    def _failed(self, member: Member, problem: Problem) -> None:
        busy = member.busy or StageBegan(name=member.first, method=member.method)
        stage = Stage(
            name=busy.name,
            method=busy.method,
            target=busy.target,
            status="crashed",
            seconds=round(time.monotonic() - member.since, 3) if member.since else 0.0,
            problem=problem,
        )
        member.busy = None
        self.record.stages[stage.key] = stage
        self._emit(StageEnded(stage=stage))

    def _kept(self, member: Member, stage: Stage) -> Stage:
        """A stage, of which what it left has been taken; what cannot be taken has failed."""
        if stage.status != "passed":
            return stage
        try:
            self._desks.take(stage, member.desk)
        except (PtmobileError, OSError) as error:
            reason = error.message if isinstance(error, PtmobileError) else f"{no_scratch(error)}."
            advice = advice_for(reason, stage=stage.name)
            problem = Problem(title=f"What stage {stage.name} left could not be taken", message=reason, advice=advice)
            return replace(stage, status="failed", problem=problem)
        return stage


def _full(desk: Path) -> str:
    """What to add to the words on a crash if the disk of a desk is full: torch aborts where it cannot write a file."""
    try:
        free = shutil.disk_usage(desk).free
    except OSError:
        return ""
    return f" {no_scratch(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))}." if free < _FULL_BYTES else ""
