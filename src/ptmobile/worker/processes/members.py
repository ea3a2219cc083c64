"""What a supervisor knows of a process, what processes may report, and what they have reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ptmobile.protocol import BuildEnded, Finished, Message, StageBegan, StageEnded
from ptmobile.result import ASIDES, Method, Notice, Stage, StageName
from ptmobile.worker.processes.channel import Reader

#: Processes without a method that run the model's code, and stages of those that have not seen it.
_OF_MODEL = ("model", *ASIDES)
_OF_FRESH: frozenset[StageName] = frozenset({"lite", "backported", "device"})


@dataclass
class Member:
    """One process: its channel, where it leaves its files, its process id once known, and what it is busy with."""

    name: str
    channel: Reader
    desk: Path
    process: int | None = None
    method: Method | None = None
    first: StageName = "load"
    busy: StageBegan | None = None
    since: float = 0.0
    over: bool = False


@dataclass
class Record:
    """What the members have reported so far."""

    stages: dict[str, Stage] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def passed(self, key: str) -> bool:
        """Whether a stage went well."""
        return key in self.stages and self.stages[key].status == "passed"

    def failed(self, key: str) -> bool:
        """Whether a stage is over and did not go well."""
        return key in self.stages and self.stages[key].status != "passed"


def during(busy: StageBegan | None) -> str:
    """When something happened, in words that follow others."""
    return "" if busy is None else f" in stage {busy.name}" + (f", {busy.detail}" if busy.detail else "")


def may_say(member: Member, message: Message) -> bool:
    """Whether a process may say this: a model's code could write to its process's channel what others should say."""
    if isinstance(message, Finished):
        return False
    if not isinstance(message, StageBegan | StageEnded | BuildEnded):
        return True
    stage = message.stage if isinstance(message, StageEnded) else message
    if member.method:
        return stage.method == member.method and (isinstance(stage, BuildEnded) or stage.name not in _OF_FRESH)
    return not isinstance(stage, BuildEnded) and (member.name not in _OF_MODEL or stage.name not in _OF_FRESH)
