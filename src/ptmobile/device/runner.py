"""Running files in the phone's own library: many files and trials in one process, and another process after a crash.

Needs no privileges and nothing but the standard library: a worker's supervisor calls it, in its own sandbox.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ptmobile.device.answers import ANSWERS_FILE, Answers, FileAnswer, TrialAnswer, read_answers
from ptmobile.device.crash import Crash, crash_of, last_words
from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import Machine
from ptmobile.device.plan import PLAN_FILE, ModelFile, write_plan
from ptmobile.device.prepared import Prepared

_LOOK_SECONDS: Final = 0.25
_OUTPUT_FILE: Final = "output.txt"
_VM_REPORT: Final = "vm-report.txt"
# By these names the process finds, in its own folder, what Java is told in lists: there a path must not have a colon.
_RUNNER_LINK, _LIBRARY_LINK, _FULL_LINK = "runner.jar", "library", "full"
# An app's process is started anew after a crash as often as this; what is left then is not run.
MAX_PROCESSES: Final = 50


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What running may take. ``seconds``: all together; ``step_seconds``: one loading or one trial, or the start.

    ``threads``: as an app can set them, 0 for as many as the library chooses. None is one on the machine's own CPU: the
    library's threads spin while they wait, which on a busy machine makes it ten times slower. Emulated, more threads
    are worth it.
    """

    seconds: float = 1800.0
    step_seconds: float = 600.0
    memory_bytes: int | None = None
    file_bytes: int = 8 << 30
    threads: int | None = None


@dataclass
class Report:
    """What became of each file, by its number. A trial without answer was not run: the time or the patience was up.

    ``threads``: how many the library was set to, 0 for as many as it chose itself.
    """

    files: dict[int, FileAnswer] = field(default_factory=dict)
    java: str = ""
    threads: int = 0
    processes: int = 0
    seconds: float = 0.0


class Runner:
    """Runs files in one prepared library, each call in processes of its own."""

    def __init__(self, machine: Machine, prepared: Prepared, folder: Path) -> None:
        self._machine = machine
        self._prepared = prepared
        self._folder = folder.resolve()

    def run(
        self,
        files: Sequence[ModelFile],
        scratch: Path,
        environment: Mapping[str, str],
        limits: Limits | None = None,
    ) -> Report:
        """Run all trials of all files. Folders with the outputs' data are made in ``scratch``, and stay.

        Raises:
            CannotRunError: the library cannot be used on this machine.
            WireError: an argument cannot be expressed in the Java API.
            OSError: a file cannot be read, or the scratch folder cannot be used.
        """
        limits = limits or Limits()
        for file in files:
            file.path.open("rb").close()
        start = time.monotonic()
        report = Report()
        todo = {number: list(range(len(file.trials))) for number, file in enumerate(files)}
        while todo and report.processes < MAX_PROCESSES and time.monotonic() - start < limits.seconds:
            report.processes += 1
            process = _Process(self, scratch / f"process-{report.processes}", limits, start + limits.seconds)
            answers = process.run(files, todo, environment)
            report.java, report.threads = answers.java, answers.threads
            _take_over(report, answers, todo)
        report.seconds = time.monotonic() - start
        return report

    def link(self, folder: Path) -> None:
        """Put links into a process's folder to where Java is to look."""
        (folder / _RUNNER_LINK).symlink_to(self._machine.runner.resolve())
        (folder / _LIBRARY_LINK).symlink_to(self._folder)
        (folder / _FULL_LINK).symlink_to(self._machine.launcher.resolve().parent / "full")

    def command(self, limits: Limits) -> list[str]:
        """The command line for a process that works in a folder with those links."""
        machine, libraries = self._machine, [self._folder / library.name for library in self._prepared.libraries]
        jars = [_RUNNER_LINK, *(f"{_LIBRARY_LINK}/{jar}" for jar in self._prepared.jars)]
        # With the full runtime also where the empty library is that a slip in its classes asks for.
        folders = [_LIBRARY_LINK] if self._prepared.lite else [_LIBRARY_LINK, _FULL_LINK]
        options = [
            f"-Djava.class.path={':'.join(jars)}",
            f"-Djava.library.path={':'.join(folders)}",
            f"-XX:ErrorFile={_VM_REPORT}",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:+DisableAttachMechanism",
            "-XX:-UsePerfData",
            # One thread for garbage and one quick compiler: the work is the library's, not Java's.
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-Xrs",
        ]
        if limits.memory_bytes:
            options += [f"-Xmx{limits.memory_bytes // 4}", f"-XX:MaxDirectMemorySize={limits.memory_bytes // 4}"]
        return [
            *machine.emulator,
            *map(str, [machine.launcher.resolve(), machine.libjvm]),
            *map(str, [*(path.resolve() for path in machine.stand_ins), *libraries]),
            "--",
            *options,
            "--",
            *("ptmobile/DeviceRunner", PLAN_FILE, "."),
        ]

    def threads(self, limits: Limits) -> int:
        """How many threads to ask the library for."""
        if limits.threads is not None:
            return limits.threads
        return 0 if self._machine.emulated else 1

    @property
    def runtime(self) -> str:
        """The name of the library with the runtime."""
        return self._prepared.runtime


