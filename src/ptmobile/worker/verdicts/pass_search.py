"""The search for a build that verifies, where ``optimize_for_mobile`` has spoilt one: fewest changes first.

Which of the optimiser's passes to leave out is found by sets of them, in order of size. What some have mended by being
left out is taken to stay mended when more are, and that keeps the search short: where leaving out all of them does not
help, nothing less is tried; and a pass that must go even where all others are gone is in every further set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from msgspec.structs import replace

from ptmobile.editions import Build
from ptmobile.result import TriedBuild
from ptmobile.spec.conversion import OPTIMIZER_PASSES, ConversionSpec, OptimizerPass
from ptmobile.worker.verdicts.built import Built

Passes = tuple[OptimizerPass, ...]

#: The one of the passes that freezing does itself (see ``optimizing.freeze``).
_IN_FREEZING: Final[OptimizerPass] = "CONV_BN_FUSION"
_FROZEN: Final = "frozen before it is optimised"
_NOT_OPTIMISED: Final = "not optimised, so it runs without the faster kernels of XNNPACK and without fused layers"


@dataclass(frozen=True)
class Attempt:
    """A build to make. ``probe``: only to see what this machine makes of it, since less may do."""

    build: Build
    probe: bool = False


class Search:
    """Says what to build next, and which of all that was built is the best.

    A file that cannot be saved or loaded is tried without optimising only: no pass was ever seen to be the reason.
    """

    def __init__(self, spec: ConversionSpec, failed: Built) -> None:
        self._first = failed
        self._wanted = spec.repair == "auto" and failed.build.optimise
        self._passes: Passes = tuple(name for name in OPTIMIZER_PASSES if name not in failed.build.blocklist)
        self._made: dict[tuple[bool, bool, frozenset[OptimizerPass]], Build] = {}
        self._words: dict[str, str] = {}
        self._tried: dict[str, Built] = {}
        self._finished: set[str] = set()
        self._answer: Built | None = None

    def attempts(self) -> Iterator[Attempt]:
        """The builds to make, until one is good; whoever takes one calls :meth:`learn` before the next.

        What was a probe may come again as itself, to be looked at further.
        """
        build, failure = self._first.build, self._first.failure
        if not self._wanted or failure is None or failure.problem.final:
            return
        if failure.stage not in {build.key(stage) for stage in ("frozen", "optimised", "saved", "lite")}:
            return
        if not _runs(self._first):
            unfrozen = build.method == "script" and not build.freeze
            if unfrozen:
                yield self._attempt(freeze=True)
            for freeze in (False, True) if unfrozen else (build.freeze,):
                for left_out, probe in self._sets(freeze=freeze):
                    if self._answer is None:
                        yield self._attempt(freeze=freeze, left_out=left_out, probe=probe)
        if self._answer is None:
            yield self._attempt(optimise=False)

    def known(self, build: Build) -> Built | None:
        """What became of a build that was made before."""
        return self._tried.get(build.target)

    def learn(self, attempt: Attempt, built: Built) -> None:
        """Take note of what became of a build."""
        target = attempt.build.target
        self._tried[target] = built
        if not attempt.probe:
            self._finished.add(target)
            if built.verified and not any(notice.level == "warning" for notice in built.notices):
                self._answer = built

    @property
    def best(self) -> Built:
        """The build that verified without a warning; else, as when the time is up, the least changed that verified."""
        if self._answer is not None:
            return self._answer
        verified = [built for built in self._tried.values() if built.verified]
        return min(verified, key=lambda b: (not b.build.optimise, len(b.build.blocklist)), default=self._first)

    def finished(self, built: Built) -> bool:
        """Whether a build was more than a probe."""
        return built is self._first or built.build.target in self._finished

    @property
    def told(self) -> tuple[TriedBuild, ...]:
        """All builds in their order, the one that failed first; none if nothing else was tried."""
        builds = [self._first, *self._tried.values()] if self._tried else []
        return tuple(_told(built, self._words.get(built.build.target, "as asked for")) for built in builds)

    def _sets(self, *, freeze: bool) -> Iterator[tuple[Passes, bool]]:
        """Sets of passes to leave out, and whether that is a probe; what was learnt of one decides about the next."""
        passes, base = self._passes, self._at(freeze)
        if base is None or _runs(base) or not passes:
            return
        needed: set[OptimizerPass] = {_IN_FREEZING} if _froze_wrongly(base) else set()
        if not needed <= {*passes}:
            return
        yield passes, True
        if not self._helps(freeze, passes):
            return
        for name in passes:
            if needed <= {name} and {name} != {*passes}:
                yield (name,), False
        suspects = [name for name in passes if name in needed or not self._is_innocent(freeze, name)]
        untried = [chosen for chosen in _sets_of(suspects, needed) if self._at(freeze, chosen) is None]
        if len(untried) > len(suspects):
            for others in self._without_each(suspects, needed):
                yield others, True
            needed |= {name for name in suspects if self._is_needed(freeze, name)}
        likely = [*_sets_of(suspects, needed)]
        for left_out in dict.fromkeys([*likely, *_sets_of(passes, needed)]):
            build = self._made.get((freeze, True, frozenset(left_out)))
            if build is None or (build.target not in self._finished and self._helps(freeze, left_out)):
                yield left_out, False

    def _without_each(self, suspects: list[OptimizerPass], needed: set[OptimizerPass]) -> Iterator[Passes]:
        """All passes but one, for each that may be needed."""
        for name in suspects:
            if name not in needed:
                yield tuple(other for other in self._passes if other != name)

    def _is_needed(self, freeze: bool, name: OptimizerPass) -> bool:
        """Whether it does not help to leave out all but this pass."""
        others = tuple(other for other in self._passes if other != name)
        return self._at(freeze, others) is not None and not self._helps(freeze, others)

    def _is_innocent(self, freeze: bool, name: OptimizerPass) -> bool:
        """Whether the outputs were off by the very same numbers without this pass."""
        with_it, without = self._at(freeze), self._at(freeze, (name,))
        return bool(with_it and without and without.differs and without.differs == with_it.differs)

    def _helps(self, freeze: bool, left_out: Passes) -> bool:
        built = self._at(freeze, left_out)
        return built is not None and _runs(built)

    def _at(self, freeze: bool, left_out: Passes = ()) -> Built | None:
        if freeze == self._first.build.freeze and not left_out:
            return self._first
        build = self._made.get((freeze, True, frozenset(left_out)))
        return self._tried.get(build.target) if build else None

    def _attempt(
        self, *, freeze: bool = False, left_out: Passes = (), optimise: bool = True, probe: bool = False
    ) -> Attempt:
        first, key = self._first.build, (freeze, optimise, frozenset(left_out))
        if key not in self._made:
            words = _words(freeze and not first.freeze, left_out) if optimise else _NOT_OPTIMISED
            build = replace(
                first,
                attempt=first.attempt + len(self._made) + 1,
                freeze=freeze if optimise else first.freeze,
                optimise=optimise,
                blocklist=(*first.blocklist, *left_out) if optimise else (),
                remedy=words + self._because,
            )
            self._made[key], self._words[build.target] = build, words
        return Attempt(self._made[key], probe)

    @property
    def _because(self) -> str:
        failure = self._first.failure
        title = failure.problem.title if failure else ""
        return f"; as asked for, {title[:1].lower()}{title[1:]}"


def _sets_of(passes: list[OptimizerPass] | Passes, needed: set[OptimizerPass]) -> Iterator[Passes]:
    """All sets with what is needed, the smallest first."""
    for size in range(1, len(passes) + 1):
        yield from (chosen for chosen in combinations(passes, size) if needed <= {*chosen})


def _runs(built: Built) -> bool:
    """Whether the optimised model ran and computes what the model computes, whatever became of its file."""
    optimising = {built.build.key(stage) for stage in ("frozen", "optimised")}
    return built.failure is None or built.failure.stage not in optimising


def _froze_wrongly(built: Built) -> bool:
    """Whether freezing itself went wrong; of the passes, only the one that it does makes a difference to that."""
    return built.failure is not None and built.failure.stage == built.build.key("frozen")


def _words(freeze: bool, left_out: Passes) -> str:
    *others, last = left_out or ("",)
    names = f"without the passes {', '.join(others)} and {last}" if others else f"without the pass {last}"
    if not left_out:
        return _FROZEN
    return f"{_FROZEN}, and {names}" if freeze else f"optimised {names}"


def _told(built: Built, words: str) -> TriedBuild:
    build, failure = built.build, built.failure
    return TriedBuild(
        method=build.method,
        target=build.target,
        what=words,
        verified=built.verified,
        reason=failure.problem.title if failure else "",
    )
