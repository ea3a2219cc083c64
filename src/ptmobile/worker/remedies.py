"""How a file is built as asked for, and what else is worth trying where that did not verify."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from msgspec.structs import replace

from ptmobile.editions import Build, Edition
from ptmobile.result import Method
from ptmobile.spec.conversion import OPTIMIZER_PASSES, ConversionSpec, OptimizerPass
from ptmobile.worker.built import Built
from ptmobile.worker.device_verdicts import shows_defect

#: So many passes at most are left out at once; more than two guilty ones were never seen, and each attempt takes time.
_MOST_LEFT_OUT = 2
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


def remedies(spec: ConversionSpec, failed: Built) -> Iterator[Build]:
    """Builds that may verify where one did not for the sake of ``optimize_for_mobile``, the least different first.

    Frozen before; then without one of the passes, without two; then not optimised at all. A file that cannot be saved
    or loaded is tried without optimising only: no pass alone was ever seen to be the reason.
    """
    build, failure = failed.build, failed.failure
    if spec.repair == "off" or not build.optimise or failure is None or failure.problem.final:
        return
    if failure.stage not in {build.key(stage) for stage in ("frozen", "optimised", "saved", "lite")}:
        return
    optimising = [build.key(stage) for stage in ("frozen", "optimised")]
    because = f"; as asked for, {failure.problem.title[:1].lower()}{failure.problem.title[1:]}"
    attempt = build.attempt
    for freeze, blocklist, words in _ways(build) if failure.stage in optimising else ():
        attempt += 1
        yield replace(build, attempt=attempt, freeze=freeze, blocklist=blocklist, remedy=words + because)
    words = "not optimised, so it runs without the faster kernels of XNNPACK and without fused layers"
    yield replace(build, attempt=attempt + 1, optimise=False, blocklist=(), remedy=words + because)


def _ways(build: Build) -> Iterator[tuple[bool, tuple[OptimizerPass, ...], str]]:
    """Whether to freeze, which passes to leave out, and that in words."""
    if build.method == "script" and not build.freeze:
        yield True, build.blocklist, "frozen before it is optimised"
    passes = [name for name in OPTIMIZER_PASSES if name not in build.blocklist]
    for count in range(1, _MOST_LEFT_OUT + 1):
        for left_out in combinations(passes, count):
            names = " and ".join(left_out)
            yield build.freeze, (*build.blocklist, *left_out), f"optimised without the pass {names}"
