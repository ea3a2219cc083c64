"""From stages and outputs to a result: which pairs are compared, which file is shipped, and why not."""

from __future__ import annotations

import platform
import resource
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
import torchvision

from ptmobile.device.target import DeviceTarget
from ptmobile.result import (
    METHODS,
    Comparison,
    DeviceVerdict,
    Environment,
    Failure,
    FailureKind,
    Method,
    ModelResult,
    Notice,
    OutputCard,
    Problem,
    StageName,
    Trial,
    WorkerFile,
    variant_key,
)
from ptmobile.worker.comparing import Policy, compare_pair, proof_notices
from ptmobile.worker.comparing.pairs import PairSpec, load_from
from ptmobile.worker.comparing.proof import output_cards
from ptmobile.worker.crew import MORE_TIME, Crew
from ptmobile.worker.device_verdicts import device_verdict, judge_devices
from ptmobile.worker.model_process import EAGER, EAGER_AGAIN, INPUTS
from ptmobile.worker.road import CAPTURED
from ptmobile.worker.saving import file_of

TRACED_ONCE = (
    "Tracing writes down the sizes and the branches that the first input takes; method script keeps them in the file."
)
_BEFORE_ROADS: tuple[StageName, ...] = ("load", "inputs", "eager")


class Findings:
    """Compares what the processes of a job left behind, and draws the conclusions."""

    def __init__(self, scratch: Path, policy: Policy, crew: Crew) -> None:
        self._scratch = scratch
        self._policy = policy
        self._crew = crew
        self._record = crew.record
        self._load = load_from(scratch)
        self._trials: tuple[Trial, ...] = ()
        self._cards: tuple[OutputCard, ...] = ()
        self._comparisons: list[Comparison] = []
        self._failures: dict[Method, Failure] = {}
        self._failure: Failure | None = None
        self._deterministic: bool | None = None
        self._file: WorkerFile | None = None
        self._devices: list[DeviceVerdict] = []

    def judge_eager(self) -> bool:
        """Whether there is a reference; also finds out what a comparison with it can prove."""
        for stage in _BEFORE_ROADS:
            if not self._record.passed(stage):
                self._failure = self._stage_failure("load", stage)
                return False
        listed = (self._scratch / INPUTS / "trials.json").read_bytes()
        self._trials = tuple(msgspec.json.decode(listed, type=list[Trial]))
        repeated = [n for n in self._numbers if (self._scratch / EAGER_AGAIN / f"{n}.json").exists()]
        again = compare_pair(PairSpec(EAGER, EAGER_AGAIN, "exact", decides=False), self._load, repeated, Policy())
        self._deterministic = again.equal and again.passed
        if not self._deterministic:
            self._warn_nondeterministic(again)
        self._cards = output_cards(self._load(EAGER, 0))
        varied = any(trial.seed is not None for trial in self._trials)
        for notice in proof_notices(self._load, self._numbers, self._policy, varied=varied):
            self._crew.notice(notice)
        return True

    def compare_captured(self) -> None:
        """Traced and scripted against eager and against each other."""
        for reference, candidate in ((EAGER, "traced"), (EAGER, "scripted"), ("traced", "scripted")):
            self._compare(reference, candidate, exact=True)

    def captured_well(self, method: Method) -> bool:
        """Whether a road's TorchScript ran and computes what the model computes."""
        stage = CAPTURED[method]
        if not self._record.passed(stage):
            self._failures[method] = self._stage_failure("convert", stage)
            return False
        return self._verified({EAGER, stage}, method)

    def compare_file(self, method: Method, *, optimised: bool) -> None:
        """The optimised module and the file against everything before them."""
        lite = variant_key("lite", method)
        before = [EAGER, CAPTURED[method], *(CAPTURED[other] for other in METHODS if other != method)]
        if optimised:
            middle = variant_key("optimised", method)
            for reference in before:
                self._compare(reference, middle, exact=False)
            self._compare(middle, lite, exact=True)
        for reference in before:
            self._compare(reference, lite, exact=not optimised)

    def judge_devices(self, method: Method, targets: Sequence[DeviceTarget], *, required: bool) -> None:
        """What each library made of the road's file; notes a failure of the road if the app's own library fails it."""
        self._devices = []
        for target in targets:
            key = variant_key("device", method, target.label)
            for reference in (EAGER, variant_key("lite", method)):
                self._compare(reference, key, exact=False)
            self._devices.append(device_verdict(target, self._record.stages.get(key), self._comparisons, key))
        failure, warnings = judge_devices(self._devices, required=required)
        for warning in warnings:
            self._crew.notice(warning)
        if failure is not None:
            self._failures[method] = failure

    def file_holds(self, method: Method, *, optimised: bool) -> bool:
        """Whether the road has a file that computes what the model computes on this machine."""
        lite = self._record.passed(variant_key("lite", method))
        return lite and method not in self._failures and self._verified(self._road(method, optimised=optimised), method)

    def ship(self, method: Method, *, optimised: bool) -> bool:
        """Take the road's file if there is one and it computes what the model computes."""
        if method in self._failures and not self._devices:
            return False
        variants = self._road(method, optimised=optimised)
        for stage in ("optimised", "saved", "lite"):
            key = variant_key(stage, method)
            if stage == "optimised" and not optimised:
                continue
            if not self._record.passed(key):
                if self._verified(variants, method):  # else a stage before this one is the first bad one
                    self._failures[method] = self._stage_failure("mismatch" if stage == "lite" else "convert", key)
                return False
        verified = method not in self._failures and self._verified(variants, method)
        path = file_of(self._scratch, method).relative_to(self._scratch).as_posix()
        if verified or self._file is None:
            self._file = WorkerFile(path=path, method=method, optimised=optimised, verified=verified)
        return verified

    def result(self, asked: str, seconds: float) -> ModelResult:
        """Everything that was found."""
        shipped = self._file if self._file is not None and self._file.verified else None
        method = self._file.method if self._file else next(iter(self._failures), None)
        road = self._road(method, optimised=True) if method else set()
        return ModelResult(
            stages=tuple(self._record.stages.values()),
            comparisons=tuple(
                msgspec.structs.replace(c, decides={c.reference, c.candidate} <= road) for c in self._comparisons
            ),
            notices=tuple(self._record.notices),
            trials=self._trials,
            outputs=self._cards,
            devices=tuple(self._devices),
            deterministic=self._deterministic,
            file=self._file,
            choice=self._choice(asked, shipped),
            failure=None if shipped else self._failure or self._first_failure(),
            environment=environment(),
            seconds=seconds,
            peak_memory_bytes=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        )

    @property
    def _numbers(self) -> list[int]:
        return [trial.number for trial in self._trials]

    def _road(self, method: Method, *, optimised: bool) -> set[str]:
        road = {EAGER, CAPTURED[method], variant_key("lite", method)}
        return road | {variant_key("optimised", method)} if optimised else road

    def _compare(self, reference: str, candidate: str, *, exact: bool) -> None:
        if all(key == EAGER or self._record.passed(key) for key in (reference, candidate)):
            pair = PairSpec(reference, candidate, "exact" if exact else "close", decides=False)
            self._comparisons.append(compare_pair(pair, self._load, self._numbers, self._policy))

    def _verified(self, variants: set[str], method: Method) -> bool:
        """Whether all comparisons among some variants passed; notes the first that did not."""
        for comparison in self._comparisons:
            if {comparison.reference, comparison.candidate} <= variants and not comparison.passed:
                self._failures[method] = self._mismatch(comparison)
                return False
        return True

    def _mismatch(self, comparison: Comparison) -> Failure:
        finding = next((f for f in comparison.findings if f.fails), None)
        detail = f"{finding.output} {finding.message}" if finding else "the outputs differ"
        if self._deterministic is False:
            problem = Problem(
                title="The model is not deterministic",
                message=f"Two eager runs on the same input differ, so no comparison can succeed ({detail}).",
                advice="Take randomness and state out of forward for inference (dropout, noise, counters).",
            )
            return Failure(kind="nondeterministic", stage=EAGER, problem=problem)
        title = f"{comparison.candidate} does not compute what {comparison.reference} computes"
        advice = ""
        if comparison.candidate == CAPTURED["trace"]:
            advice = TRACED_ONCE
        elif comparison.owed == "exact" and finding is not None and finding.kind == "value":
            advice = "Equal bits are owed here; if small differences are fine, set rtol or atol."
        problem = Problem(title=title, message=f"In trial {_trial(finding)}, {detail}.", advice=advice)
        return Failure(kind="mismatch", stage=comparison.candidate, problem=problem)

    def _stage_failure(self, kind: FailureKind, key: str) -> Failure:
        stage = self._record.stages.get(key)
        if stage is not None and stage.problem is not None:
            return Failure(kind=kind, stage=key, problem=stage.problem)
        if self._crew.out_of_time:
            message = f"The time limit was reached before stage {key}."
            problem = Problem(title="Out of time", message=message, advice=MORE_TIME)
        else:
            problem = Problem(title=f"Stage {key} was not reached", message="An earlier process ended before it.")
        return Failure(kind=kind, stage=key, problem=problem)

    def _first_failure(self) -> Failure:
        first, *others = self._failures.values()
        if not others:
            return first
        also = "; ".join(f"{method}: {f.problem.title}" for method, f in list(self._failures.items())[1:])
        problem = msgspec.structs.replace(first.problem, message=f"{first.problem.message}\nAlso tried: {also}.")
        return msgspec.structs.replace(first, problem=problem)

    def _choice(self, asked: str, shipped: WorkerFile | None) -> str:
        if shipped is None:
            return ""
        if asked != "auto":
            return f"{shipped.method}, as asked for"
        failed = [f"{method} failed: {failure.problem.title}" for method, failure in self._failures.items()]
        reason = "; ".join(failed) or "the first that verified; it keeps control flow that depends on the input"
        return f"{shipped.method} ({reason})"

    def _warn_nondeterministic(self, again: Comparison) -> None:
        finding = next(iter(again.findings), None)
        detail = f": {finding.output} {finding.message}" if finding else ""
        message = f"Two eager runs on the same input differ{detail}. The model draws random numbers or keeps state."
        self._crew.notice(Notice(level="warning", code="nondeterministic", message=message[:2000]))


def _trial(finding: object) -> str:
    number = getattr(finding, "trial", None)
    return "?" if number is None else str(number)


def environment() -> Environment:
    """The libraries of this process. Debian's torch 1.13.1 calls itself 1.13.0a0; the report says what it is."""
    version = str(torch.__version__)
    return Environment(
        python=platform.python_version(),
        torch="1.13.1" if version == "1.13.0a0" else version,
        torchvision=str(torchvision.__version__).removesuffix("a0"),
        numpy=np.__version__,
        machine=platform.machine(),
        xnnpack="USE_XNNPACK" in torch.__config__.show(),
    )
