"""The processes of one job, as their supervisor sees them: what they report, and how each of them ended.

The supervisor never runs model code, so it is there to tell whatever becomes of the others.
"""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ptmobile.errors import PtmobileError
from ptmobile.protocol import Message, RoadBegan, StageBegan, StageEnded
from ptmobile.result import Notice, variant_key
from ptmobile.worker.processes import landlock
from ptmobile.worker.processes.channel import Writer, pipe
from ptmobile.worker.processes.children import end, fork, is_descendant, last_of
from ptmobile.worker.processes.confinement import confine_model, sit_down
from ptmobile.worker.processes.desks import Desks
from ptmobile.worker.processes.members import Member, Record, during, may_say
from ptmobile.worker.processes.reports import Reports

# What a pipe can hold, read in pieces, is less than this.
_LAST_READS = 64
_STOPPING_GRACE_SECONDS = 5.0
_STAYED = "closed its channel and did not end"


@dataclass(frozen=True)
class _End:
    """A descriptor that says when a process has ended."""

    member: Member
    descriptor: int


class Crew:
    """Listens to the members until something is known, or the time is up."""

    def __init__(
        self, deadline: float, emit: Callable[[Message], None], scratch: Path, *, fenced: bool = False
    ) -> None:
        self.desks = Desks(scratch, guarded=fenced and landlock.version() > 0)
        self.out_of_time = False
        self.fenced = fenced
        self._deadline = deadline
        self._reports = Reports(self.desks, emit)
        self._members: dict[str, Member] = {}
        self._selector = selectors.DefaultSelector()
        self._stopping = False

    @property
    def record(self) -> Record:
        """What the members have reported so far."""
        return self._reports.record

    def add(self, member: Member) -> None:
        """Listen to one more process."""
        self._members[member.name] = member
        self._selector.register(member.channel.descriptor, selectors.EVENT_READ, member)
        self._watch(member)

    def wait(self, until: Callable[[], bool]) -> None:
        """Take in reports until ``until()`` holds, everybody has ended, or the time is up."""
        while not until() and any(not member.over for member in self._members.values()):
            left = self._deadline - time.monotonic()
            if left <= 0:
                if not self._stopping:
                    self._end_all()
                return
            for key, _ in self._selector.select(left):
                self._hear(key.data)

    def wait_for(self, name: str, seconds: float) -> None:
        """Wait for the end of one process, but no longer than that: then it is ended, and everybody else goes on."""
        deadline, patience = self._deadline, time.monotonic() + seconds
        while not self.over(name) and (left := min(patience, deadline) - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                self._hear(key.data)
        member = self._members.get(name)
        if member is not None and not member.over:
            self._reports.out_of_time(member, f"It had not ended after {seconds:.0f} seconds{during(member.busy)}.")
            self._end_member(member)

    def run_apart(self, first: StageBegan, results: Writer, run: Callable[[Writer, Path], None]) -> None:
        """Run something in a process of its own that has seen nothing yet, and wait for its end.

        ``run`` gets its channel and its desk. It is behind a fence like the model's process: a file too may be made to
        do what it should not. ``first`` is the stage that has failed if the process ends before its first word.
        """
        name = variant_key(first.name, first.method, first.target)
        desk = self._start_apart(name, results, run, first)
        self.wait(lambda: self.over(name))
        self.desks.clear(desk)

    def have_made(self, what: str, results: Writer, run: Callable[[Writer, Path], None]) -> None:
        """Start a process that makes what a stage of the model's process would leave, in the place of that.

        It is not waited for before that stage has ended. It says nothing.
        """
        self.desks.replace_source(what, self._start_apart(_maker(what), results, run))

    def _start_apart(
        self, name: str, results: Writer, run: Callable[[Writer, Path], None], busy: StageBegan | None = None
    ) -> Path:
        reader, writer = pipe()
        desk = self.desks.new()

        def main() -> None:
            results.close()
            self.seat(desk)
            run(writer, desk)

        process = fork(main)
        writer.close()
        self.add(Member(name, reader, desk, process, busy=busy, since=time.monotonic()))
        return desk

    def seat(self, desk: Path) -> None:
        """In a process that has just been forked: give it a desk, and keep it from everything else."""
        sit_down(desk)
        if self.fenced:
            confine_model(desk)

    def take_from(self, name: str, folder: str) -> None:
        """Keep what a process has left beside its stages, if that can be taken."""
        if name in self._members:
            with contextlib.suppress(PtmobileError, OSError):
                self.desks.take_folder(folder, self._members[name].desk)

    def notice(self, notice: Notice) -> None:
        """Record and pass on a notice of the supervisor's own."""
        self._reports.notice(notice)

    def settled(self, stage: str, name: str) -> bool:
        """Whether a stage is over, one way or the other: reported, or its process has ended."""
        return stage in self.record.stages or self.over(name)

    def disband(self) -> None:
        """Let everybody end by themselves for a moment, then end those who do not."""
        self._deadline = time.monotonic() + _STOPPING_GRACE_SECONDS
        self._stopping = True
        self.wait(lambda: False)
        self.kill()

    def over(self, name: str) -> bool:
        """Whether a process has ended, or never was."""
        return name not in self._members or self._members[name].over

    def _hear(self, source: Member | _End) -> None:
        if isinstance(source, _End):
            self._hear_of_end(source)
        else:
            self._listen(source)

    def _watch(self, member: Member) -> None:
        """Hear of a process's end by the kernel too: what it has started may hold its channel open."""
        if member.process is not None:
            with contextlib.suppress(ProcessLookupError):
                descriptor = os.pidfd_open(member.process)
                self._selector.register(descriptor, selectors.EVENT_READ, _End(member, descriptor))

    def _hear_of_end(self, end_of: _End) -> None:
        """Hear what a process said before its end, and no more of those who may still write to its channel."""
        self._selector.unregister(end_of.descriptor)
        os.close(end_of.descriptor)
        member = end_of.member
        for _ in range(_LAST_READS):
            if member.over or not select.select([member.channel.descriptor], [], [], 0)[0]:
                break
            self._listen(member)
        if not member.over:
            self._ended(member)

    def _listen(self, member: Member) -> None:
        if member.over:
            return
        try:
            for message in member.channel.read():
                self._take(member, message)
        except (ValueError, msgspec.DecodeError) as error:
            self._reports.crashed(member, f"The {member.name} process wrote what is no report: {error}")
            member.channel.ended = True
        if member.channel.ended:
            self._ended(member)

    def _take(self, member: Member, message: Message) -> None:
        if not may_say(member, message):
            raise ValueError("it speaks for another process")
        if isinstance(message, RoadBegan):
            if member.process is None:
                member.process = message.process if is_descendant(message.process) else None  # it may say anything
                self._watch(member)
            return
        if isinstance(message, StageEnded) and message.stage.status == "passed":
            self._hear_out(message.stage.name)
        self._reports.take(member, message)

    def _hear_out(self, name: str) -> None:
        """Wait for the end of a process that makes what goes by a name, if there is one, and hear nobody else."""
        member = self._members.get(_maker(name))
        while member is not None and not member.over and (left := self._deadline - time.monotonic()) > 0:
            if select.select([member.channel.descriptor], [], [], left)[0]:
                self._listen(member)

    def _ended(self, member: Member) -> None:
        self._stop_listening(member)
        how = last_of(member.process) if member.process is not None else None
        if member.busy is not None:
            self._reports.crashed(member, f"The process {how or _STAYED}{during(member.busy)}.")

    def _end_all(self) -> None:
        """The time is up: whoever is busy has failed by that."""
        self.out_of_time = True
        for member in self._members.values():
            if not member.over and member.busy is not None:
                self._reports.out_of_time(member, f"The time limit was reached{during(member.busy)}.")
        self.kill()

    def kill(self) -> None:
        """End everybody at once."""
        for member in self._members.values():
            self._end_member(member)

    def _end_member(self, member: Member) -> None:
        if not member.over:
            if member.process is not None:
                end([member.process])
            self._stop_listening(member)

    def _stop_listening(self, member: Member) -> None:
        """A channel at its end is always ready to be read: it would keep whoever waits for others from sleeping."""
        self._selector.unregister(member.channel.descriptor)
        member.channel.close()
        member.over = True


def _maker(what: str) -> str:
    """The name of the process that makes what a stage would leave."""
    return f"maker of {what}"
