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

from ptmobile.app_card import AppCard
from ptmobile.editions import Build
from ptmobile.protocol import Job
from ptmobile.result import (
    METHODS,
    Adaptation,
    Comparison,
    Environment,
    Failure,
    Method,
    ModelResult,
    Notice,
    OutputCard,
    StageName,
    Trial,
    TriedBuild,
)
from ptmobile.worker.adapting.records import load_adaptation
from ptmobile.worker.comparing import Policy, compare_pair, proof_notices
from ptmobile.worker.comparing.pairs import PairSpec
from ptmobile.worker.comparing.proof import not_finite, output_cards
from ptmobile.worker.evidence.app_cards import app_card, java_notices
from ptmobile.worker.evidence.asides import Asides
from ptmobile.worker.evidence.noise.telling import PARTLY, UNKNOWN, failure_with_floor, failure_with_rows, with_floor
from ptmobile.worker.evidence.other_sizes import size_notices
from ptmobile.worker.processes.crew import Crew
from ptmobile.worker.processes.reports import MORE_TIME
from ptmobile.worker.stages.file_records import form_failure
from ptmobile.worker.stages.model_process import EAGER_AGAIN, INPUTS
from ptmobile.worker.stages.road import CAPTURED
from ptmobile.worker.values.files import load_tree
from ptmobile.worker.verdicts.built import Built, Inspector, variants_of
from ptmobile.worker.verdicts.pairing import EAGER, Pairing
from ptmobile.worker.verdicts.tables import tables_of
from ptmobile.worker.verdicts.weighing import Weighed, weigh

_BEFORE_ROADS: tuple[StageName, ...] = ("load", "inputs", "eager")


