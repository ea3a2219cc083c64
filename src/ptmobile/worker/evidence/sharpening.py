"""The second, sharper comparison: the same architecture, whose untrained weights have values that show errors.

It is a job of its own in a folder of its own, with the same builds, up to the apps' libraries; its files are never
shipped. Where only other builds verify with these weights, the model's own file is made anew by them, and has to verify
too: what made the first one would spoil other weights. Where none do, the model has failed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from ptmobile.editions import Build, Recipe
from ptmobile.protocol import JOB_FILE, KEPT_FOLDER, Job, Message, Noticed, StageBegan, StageEnded
from ptmobile.result import METHODS, Failure, ModelResult, Notice, Problem, Sharper, Stage
from ptmobile.worker.evidence.sensitive_weights import SENSITISED, Sensitised
from ptmobile.worker.evidence.sharper_words import SENSITIVE, carried, notice_of, stage_of, warnings, words
from ptmobile.worker.processes.reports import MORE_TIME, OUT_OF_TIME
from ptmobile.worker.stages.road import CAPTURED
from ptmobile.worker.verdicts.pairing import EAGER

#: Notices which say that the first comparison proves little.
_LITTLE_PROVED = frozenset({"zero-output", "still-output", "nan-output"})
#: Targets of the stage that a whole job of these is.
_WEIGHTS, _ANEW, _AGAIN = "weights", "weights, the file built anew", "weights, again"
_NAME, _MOST_NAMES = 300, 100
_FOLDER: Final = "sensitive"
_ADVICE = (
    "The weights of this comparison are not the model's, but values in the place of untrained ones. Train the model, "
    "build it otherwise (optimize-blocklist, method), or set sensitive-weights to off."
)


@dataclass(frozen=True)
class Done:
    """A job that was done: its result, the builds of the files that it kept, and whether its time was up."""

    result: ModelResult
    builds: tuple[Build, ...] = ()
    out_of_time: bool = False


#: Does a job.
Runner = Callable[[Job], Done]


def sharpened(job: Job, first: Done, run: Runner, emit: Callable[[Message], None]) -> ModelResult:
    """A result with what the second comparison says, if there is to be one, and with the files that this calls for.

    ``emit`` hears of each further job as of one stage.
    """
    asked, result = job.spec.sensitive_weights, first.result
    proves_little = any(notice.code in _LITTLE_PROVED for notice in result.notices)
    if result.file is None or result.failure or asked == "off" or (asked == "auto" and not proves_little):
        return result
    return _Rounds(job, first, run, emit).result()


class _Rounds:
    """Sensitive weights and the model's own in turn, until the same builds verify with both; twice at most."""

    def __init__(self, job: Job, first: Done, run: Runner, emit: Callable[[Message], None]) -> None:
        self._emit = emit
        self._stages: list[Stage] = []
        self._out_of_time = False
        self._job = job
        self._own = first
        self._run_job = run
        self._seconds = first.result.seconds
        self._warnings: tuple[Notice, ...] = ()

    def result(self) -> ModelResult:
        """The last result with the model's own weights, and what became of the second comparison."""
        result = self._sharpened(None) if self._left() > 0 else self._not_begun()
        return replace(result, seconds=round(self._seconds, 3), stages=(*result.stages, *self._stages))

    def _not_begun(self) -> ModelResult:
        problem = Problem(title=OUT_OF_TIME, message="The time was up before it.", advice=MORE_TIME)
        failure = Failure(kind="load", stage=EAGER, problem=problem)
        sharper = Sharper(status="not-run", changed=0, failure=failure)
        return self._told(sharper, words(sharper))

    def _sharpened(self, before: Done | None) -> ModelResult:
        """``before``: the comparison that another build was made for, which then did not verify either."""
        second, changed = self._sensitive()
        if (failure := _failure(second)) is not None:
            return self._failed(_sharper(second, changed, "failed"), failure)
        self._warnings = tuple(warnings(second.result))
        compared = bool(changed) and second.result.failure is None and bool(second.result.comparisons)
        sharper = _sharper(second, changed, "passed" if compared else "not-run")
        if not compared and before is not None:
            return self._failed(sharper, _other_build(before))
        if not compared or _recipes(second.builds) == _recipes(self._own.builds):
            return self._told(sharper, words(sharper))
        if before is not None or self._left() <= 0:
            return self._failed(replace(sharper, status="failed"), _other_build(second))
        self._build_anew(second)
        if self._own.result.failure is not None:
            return self._failed(sharper, _neither(self._own.result.failure, second))
        if _recipes(second.builds) == _recipes(self._own.builds):
            return self._told(sharper, carried(sharper))
        return self._sharpened(second)

    def _left(self) -> float:
        """Minutes."""
        return self._job.spec.timeout_minutes - self._seconds / 60

    def _run(self, job: Job, target: str) -> Done:
        """Do a job in the time that is left, and tell of it as of one stage."""
        self._emit(StageBegan(name=SENSITIVE, target=target))
        done = self._run_job(replace(job, spec=replace(job.spec, timeout_minutes=self._left())))
        self._seconds += done.result.seconds
        telling = not job.sensitive or _failure(done) is not None
        stage = stage_of(done.result, target, out_of_time=done.out_of_time, telling=telling)
        self._stages.append(stage)
        self._emit(StageEnded(stage=stage))
        return done

    def _sensitive(self) -> tuple[Done, Sensitised]:
        """The second comparison, which begins with the builds that are to be shipped; and what was changed."""
        job, folder = self._job, Path(self._job.scratch) / _FOLDER
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        spec = replace(job.spec, method=self._methods(), bundle_inputs=False, timing=False)
        target = _AGAIN if self._stages else _WEIGHTS
        other = replace(job, spec=spec, scratch=str(folder), builds=self._own.builds, sensitive=True)
        second = self._run(other, target)
        self._out_of_time = second.out_of_time
        return second, _changed(folder)

    def _methods(self) -> Literal["auto", "script", "trace"]:
        """The roads that the second comparison may take: the other one only where it agrees with the own weights."""
        method = self._own.builds[0].method
        other = next(name for name in METHODS if name != method)
        pairs = {(c.reference, c.candidate): c for c in self._own.result.comparisons}
        pair = pairs.get((EAGER, CAPTURED[other]))
        return self._job.spec.method if pair is not None and pair.passed else method

    def _build_anew(self, second: Done) -> None:
        """Do the whole job again with the builds that the second comparison calls for, in the place of the first."""
        scratch = Path(self._job.scratch)
        for entry in scratch.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name != JOB_FILE:
                entry.unlink()
        known = {build.remedy for build in self._own.builds}
        builds = tuple(
            build if build.remedy in known else replace(build, remedy=f"{build.remedy}, with sensitive weights")
            for build in second.builds
        )
        spec = replace(self._job.spec, method=builds[0].method)
        done = self._run(replace(self._job, spec=spec, builds=builds), _ANEW)
        if self._job.spec.method == "auto" and done.result.choice:
            reasons = second.result.choice.partition(" (")[2]
            choice = f"{spec.method} (with sensitive weights, {reasons}"
            done = Done(replace(done.result, choice=choice), done.builds, done.out_of_time)
        self._own = done

    def _failed(self, sharper: Sharper, failure: Failure) -> ModelResult:
        result = self._own.result
        file = replace(result.file, verified=False) if result.file is not None else None
        editions = tuple(replace(edition, verified=False) for edition in result.editions)
        return replace(result, sharper=sharper, failure=failure, file=file, editions=editions, choice="")

    def _told(self, sharper: Sharper, text: str) -> ModelResult:
        notice = notice_of(sharper, text, out_of_time=self._out_of_time)
        self._emit(Noticed(notice=notice))
        result = self._own.result
        return replace(result, sharper=sharper, notices=(*result.notices, *self._warnings, notice))


