"""Runs one case through the entry of the action: in this process with a worker that only seems to be one, or whole."""

from __future__ import annotations

import base64
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from _fuzz_cases import Case
from _fuzz_place import EXAMPLE_REPORT, LITE_FILE, Place

from ptmobile import action, pipeline, session
from ptmobile.github.artifact import Effort, Waits
from ptmobile.github.artifact.retry import Patience
from ptmobile.publishing.handing_over import How
from ptmobile.report.model import Report
from ptmobile.result import ModelResult
from ptmobile.sandbox import Outcome, Task
from ptmobile.sandbox.account import Account

#: Far more than any case needs; what takes longer hangs.
SECONDS = 20
WHOLE_SECONDS = 240
_HOSTILE = "x\r\n::error::x ##[error]x |</td></details><script>alert(1)</script>```[x](http://y)\x1b[2J\u202e"
_ENTRY = "import sys; from ptmobile.action import main; sys.exit(main())"
_HASTE = Effort(Patience(attempts=1, first_wait=0.0), Waits(), sleep=lambda _seconds: None)


@dataclass(frozen=True)
class Ended:
    """How a case has ended: the exit code (None if it had to be stopped or raised), and what was printed."""

    code: int | None
    output: str
    worked: list[str] = field(default_factory=list)
    """The models that a worker was asked for."""


class _HungError(BaseException):
    """Not an Exception, which the program would catch."""


def prepare(case: Case, root: Path) -> tuple[Place, dict[str, str]]:
    """Make the folders of a case, and the variables that it gives."""
    place = Place(root)
    for path, data in case.files.items():
        (place.workspace / path).write_bytes(base64.b64decode(data))
    return place, {name: text.replace("{root}", str(root)) for name, text in case.environ.items()}


def run_here(case: Case, environ: dict[str, str]) -> Ended:
    """Run a case in this process. Workers, the network and waiting are left out; all else is what a job would do."""
    worked: list[str] = []
    stream = io.StringIO(newline="")
    workers = partial(_Workers, kind=case.worker, worked=worked)
    how = partial(How, effort=_HASTE)
    with (
        patch.object(pipeline, "Workers", workers),
        patch.object(session, "How", how),
        patch.object(session.Session, "_supplier", None),
        _time_limit(),
    ):
        try:
            return Ended(action.main(dict(environ), stream), stream.getvalue(), worked)
        except _HungError:
            return Ended(None, f"{stream.getvalue()}\nstopped after {SECONDS} seconds", worked)


def run_whole(environ: dict[str, str], place: Place) -> Ended:
    """Run a case as a process of its own, with real workers."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    none = {"PTMOBILE_MAVEN": "http://127.0.0.1:9", "PTMOBILE_CACHE": str(place.root / "cache")}
    command = [sys.executable, "-I", "-c", _ENTRY]
    try:
        done = subprocess.run(
            command,
            env={**kept, **none, **environ},
            cwd=place.workspace,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=WHOLE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return Ended(None, f"{(error.stdout or b'').decode('utf-8', 'replace')}\nstopped after {WHOLE_SECONDS} seconds")
    return Ended(done.returncode, done.stdout.decode("utf-8", "surrogateescape"))


@contextmanager
def _time_limit() -> Iterator[None]:
    def stop(_number: int, _frame: object) -> None:
        raise _HungError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class _Workers:
    """Stands in for the sandbox: says that a worker has left what the case asks for."""

    account = Account()
    landlock = 0

    def __init__(self, workspace: Path, kind: str, worked: list[str]) -> None:
        self._base = workspace.parent / "scratch"
        self._outside = workspace.parent / "outside" / "kept.txt"
        self._kind = kind
        self._worked = worked

    def __enter__(self) -> _Workers:
        self._base.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._base)

    def run(self, task: Task, _hear: object, ears: Any) -> Outcome:
        self._worked.append(task.spec.name)
        scratch = self._base / f"model-{len(self._worked)}"
        (scratch / "files").mkdir(parents=True)
        ears.stdout(_HOSTILE.encode())
        ears.stderr(b"\xff\xfe##[error]x\r\r\n::error::x")
        if self._kind == "nothing":
            return Outcome(None, "ended by SIGKILL", scratch)
        return Outcome(self._result(task, scratch), "ended", scratch)

    def clean(self, outcome: Outcome) -> None:
        shutil.rmtree(outcome.scratch)

    def _result(self, task: Task, scratch: Path) -> ModelResult:
        result = _example_result(hostile=self._kind == "hostile")
        assert result.file is not None
        path = "../../outside/kept.txt" if self._kind == "file outside" else "files/model.ptl"
        file = scratch / "files/model.ptl"
        match self._kind:
            case "link for a file":
                file.symlink_to(self._outside)
            case "bad file":
                file.write_bytes(b"PK\x03\x04 nothing")
            case "without file":
                pass
            case _:
                shutil.copy(LITE_FILE, file)
        found = msgspec.structs.replace(result.file, path=path)
        return msgspec.structs.replace(result, mode=task.mode, file=found if task.mode == "convert" else None)


def _example_result(*, hostile: bool) -> ModelResult:
    """A result as a worker once gave it; hostile: with more behind every text that is not one of a few."""
    result = msgspec.json.decode(EXAMPLE_REPORT.read_bytes(), type=Report).models[0].result
    if not hostile:
        return result

    def changed(item: Any) -> Any:
        if isinstance(item, dict):
            free = {"title", "message", "location", "advice", "operators", "torch", "machine", "python", "arguments"}
            return {k: f"{v}{_HOSTILE}" if k in free and isinstance(v, str) else changed(v) for k, v in item.items()}
        return [changed(entry) for entry in item] if isinstance(item, list | tuple) else item

    return msgspec.convert(changed(msgspec.to_builtins(result)), ModelResult)