class Findings:
    """What is known of a job so far: the eager model, what was captured, and the builds of each road."""

    def __init__(self, job: Job, crew: Crew) -> None:
        scratch = self._scratch = Path(job.scratch)
        self._job = job
        self._crew = crew
        self._record = crew.record
        self._pairing = Pairing(scratch, Policy.of(job.spec), crew.record.passed, crew.desks.read)
        self._trials: tuple[Trial, ...] = ()
        self._cards: tuple[OutputCard, ...] = ()
        self._failures: dict[Method, Failure] = {}
        self._failure: Failure | None = None
        self._deterministic: bool | None = None
        self._app: AppCard | None = None
        self._spec = job.spec
        self._roads: dict[Method, list[Built]] = {}
        self._weighed = Weighed()
        self._attempts: tuple[TriedBuild, ...] = ()
        self.inspector = Inspector(scratch, crew, self._pairing, tables_of(job.asked))

    def judge_eager(self) -> bool:
        """Whether there is a reference; also finds out what a comparison with it can prove."""
        for stage in _BEFORE_ROADS:
            if not self._record.passed(stage):
                self._failure = self.inspector.stage_failure("load", stage)
                return False
        listed = self._crew.desks.read(self._scratch / INPUTS / "trials.json")
        self._trials = tuple(msgspec.json.decode(listed, type=list[Trial]))
        self._pairing.run_on(self._trials)
        numbers = self._pairing.trials
        load, policy = self._pairing.load, self._pairing.policy
        repeated = [n for n in numbers if (self._scratch / EAGER_AGAIN / f"{n}.json").exists()]
        again = compare_pair(PairSpec(EAGER, EAGER_AGAIN, "exact", decides=False), load, repeated, Policy())
        self._deterministic = self.inspector.deterministic = again.equal and again.passed
        if not self._deterministic:
            self._warn_nondeterministic(again)
        self._cards = output_cards(load(EAGER, 0))
        for notice in (*proof_notices(load, self._trials, policy), *not_finite(load, self._trials)):
            self._crew.notice(notice)
        return True

    def compare_captured(self) -> None:
        """Traced and scripted against eager and against each other."""
        for reference, candidate in ((EAGER, "traced"), (EAGER, "scripted"), ("traced", "scripted")):
            self._pairing.compare(reference, candidate, exact=True)

    def leave_room(self, asides: Asides) -> None:
        """Allow for the model's own errors from here on, if that is asked for; waits for them."""
        if self._spec.own_error_multiple is None:
            return
        floor, own = asides.noise(self._pairing.load, self._pairing.trials)
        self._pairing.policy = self._pairing.policy.knowing(own.of)
        if floor.reason:
            self._crew.notice(Notice(level="notice", code="noise-floor", message=(UNKNOWN + floor.reason)[:2000]))
        elif floor.trials < len(self._trials):
            message = PARTLY.format(floor.trials, len(self._trials))
            self._crew.notice(Notice(level="notice", code="noise-floor", message=message))

    def captured_well(self, method: Method) -> bool:
        """Whether a road's TorchScript ran and computes what the model computes."""
        stage = CAPTURED[method]
        if not self._record.passed(stage):
            self._failures[method] = self.inspector.stage_failure("convert", stage)
        elif (difference := self._pairing.first_difference({EAGER, stage})) is not None:
            self._failures[method] = self.inspector.mismatch(difference)
        elif (forged := self._forged(method)) is not None:
            self._failures[method] = forged
        return method not in self._failures

    def _forged(self, method: Method) -> Failure | None:
        """Why what a road says of the form of its outputs cannot be believed."""
        first = load_tree(self._scratch / EAGER / str(self._pairing.trials[0]), self._crew.desks.read)
        return form_failure(load_adaptation(method, self._scratch), first, CAPTURED[method])

    def take(self, method: Method, builds: list[Built]) -> bool:
        """Take note of a road's builds, one for each edition; says whether all of them verified."""
        self._roads[method] = builds
        failure = next((built.failure for built in builds if built.failure is not None), None)
        if failure is not None:
            self._failures[method] = failure
        return failure is None

    def tell_attempts(self, attempts: Sequence[TriedBuild]) -> None:
        """Take note of all builds that were tried, and say if the time was up before the search for one was over."""
        self._attempts = tuple(attempts)
        if attempts and self._crew.out_of_time:
            verified = any(tried.verified for tried in attempts)
            which = "The file is the least changed of those that verified" if verified else "None verified"
            message = f"The time was up while other builds were tried. {which}. {MORE_TIME}"
            self._crew.notice(Notice(level="notice", code="search-cut-short", message=message))

    def tell(self) -> None:
        """Pass on what is to be said of the files that are kept."""
        method, builds = self._chosen()
        captured = [CAPTURED[m] for m in METHODS if self._record.passed(CAPTURED[m])]
        shipped = CAPTURED[method] if method else ""
        for notice in size_notices(self._scratch, captured, self._pairing.on_other_sizes, shipped=shipped):
            self._crew.notice(notice)
        for built in builds:
            for notice in built.notices:
                self._crew.notice(notice)
        if builds and builds[0].file is not None:
            self._app = app_card(self._scratch, builds[0].build.final, [trial.number for trial in self._trials])
            for notice in java_notices(self._app, self._spec):
                self._crew.notice(notice)

    @property
    def deterministic(self) -> bool:
        """Whether eager gave the same answer twice."""
        return bool(self._deterministic)

    @property
    def kept(self) -> tuple[Build, ...]:
        """The builds of the files that are kept, one for each edition."""
        return tuple(built.build for built in self._chosen()[1])

    def weigh(self, asides: Asides) -> None:
        """Set the differences of the kept files beside the model's own errors, its choices and its latency."""
        _, builds = self._chosen()
        self._weighed = weigh(self._job, self._crew, self._pairing, asides, builds)

    def result(self, asked: str, seconds: float) -> ModelResult:
        """Everything that was found."""
        method, builds = self._chosen()
        shipped = bool(builds) and all(built.verified for built in builds)
        files = [built.file for built in builds if built.file is not None]
        decisive = set().union(*(variants_of(built.build) for built in builds))
        weighed = self._weighed
        failure = None if shipped else self._failure or self._first_failure()
        return ModelResult(
            stages=tuple(self._record.stages.values()),
            comparisons=tuple(
                msgspec.structs.replace(with_floor(c, weighed.own.of), decides={c.reference, c.candidate} <= decisive)
                for c in self._pairing.comparisons
            ),
            proof=weighed.proof,
            notices=tuple(self._record.notices),
            trials=self._trials,
            outputs=self._cards,
            devices=tuple(verdict for built in builds for verdict in built.devices),
            deterministic=self._deterministic,
            file=next((file for file in files if not file.edition), None),
            editions=tuple(file for file in files if file.edition),
            adapted=self._adapted(method),
            app=self._app,
            noise=weighed.noise,
            decisions=weighed.decisions,
            timing=weighed.timing,
            repair_cost=weighed.repair_cost,
            attempts=self._attempts,
            choice=self._choice(asked, method) if shipped and method else "",
            failure=failure and self._with_own_errors(failure),
            environment=environment(),
            seconds=seconds,
            peak_memory_bytes=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        )

    def _with_own_errors(self, failure: Failure) -> Failure:
        own, comparisons = self._weighed.own, self._pairing.comparisons
        return failure_with_rows(failure_with_floor(failure, comparisons, own.of), comparisons, own.moved)

    def _adapted(self, method: Method | None) -> Adaptation | None:
        stored = load_adaptation(method, self._scratch) if method in self._roads else None
        return stored.adaptation if stored else None

    def _chosen(self) -> tuple[Method | None, list[Built]]:
        """The road whose files are kept: the first that verified, else the first whose main file did, or is there."""
        roads = list(self._roads.items())
        ranked = sorted(roads, key=lambda road: _rank(road[1]), reverse=True)  # sorting keeps the order of equals
        return ranked[0] if ranked else (next(iter(self._failures), None), [])

    def _first_failure(self) -> Failure:
        first, *others = self._failures.values()
        if not others:
            return first
        also = "; ".join(f"{method}: {f.problem.title}" for method, f in list(self._failures.items())[1:])
        problem = msgspec.structs.replace(first.problem, message=f"{first.problem.message}\nAlso tried: {also}.")
        return msgspec.structs.replace(first, problem=problem)

    def _choice(self, asked: str, method: Method) -> str:
        if asked != "auto":
            return f"{method}, as asked for"
        failed = [f"{method} failed: {failure.problem.title}" for method, failure in self._failures.items()]
        reason = "; ".join(failed) or "the first that verified; it keeps control flow that depends on the input"
        return f"{method} ({reason})"

    def _warn_nondeterministic(self, again: Comparison) -> None:
        finding = next(iter(again.findings), None)
        detail = f": {finding.output} {finding.message}" if finding else ""
        message = f"Two eager runs on the same input differ{detail}. The model draws random numbers or keeps state."
        self._crew.notice(Notice(level="warning", code="nondeterministic", message=message[:2000]))


def _rank(builds: list[Built]) -> tuple[bool, bool, bool]:
    main = builds[0]
    return all(built.verified for built in builds), main.verified, main.file is not None


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
