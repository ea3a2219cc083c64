"""Faults from outside: the processes of a container as the machine's root sees them, found by what they do, and ended.

The processes that run a file have never seen the model, so that no code of it can bring a fault to them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException
from docker.models.containers import Container

from ptmobile.device.answers import ANSWERS_FILE
from ptmobile.local.step import CANCELLATION
from tests.hostile.faults import LIBRARY
from tests.process_support import PROC, alive, children, descendants, read

_POLL_SECONDS = 0.004
_READY = b"ready"  # what the library's process says when the library is loaded and the file is not
#: The children of a supervisor in the order of their start: two that there always are, then one for each stage.
_FIRST = ("drawing", "model")


@dataclass(frozen=True)
class Fault:
    """What is done to the first process of a stage that model number ``model`` (from 0) comes to."""

    model: int
    stage: str
    do: Callable[[int], None]


@dataclass
class Injector:
    """Looks at the processes of one container and brings about the faults; ``done`` are those that it has brought.

    ``stages``: what supervisors start after the model's process, in this order, for the main edition of one method.
    """

    faults: Sequence[Fault]
    stages: Sequence[str]
    done: list[Fault] = field(default_factory=list)
    _supervisors: list[int] = field(default_factory=list)
    _members: dict[int, list[int]] = field(default_factory=dict)
    _below: set[int] = field(default_factory=set)

    def look(self, first: int) -> None:
        """Look once at what descends from the container's first process, and act."""
        for parent in children(first):
            if b"ptmobile.worker" in read(PROC / f"{parent}/cmdline"):
                _add(self._supervisors, children(parent))
        for number, supervisor in enumerate(self._supervisors):
            members = self._members.setdefault(supervisor, [])
            _add(members, [child for child in children(supervisor) if child not in self._below])
            # A supervisor adopts what the model's process has left to go on.
            self._below.update(process for member in members for process in descendants(member))
            for fault in self.faults:
                if fault.model == number and fault not in self.done:
                    process = self._process(members, fault.stage)
                    if process is not None:
                        fault.do(process)
                        self.done.append(fault)

    def _process(self, members: Sequence[int], stage: str) -> int | None:
        place = len(_FIRST) + self.stages.index("device" if stage == LIBRARY else stage)
        if place >= len(members):
            return None
        if stage != LIBRARY:
            return members[place]
        libraries = children(members[place])
        return next((child for child in libraries if _READY in read(PROC / f"{child}/cwd" / ANSWERS_FILE)), None)


@contextlib.contextmanager
def injected(
    look: Callable[[int], object] | None,
    client: docker.DockerClient,
    workspace: Path,
    beside: Callable[[], object] | None = None,
) -> Iterator[None]:
    """Look again and again, with the first process of the container that comes to have this workspace.

    ``beside`` is called once when that is there, in a thread of its own.
    """
    over = threading.Event()

    def follow() -> None:
        while not (first := first_process(client, workspace)):
            if over.wait(_POLL_SECONDS):
                return
        if beside is not None:
            other.start()
        while look is not None and not over.wait(_POLL_SECONDS):
            look(first)

    other = threading.Thread(target=beside, daemon=True)
    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def first_process(client: docker.DockerClient, workspace: Path) -> int:
    """The machine's number of the first process in the container that has this workspace; 0 if there is none."""
    container = container_of(client, workspace)
    return int(container.attrs["State"]["Pid"]) if container else 0


def when(words: str, then: Callable[[], object]) -> Callable[[str], None]:
    """What takes the pieces of a log, and calls ``then`` once when these words are in it."""
    heard: list[str] = []
    left = [then]

    def hear(piece: str) -> None:
        heard.append(piece)
        if left and words in "".join(heard):
            left.pop()()

    return hear


def container_of(client: docker.DockerClient, workspace: Path) -> Container | None:
    """The running container of a step that has this workspace, if there is one."""
    with contextlib.suppress(DockerException):  # one in the list may just have gone
        for container in client.containers.list(filters={"label": "ptmobile.step=local"}):
            mounts: Sequence[Mapping[str, Any]] = container.attrs["Mounts"]
            if str(workspace.resolve()) in {mount["Source"] for mount in mounts}:
                return container
    return None


def cancel(container: Container, signals: Sequence[tuple[str, float]] = CANCELLATION) -> None:
    """Cancel a step as the runner does: signals, each with the seconds until the next one, and at last SIGKILL."""
    for name, patience in (*signals, ("SIGKILL", 0.0)):
        try:
            container.kill(name)
        except DockerException:
            return  # it has ended
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and alive(int(container.attrs["State"]["Pid"])):
            time.sleep(0.02)


def send(number: signal.Signals) -> Callable[[int], None]:
    """What sends a process a signal."""

    def kill(process: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)

    return kill


def _add(known: list[int], processes: Sequence[int]) -> None:
    known += [process for process in processes if process not in known]