def _changed(folder: Path) -> Sensitised:
    try:
        return msgspec.json.decode((folder / KEPT_FOLDER / SENSITISED).read_bytes(), type=Sensitised)
    except (OSError, msgspec.DecodeError):
        return Sensitised()


def _recipes(builds: Sequence[Build]) -> dict[str, Recipe]:
    """How each edition is built."""
    return {build.edition.name: build.recipe for build in builds}


def _failure(second: Done) -> Failure | None:
    """What speaks against the files: no build verifies. A model that does not run at all, or not twice in the same way,
    or cannot be captured with these weights (detectors without boxes), and time that was up, say nothing.
    """
    failure = second.result.failure
    if failure is None or second.out_of_time or failure.kind in ("load", "nondeterministic"):
        return None
    if failure.kind == "convert" and failure.stage in CAPTURED.values():
        return None
    problem = failure.problem
    title = f"With sensitive weights, {problem.title[:1].lower()}{problem.title[1:]}"[:300]
    told = replace(problem, title=title, advice=problem.advice or _ADVICE)
    return Failure(kind=failure.kind, stage=failure.stage, problem=told)


def _other_build(second: Done) -> Failure:
    """Only builds that do not ship verify with sensitive weights."""
    ways = "; ".join(dict.fromkeys(build.remedy or f"method {build.method}" for build in second.builds))
    problem = Problem(
        title="With sensitive weights, the build does not compute what the model computes",
        message=f"With these the first build that verifies is: {ways}. None was found that verifies with both.",
        advice=_ADVICE,
    )
    return Failure(kind="mismatch", stage=second.builds[0].key("optimised"), problem=problem)


def _neither(own: Failure, second: Done) -> Failure:
    """What verifies with sensitive weights does not with the model's own."""
    told = _other_build(second).problem
    problem = replace(told, message=f"{told.message} With the model's own, {own.problem.title}: {own.problem.message}")
    return replace(own, problem=problem)


def _sharper(second: Done, changed: Sensitised, status: Literal["passed", "failed", "not-run"]) -> Sharper:
    result = second.result
    return Sharper(
        status=status,
        changed=len(changed.parameters) + len(changed.statistics),
        kept=changed.kept,
        unreached=tuple(name[:_NAME] for name in changed.unreached[:_MOST_NAMES]),
        constants=changed.constants,
        comparisons=result.comparisons,
        devices=result.devices,
        failure=result.failure,
        attempts=result.attempts,
        seconds=result.seconds,
    )