class _Process:
    """One process: started, watched, heard."""

    def __init__(self, runner: Runner, folder: Path, limits: Limits, deadline: float) -> None:
        self._runner = runner
        self._folder = folder.absolute()
        self._limits = limits
        self._deadline = deadline

    def run(self, files: Sequence[ModelFile], todo: dict[int, list[int]], environment: Mapping[str, str]) -> Answers:
        self._folder.mkdir()
        self._runner.link(self._folder)
        absolute = [ModelFile(file.path.absolute(), file.trials) for file in files]
        write_plan(self._folder / PLAN_FILE, self._runner.runtime, absolute, todo, self._runner.threads(self._limits))
        status, timeout = self._watch(self._start(environment))
        answers = read_answers(self._folder, todo)
        if not answers.ready:
            raise CannotRunError(f"The library could not be loaded: {self._why(answers, status, timeout)}")
        if not answers.done or answers.damage:
            self._add_crash(answers, status, timeout, todo)
        return answers

    def _start(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with (self._folder / _OUTPUT_FILE).open("wb") as output:
            process = subprocess.Popen(
                self._runner.command(self._limits),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                env={**environment, "HOME": str(self._folder), "TMPDIR": str(self._folder), "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: self._limits.file_bytes}
        if self._limits.memory_bytes:
            # Not the address space: a VM reserves much more of it than it ever uses.
            limits[resource.RLIMIT_DATA] = self._limits.memory_bytes
        with contextlib.suppress(ProcessLookupError):
            for kind, value in limits.items():
                resource.prlimit(process.pid, kind, (value, value))
        return process

    def _watch(self, process: subprocess.Popen[bytes]) -> tuple[int, bool]:
        """Wait until the process ends, its time is up, or it writes nothing for too long; and whether it was ended."""
        size, since = -1, time.monotonic()
        descriptor = os.pidfd_open(process.pid)
        try:
            while not select.select([descriptor], [], [], _LOOK_SECONDS)[0]:
                now = time.monotonic()
                grown = _size(self._folder / ANSWERS_FILE)
                if grown != size:
                    size, since = grown, now
                if now > self._deadline or now - since > self._limits.step_seconds:
                    _kill(process)
                    return process.wait(), True
            return process.wait(), False
        finally:
            os.close(descriptor)
            _kill(process)

    def _why(self, answers: Answers, status: int, timeout: bool) -> str:
        if answers.unusable:
            return f"{answers.unusable.kind}: {answers.unusable.message}"
        if timeout:
            return "it took too long"
        crash = self._crash("start", status)
        return "\n".join(filter(None, [f"the process {crash.how}", crash.frame, crash.words]))

    def _crash(self, step: str, status: int) -> Crash:
        return crash_of(step, status, self._folder, self._folder / _VM_REPORT, self._folder / _OUTPUT_FILE)

    def _add_crash(self, answers: Answers, status: int, timeout: bool, todo: dict[int, list[int]]) -> None:
        crash = self._crash(answers.step, status)
        if answers.damage or timeout:
            how = "did not end in time and was killed" if timeout else f"wrote what is no answer: {answers.damage}"
            crash = Crash(answers.step, how, timeout, words=last_words(self._folder / _OUTPUT_FILE))
        if answers.file is None:
            answers.file = next(iter(todo))
        file = answers.files.setdefault(answers.file, FileAnswer())
        if answers.trial is None or answers.step == "next":
            file.crash = crash
        else:
            file.trials[answers.trial].crash = crash


def _take_over(report: Report, answers: Answers, todo: dict[int, list[int]]) -> None:
    """Add what one process found, and leave in ``todo`` what the next one is to do."""
    for number, found in answers.files.items():
        file = report.files.setdefault(number, FileAnswer())
        file.nanoseconds = found.nanoseconds if file.nanoseconds is None else file.nanoseconds
        file.failure, file.crash = found.failure, found.crash
        file.trials.update(found.trials)
        left = [trial for trial in todo[number] if trial not in found.trials]
        finished = found.failure or found.crash or not left
        if finished:
            del todo[number]
        else:
            todo[number] = left


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it may have started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def not_run(answer: TrialAnswer | None) -> bool:
    """Whether a trial has no answer of any kind."""
    return answer is None or (answer.output is None and answer.failure is None and answer.crash is None)
