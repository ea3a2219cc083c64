"""What the runner in Java wrote: read strictly, since a model file may have taken over the process that wrote it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ptmobile.device.crash import Crash
from ptmobile.device.errors import CannotRunError
from ptmobile.device.plan import Todo
from ptmobile.device.wire import HEADER, Decoder, Value, WireError, integer, unescape

ANSWERS_FILE: Final = "answers.txt"
MAX_ANSWERS_BYTES: Final = 256 << 20


@dataclass(frozen=True)
class Failure:
    """An exception of the library or of its Java API. ``step``: ``load``, ``inputs``, ``run`` or ``outputs``."""

    step: str
    kind: str
    message: str

    @property
    def memory(self) -> bool:
        """Whether the Java VM has too little memory here: that says nothing about the file.

        What the library itself allocates in vain comes as another exception, or by this name and with the words of C++.
        """
        return self.kind == "java.lang.OutOfMemoryError" and not self.message.startswith("std::bad_alloc")


@dataclass(frozen=True)
class Output:
    """What a trial gave, and the file with the bytes of its tensors."""

    value: Value
    data: Path


@dataclass
class TrialAnswer:
    """One trial, as far as it came."""

    nanoseconds: int | None = None
    output: Output | None = None
    failure: Failure | None = None
    crash: Crash | None = None


@dataclass
class FileAnswer:
    """One file, as far as it came."""

    nanoseconds: int | None = None
    failure: Failure | None = None
    crash: Crash | None = None
    trials: dict[int, TrialAnswer] = field(default_factory=dict)


def check_memory(answer: FileAnswer | TrialAnswer) -> None:
    """Keep what too little memory on this machine ended from being taken for a finding about the file.

    Raises:
        CannotRunError: it was ended by that.
    """
    failure, crash = answer.failure, answer.crash
    if failure is not None and failure.memory:
        why = f"{failure.kind}: {failure.message}"
    elif crash is not None and crash.memory:
        why = f"the process {crash.how}"
    else:
        return
    raise CannotRunError(
        f"Running the file in this library needs more memory than there is here: {why}.",
        advice="Take smaller inputs or a larger runner, and run fewer models at the same time.",
    )


@dataclass
class Answers:
    """Everything that one process wrote; ``step``, ``file`` and ``trial``: what it was about to do at the end.

    ``step``: ``start``, ``load``, ``run`` (with the making of inputs), ``outputs``, or ``next`` between steps.
    ``damage``: what is wrong with the line that follows, if it is none that the runner writes.
    """

    java: str = ""
    ready: bool = False
    threads: int = 0
    done: bool = False
    unusable: Failure | None = None
    files: dict[int, FileAnswer] = field(default_factory=dict)
    step: str = "start"
    file: int | None = None
    trial: int | None = None
    damage: str = ""


def read_answers(folder: Path, todo: Todo) -> Answers:
    """Read the answers to a plan, up to the first line that is damaged; an unfinished last line does not count."""
    path = folder / ANSWERS_FILE
    answers = Answers()
    try:
        if path.exists():
            plain_size(path, MAX_ANSWERS_BYTES)
            lines = path.read_text(encoding="ascii", errors="replace").split("\n")[:-1]
            _Reader(folder, todo, lines, answers).read()
    except (WireError, OSError) as error:
        answers.damage = str(error)
    return answers


def plain_size(path: Path, limit: int | None = None) -> int:
    """The size of a plain file.

    Raises:
        WireError: it is something else than one, or too long.
    """
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        raise WireError(f"{path.name} is no plain file")
    if limit is not None and status.st_size > limit:
        raise WireError(f"{path.name} has {status.st_size} bytes")
    return status.st_size


class _UnfinishedError(Exception):
    """The lines end in the middle of an output: the process ended while it wrote them."""


class _Reader:
    """Goes through the lines in the only order that they can have."""

    def __init__(self, folder: Path, todo: Todo, lines: list[str], answers: Answers) -> None:
        self._folder = folder
        self._todo = todo
        self._lines = lines
        self._next = 0
        self._answers = answers
        self._file = FileAnswer()
        self._trial = TrialAnswer()

    def read(self) -> None:
        answers = self._answers
        if self._lines and self._take() != HEADER.split(" "):
            raise WireError("the answers are of another version")
        while self._next < len(self._lines):
            if answers.done or answers.unusable:
                raise WireError("the answers go on after their end")
            words = self._take()
            known = self._about_all(words) or self._about_file(words) or self._about_trial(words)
            if not known:
                raise WireError(f"the answers have an unexpected line: {' '.join(words)[:100]!r}")

    def _take(self) -> list[str]:
        if self._next == len(self._lines):
            raise _UnfinishedError
        self._next += 1
        return self._lines[self._next - 1].split(" ")

    def _about_all(self, words: list[str]) -> bool:
        answers = self._answers
        match words:
            case ["java", version] if not answers.java:
                answers.java = unescape(version)[:100]
            case ["ready", threads] if not answers.ready:
                answers.ready, answers.step, answers.threads = True, "next", integer(threads)
            case ["unusable", kind, message]:
                answers.unusable = Failure("start", unescape(kind), unescape(message))
            case ["done"] if answers.step == "next":
                answers.done = True
            case _:
                return False
        return True

    def _about_file(self, words: list[str]) -> bool:
        answers = self._answers
        match words:
            case ["file", number] if answers.step == "next":
                answers.file, answers.trial, answers.step = integer(number), None, "load"
                if answers.file not in self._todo or answers.file in answers.files:
                    raise WireError(f"file {answers.file} was not asked for")
                self._file = answers.files[answers.file] = FileAnswer()
                return True
            case ["loaded", duration] if answers.step == "load":
                self._file.nanoseconds = integer(duration)
            case ["refused", kind, message] if answers.step == "load":
                self._file.failure = Failure("load", unescape(kind), unescape(message))
            case _:
                return False
        answers.step = "next"
        return True

    def _about_trial(self, words: list[str]) -> bool:
        answers = self._answers
        match words:
            case ["trial", number] if answers.file is not None and answers.step == "next":
                answers.trial, answers.step = integer(number), "run"
                if answers.trial not in self._todo[answers.file] or answers.trial in self._file.trials:
                    raise WireError(f"trial {answers.trial} was not asked for")
                self._trial = self._file.trials[answers.trial] = TrialAnswer()
                return True
            case ["ran", duration] if answers.step == "run":
                self._trial.nanoseconds, answers.step = integer(duration), "outputs"
                return True
            case ["output", name] if answers.step == "outputs":
                self._read_output(unescape(name))
            case ["failed", ("inputs" | "run" | "outputs") as step, kind, message] if answers.step in {
                "run",
                "outputs",
            }:
                self._trial.failure = Failure(step, unescape(kind), unescape(message))
                answers.step = "next"
            case _:
                return False
        return True

    def _read_output(self, name: str) -> None:
        if name != f"{self._answers.file}-{self._answers.trial}.bin":
            raise WireError("an output is in a file of another name")
        path = self._folder / name
        try:
            self._trial.output = Output(Decoder(self._take, plain_size(path)).value(), path)
        except _UnfinishedError:
            return  # it was about to write it
        self._answers.step = "next"
