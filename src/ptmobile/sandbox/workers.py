"""The host's side of the wall: a prepared parent that forks a worker per model, and one ear for all it says."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from ptmobile.editions import Edition
from ptmobile.errors import ExitCode, PtmobileError
from ptmobile.protocol import JOB_FILE, Job, Message, WorkerSays
from ptmobile.result import Mode, ModelResult
from ptmobile.runtimes.limits import AskedLibrary
from ptmobile.sandbox.account import Account, worker_account, worker_environment
from ptmobile.sandbox.listening import Ears, Listener
from ptmobile.spec.conversion import ConversionSpec

_START_SECONDS = 120.0
_MAX_SAID_BYTES = 64 * 1024
# The worker watches the time limit itself and still reports; this is for one that does not.
_GRACE_SECONDS = 20.0
_STOPPING_SECONDS = 3.0


class WorkerError(PtmobileError):
    """The worker itself could not be started or did not answer: not the model's fault."""


class ScratchError(WorkerError):
    """There is no room for what a worker leaves until the run is over."""

    code = ExitCode.PUBLISH

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"The folder for temporary files cannot be written: {error.strerror or error}",
            advice="Check that the disk has room; TMPDIR names another place.",
        )


@dataclass(frozen=True)
class Outcome:
    """What a worker left behind. Without a result, ``ended`` says how it ended."""

    result: ModelResult | None
    ended: str
    scratch: Path


@dataclass(frozen=True)
class Task:
    """One model for a worker, and the files that are to be made of it."""

    spec: ConversionSpec
    editions: tuple[Edition, ...] = (Edition(),)
    mode: Mode = "convert"
    asked: tuple[AskedLibrary, ...] = ()


class Workers:
    """Workers for the models of one run. Use as a context manager; leaving it ends every process that it started."""

    def __init__(self, workspace: Path, account: Account | None = None) -> None:
        self.account = worker_account() if account is None else account
        self._workspace = workspace
        self._processes: set[int] = set()

    def __enter__(self) -> Self:
        with _scratch_errors():
            self._base = Path(tempfile.mkdtemp(prefix="ptmobile-"))
            self._base.chmod(0o711)
            self._home = self._folder("home")
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Not -I: that would ignore PYTHONHASHSEED. The environment is ours from the first variable to the last.
        command = [sys.executable, "-s", "-P", "-m", "ptmobile.worker", str(theirs.fileno())]
        self._parent = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self._home,
            env=worker_environment(self._home),
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            user=self.account.uid,
            group=self.account.gid,
            extra_groups=[] if self.account.separate else None,
            umask=0o022,
        )
        theirs.close()
        self._ready = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._control.close()
        for process in list(self._processes):
            _kill_session(process)
        # Without its socket the parent ends, and with it what models have left behind in sessions of their own.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._parent.wait(_STOPPING_SECONDS)
        _kill_session(self._parent.pid)
        self._parent.wait()
        if self._parent.stderr is not None:
            self._parent.stderr.close()
        shutil.rmtree(self._base, ignore_errors=True)

    def shared_folder(self, name: str) -> Path:
        """A folder of the host's that workers can read."""
        with _scratch_errors():
            folder = Path(tempfile.mkdtemp(dir=self._base, prefix=f"{name}-"))
            folder.chmod(0o755)
        return folder

    def run(self, task: Task, hear: Callable[[Message], None], ears: Ears) -> Outcome:
        """Have one model converted; ``hear`` gets every message, ``ears`` the worker's output.

        Raises:
            WorkerError: the prepared parent is gone or does not answer, or the job cannot be handed over.
        """
        self._wait_until_ready()
        with _scratch_errors():
            scratch = self._folder(f"model-{task.spec.name}")
            workspace = str(self._workspace.resolve())
            job = Job(
                spec=task.spec,
                workspace=workspace,
                scratch=str(scratch),
                editions=task.editions,
                mode=task.mode,
                asked=task.asked,
            )
            (scratch / JOB_FILE).write_bytes(msgspec.json.encode(job))
        with _pipes(3) as (readers, writers):
            socket.send_fds(self._control, [str(scratch).encode()], writers)
            for writer in writers:
                os.close(writer)
            writers.clear()
            process = self._said("started").process
            self._processes.add(process)
            listener = Listener((readers[0], readers[1], readers[2]), control=self._control, hear=hear, ears=ears)
            ended = listener.listen(process, task.spec.timeout_minutes * 60 + _GRACE_SECONDS)
        _kill_session(process)
        self._processes.discard(process)
        return Outcome(listener.result, ended, scratch)

    def clean(self, outcome: Outcome) -> None:
        """Remove what a worker left, once everything that is wanted has been taken over."""
        shutil.rmtree(outcome.scratch, ignore_errors=True)

    def _folder(self, name: str) -> Path:
        """A fresh folder: one of the same name may still be there, held by a process that is just being ended."""
        folder = Path(tempfile.mkdtemp(dir=self._base, prefix=f"{name}-"))
        self.account.give(folder)
        return folder

    def _wait_until_ready(self) -> None:
        if not self._ready:
            self._said("ready")
            self._ready = True

    def _said(self, event: str) -> WorkerSays:
        """Wait for a word of the parent; that an earlier worker has ended may come in between."""
        self._control.settimeout(_START_SECONDS)
        said = self._next_word()
        while said.event == "ended" != event:
            said = self._next_word()
        if said.event != event:
            raise WorkerError(f"The worker said {said.event!r} where {event!r} was due.")
        return said

    def _next_word(self) -> WorkerSays:
        try:
            data = self._control.recv(_MAX_SAID_BYTES)
        except TimeoutError:
            raise WorkerError(f"The worker did not start within {_START_SECONDS:g} s.") from None
        if not data:
            raise WorkerError(
                f"The worker could not be started: {self._last_words()}",
                advice="It needs Python with torch and torchvision; `make install` sets them up, the image has them.",
            )
        return msgspec.json.decode(data, type=WorkerSays)

    def _last_words(self) -> str:
        """The last line that the parent wrote to stderr: the message of the exception that ended it."""
        self._parent.wait(10)
        written = self._parent.stderr.read(65536) if self._parent.stderr else b""
        lines = written.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


@contextlib.contextmanager
def _scratch_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ScratchError(error) from error


@contextlib.contextmanager
def _pipes(count: int) -> Iterator[tuple[list[int], list[int]]]:
    """Some pipes; whatever end is still in its list afterwards is closed."""
    readers: list[int] = []
    writers: list[int] = []
    try:
        for _ in range(count):
            reader, writer = os.pipe()
            readers.append(reader)
            writers.append(writer)
        yield readers, writers
    finally:
        for descriptor in [*readers, *writers]:
            os.close(descriptor)


def _kill_session(process: int) -> None:
    """Kill a process and its group. Every worker leads a session of its own."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(process, signal.SIGKILL)
