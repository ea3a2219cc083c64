"""The host's side of the wall: a prepared parent that forks a worker per model, and one ear for all it says."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from ptmobile.editions import Edition
from ptmobile.errors import ExitCode
from ptmobile.files import no_scratch
from ptmobile.protocol import JOB_FILE, KEPT_FOLDER, Fence, Job, Message, WorkerLimits
from ptmobile.result import Mode, ModelResult
from ptmobile.runtimes.limits import AskedLibrary
from ptmobile.sandbox.account import Account, worker_account
from ptmobile.sandbox.fence import fence_for, limits_for
from ptmobile.sandbox.listening import Ears, Listener
from ptmobile.sandbox.parent import Parent, WorkerError, kill_session
from ptmobile.spec.conversion import ConversionSpec

# The worker watches the time limit itself and still reports; this is for one that does not.
_GRACE_SECONDS = 20.0


class ScratchError(WorkerError):
    """There is no room for what a worker leaves until the run is over."""

    code = ExitCode.PUBLISH

    def __init__(self, error: OSError) -> None:
        super().__init__(no_scratch(error), advice="Check that the disk has room; TMPDIR names another place.")


@dataclass(frozen=True)
class Outcome:
    """What a worker left behind. Without a result, ``ended`` says how it ended."""

    result: ModelResult | None
    ended: str
    scratch: Path

    @property
    def kept(self) -> Path:
        """What the worker's supervisor has taken from the processes that run models; nothing else counts."""
        return self.scratch / KEPT_FOLDER


@dataclass(frozen=True)
class Task:
    """One model for a worker, and the files that are to be made of it; ``packages`` is the folder of its packages."""

    spec: ConversionSpec
    editions: tuple[Edition, ...] = (Edition(),)
    mode: Mode = "convert"
    asked: tuple[AskedLibrary, ...] = ()
    packages: str = ""


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
        self._parent = Parent(self.account, self._home)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in list(self._processes):
            kill_session(process)
        self._parent.stop()
        shutil.rmtree(self._base, ignore_errors=True)

    @property
    def landlock(self) -> int:
        """The version of Landlock that workers are behind; 0 for none, or if none was started."""
        return self._parent.landlock or 0

    def shared_folder(self, name: str) -> Path:
        """A folder of the host's that workers can read."""
        with _scratch_errors():
            folder = Path(tempfile.mkdtemp(dir=self._base, prefix=f"{name}-"))
            folder.chmod(0o755)
        return folder

    def own_folder(self, name: str) -> Path:
        """A fresh folder that belongs to the workers' user."""
        with _scratch_errors():
            return self._folder(name)

    def fence(self, home: Path) -> Fence:
        """The fence around a process of the workers' user, which may write to this folder besides its own."""
        return fence_for(os.environ, self._workspace, self._base, home, separate=self.account.separate)

    def limits(self, spec: ConversionSpec) -> WorkerLimits:
        """What a process may take that works on this model."""
        return limits_for(spec.memory_limit, separate=self.account.separate)

    def end_all(self) -> None:
        """End everything that runs as the workers' user, the prepared parent too: another takes its place."""
        self._parent.stop()
        self._parent = Parent(self.account, self._home)

    def run(self, task: Task, hear: Callable[[Message], None], ears: Ears) -> Outcome:
        """Have one model converted; ``hear`` gets every message, ``ears`` the worker's output.

        Raises:
            WorkerError: the prepared parent is gone or does not answer, or the job cannot be handed over.
        """
        self._ready_parent()
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
                packages=task.packages,
                fence=self.fence(self._home),
                limits=self.limits(task.spec),
            )
            (scratch / JOB_FILE).write_bytes(msgspec.json.encode(job))
        with _pipes(3) as (readers, writers):
            process = self._parent.start_worker(scratch, writers)
            for writer in writers:
                os.close(writer)
            writers.clear()
            self._processes.add(process)
            listener = Listener(
                (readers[0], readers[1], readers[2]), control=self._parent.control, hear=hear, ears=ears
            )
            ended = listener.listen(process, task.spec.timeout_minutes * 60 + _GRACE_SECONDS)
        kill_session(process)
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

    def _ready_parent(self) -> None:
        """Wait for the prepared parent; one that a model has killed is replaced, for the sake of the next model."""
        if self._parent.landlock is not None and self._parent.gone:
            self._parent.stop()
            self._parent = Parent(self.account, self._home)
        self._parent.wait_until_ready()


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
