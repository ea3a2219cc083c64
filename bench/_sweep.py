"""The driver of a sweep: one model after the other, each in a process with limits, every result kept at once."""

from __future__ import annotations

import datetime as dt
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
from _common import FamilyWatch
from _libraries import Library
from _sweep_records import At, Capture, Line, Log, Outcome, Plan, Record, Variant, read_records, variants_of
from _zoo import kind_of
from msgspec.structs import replace

from ptmobile.device.crash import how_ended
from ptmobile.errors import InternalError
from ptmobile.worker.processes.children import adopt_orphans, end_descendants

HERE = Path(__file__).resolve().parent
LOOK_SECONDS = 0.2
WATCH_SECONDS = 2.0  # looking at the memory of many processes takes time
#: How much longer than its processor time a step may take on a busy machine.
PATIENCE = 10
GIGABYTE = 10**9
START = "start"


@dataclass(frozen=True)
class Limits:
    """Processor seconds for one step of one variant, bytes for all of a model, and when the whole sweep ends."""

    step_seconds: float
    memory_bytes: int
    deadline: float


class TimeIsUpError(Exception):
    """The sweep's own time is up; what was not finished is left for the next call."""


class Sweep:
    """Runs variants of models and appends what becomes of them to a file of results."""

    def __init__(self, libraries: Sequence[Library], abi: str, results: Path, limits: Limits) -> None:
        self._libraries: dict[str, dict[str, dict[str, str]]] = {}
        for library in libraries:
            self._libraries.setdefault(library.release, {})[library.abi] = asdict(library)
        self._abi = abi
        self._results = results
        self._limits = limits
        self._machine = machine()

    def run(self, models: Mapping[str, Sequence[Capture]], again: Sequence[Outcome] = ()) -> bool:
        """Run all that has no result yet, or one of those given; whether everything was reached."""
        adopt_orphans()
        log = Log(self._results)
        records = [record for record in read_records(self._results) if record.abi == self._abi]
        done = {(record.model, record.variant) for record in records if record.outcome not in again}
        for number, (model, captures) in enumerate(models.items(), 1):
            todo = [variant for variant in variants_of(self._libraries, captures) if (model, variant) not in done]
            if not todo:
                continue
            print(f"{number}/{len(models)} {model}", end="", flush=True)
            seen: set[Variant] = set()
            try:
                for record in self._model(model, todo):
                    log.append(replace(record, date=_now(), machine=self._machine))
                    print("" if record.variant in seen else f" {record.outcome}", end="", flush=True)
                    seen.add(record.variant)
            except TimeIsUpError:
                print(" (the time is up)")
                return False
            finally:
                end_descendants()
            print(flush=True)
        return True

    def _model(self, model: str, todo: list[Variant]) -> Iterator[Record]:
        """All variants of a model; after a crash or a limit, the rest in a new process."""
        while todo:
            with tempfile.TemporaryDirectory(prefix="ptmobile-sweep-") as folder:
                process = _Process(self._plan(model, todo, Path(folder)), self._limits)
                before = len(todo)
                for record in process.records():
                    if record.variant in todo:
                        todo.remove(record.variant)
                    yield record
                end_descendants()
                if process.outcome == "ended" and process.at.step == START:
                    raise InternalError(f"The process for {model} ended before it began: {process.message}")
                lost = [variant for variant in process.at.variants if variant in todo]
                if not lost and len(todo) == before:
                    lost = list(todo)  # it does not get anywhere
                for variant in lost:
                    todo.remove(variant)
                    yield Record(
                        model=model,
                        kind=kind_of(model),
                        variant=variant,
                        abi=self._abi,
                        outcome=process.outcome,
                        message=f"{process.at.step}: {process.message}",
                        peak_bytes=process.peak_bytes,
                    )

    def _plan(self, model: str, todo: Sequence[Variant], folder: Path) -> Plan:
        return Plan(
            model=model,
            variants=tuple(todo),
            abi=self._abi,
            libraries=self._libraries,
            answers=str(folder / "answers.jsonl"),
            scratch=str(folder),
            step_seconds=PATIENCE * self._limits.step_seconds,
        )


class _Process:
    """One process of a model, watched; how it ended is in ``outcome`` and ``message``."""

    def __init__(self, plan: Plan, limits: Limits) -> None:
        self.at = At(step=START, variants=plan.variants)
        self.outcome: Outcome = "ended"
        self.message = ""
        self.peak_bytes = 0
        self._limits = limits
        self._answers = Path(plan.answers)
        self._answers.touch()
        self._errors = Path(plan.scratch) / "errors.txt"
        self._read = 0
        self._since, self._cpu = time.monotonic(), 0.0
        path = Path(plan.scratch) / "plan.json"
        path.write_bytes(msgspec.json.encode(plan))
        with self._errors.open("wb") as errors:
            command = [sys.executable, str(HERE / "_sweep_one.py"), str(path)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)

    def records(self) -> Iterator[Record]:
        """What it finds, as it finds it, until it ends or has to be ended.

        Raises:
            TimeIsUpError: the sweep's time is up.
        """
        watch = FamilyWatch(self._process.pid, WATCH_SECONDS)
        watch.start()
        try:
            while self._process.poll() is None and not self._over_limits(watch):
                time.sleep(LOOK_SECONDS)
                yield from self._news(watch)
        finally:
            watch.stop()
            self.peak_bytes = watch.peak
            self._process.kill()
            self._process.wait()
        yield from self._news(watch)
        words = self._errors.read_text(errors="replace").strip().splitlines()
        how = f"the process {how_ended(self._process.returncode)}"
        self.message = self.message or " ".join([how, *words[-1:]])[:500]

    def _news(self, watch: FamilyWatch) -> Iterator[Record]:
        with self._answers.open("rb") as stream:
            stream.seek(self._read)
            lines = stream.read().split(b"\n")[:-1]
        for line in lines:
            self._read += len(line) + 1
            said = msgspec.json.decode(line, type=Line)
            if said.at is not None:
                self.at, self._since, self._cpu = said.at, time.monotonic(), watch.cpu
            if said.record is not None:
                yield replace(said.record, peak_bytes=watch.peak)

    def _over_limits(self, watch: FamilyWatch) -> bool:
        now, limits = time.monotonic(), self._limits
        if now > limits.deadline:
            raise TimeIsUpError
        if watch.now > limits.memory_bytes:
            self.outcome = "too large"
            self.message = f"{watch.now / GIGABYTE:.2f} GB in use, {limits.memory_bytes / GIGABYTE:.2f} allowed"
            return True
        used, waited = watch.cpu - self._cpu, now - self._since
        if used > limits.step_seconds or waited > PATIENCE * limits.step_seconds:
            self.outcome = "too slow"
            self.message = f"not done after {used:.0f} s of processor time, {waited:.0f} s in all"
            return True
        return False


def machine() -> str:
    """The kind of this machine in a few words."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = names[0].partition(":")[2].strip() if names else platform.machine()
    memory = int(Path("/proc/meminfo").read_text().split()[1]) * 1024 / GIGABYTE
    return f"{platform.machine()}, {len(names) or '?'} processors ({name}), {memory:.0f} GB"


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
