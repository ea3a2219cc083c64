"""How a file is built as asked for, and what else is worth trying where that did not verify."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from msgspec.structs import replace

from ptmobile.editions import Build, Edition
from ptmobile.result import Method
from ptmobile.spec.conversion import OPTIMIZER_PASSES, ConversionSpec, OptimizerPass
from ptmobile.worker.verdicts.built import Built
from ptmobile.worker.verdicts.devices import shows_defect

#: So many passes at most are left out at once; more than two guilty ones were never seen, and each attempt takes time.
_MOST_LEFT_OUT = 2
#: The one of the passes that freezing does itself (see ``optimizing.freeze``).
_IN_FREEZING: OptimizerPass = "CONV_BN_FUSION"
_DEFECT = (
    "optimised, although optimize is false: the x86_64 library (emulators, Chromebooks) computes a 1x1 convolution on "
    "few pixels wrongly unless it is optimised"
)


def first_build(spec: ConversionSpec, method: Method, edition: Edition) -> Build:
    """The build that does what was asked for."""
    return Build(
        method=method,
        edition=edition,
        lower=spec.repair == "auto" and bool(edition.releases),
        optimise=spec.optimize,
        blocklist=spec.optimize_blocklist,
    )


def without_defect(spec: ConversionSpec, built: Built) -> Iterator[Build]:
    """An optimised build, where the one that is not meets the known defect of the x86_64 library."""
    build = built.build
    if spec.repair == "auto" and not build.optimise and shows_defect(built.devices):
        yield replace(build, attempt=build.attempt + 1, optimise=True, freeze=True, remedy=_DEFECT)


def remedies(spec: ConversionSpec, tried: Sequence[Built]) -> Iterator[Build]:
    """Builds that may verify where one did not for the sake of ``optimize_for_mobile``, the least different first.

    Frozen before; then without one of the passes, without two; then not optimised at all. A file that cannot be saved
    or loaded is tried without optimising only: no pass alone was ever seen to be the reason. ``tried`` begins with the
    build that failed, and whoever takes a build adds what became of it: what that shows to be hopeless is left out.
    """
    failed = tried[0]
    build, failure = failed.build, failed.failure
    if spec.repair == "off" or not build.optimise or failure is None or failure.problem.final:
        return
    if failure.stage not in {build.key(stage) for stage in ("frozen", "optimised", "saved", "lite")}:
        return
    optimising = [build.key(stage) for stage in ("frozen", "optimised")]
    because = f"; as asked for, {failure.problem.title[:1].lower()}{failure.problem.title[1:]}"
    attempt = build.attempt
    for freeze, left_out, words in _ways(build) if failure.stage in optimising else ():
        if not _hopeless(freeze, left_out, tried):
            attempt += 1
            blocklist = (*build.blocklist, *left_out)
            yield replace(build, attempt=attempt, freeze=freeze, blocklist=blocklist, remedy=words + because)
    words = "not optimised, so it runs without the faster kernels of XNNPACK and without fused layers"
    yield replace(build, attempt=attempt + 1, optimise=False, blocklist=(), remedy=words + because)


def _ways(build: Build) -> Iterator[tuple[bool, tuple[OptimizerPass, ...], str]]:
    """Whether to freeze, which passes to leave out besides, and that in words."""
    if build.method == "script" and not build.freeze:
        yield True, (), "frozen before it is optimised"
    passes = [name for name in OPTIMIZER_PASSES if name not in build.blocklist]
    for count in range(1, _MOST_LEFT_OUT + 1):
        for left_out in combinations(passes, count):
            names = " and ".join(left_out)
            yield build.freeze, left_out, f"optimised without the pass {names}"


def _hopeless(freeze: bool, left_out: tuple[OptimizerPass, ...], tried: Sequence[Built]) -> bool:
    """Whether a way would end where one did that was tried.

    Freezing fails as it failed before: of the passes, only the one that it does itself makes a difference to it. And a
    pass without which the outputs were off by the very same numbers has no part in what is wrong.
    """
    first = tried[0]
    folds = _IN_FREEZING not in (*first.build.blocklist, *left_out)
    if any(_froze_wrongly(built, folds=folds) and (freeze or not built.build.freeze) for built in tried):
        return True
    innocent = {
        built.build.blocklist[-1]
        for built in tried[1:]
        if len(built.build.blocklist) == len(first.build.blocklist) + 1
        and built.differs
        and built.differs == first.differs
    }
    return len(left_out) > 1 and not innocent.isdisjoint(left_out)


def _froze_wrongly(built: Built, *, folds: bool) -> bool:
    stopped = built.failure is not None and built.failure.stage == built.build.key("frozen")
    return stopped and (_IN_FREEZING not in built.build.blocklist) == folds
