"""How a file is built as asked for, and what else is worth trying where that did not verify."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ptmobile.editions import Build, Edition
from ptmobile.result import Method
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.worker.built import Built
from ptmobile.worker.device_verdicts import shows_defect


def first_build(spec: ConversionSpec, method: Method, edition: Edition) -> Build:
    """The build that does what was asked for."""
    return Build(
        method=method,
        edition=edition,
        lower=spec.repair == "auto" and bool(edition.releases),
        optimise=spec.optimize,
        blocklist=spec.optimize_blocklist,
    )


def remedies(spec: ConversionSpec, failed: Built) -> Iterator[Build]:
    """Builds that may verify where the first one did not, the least different first."""
    if spec.repair == "off":
        return
    build = failed.build
    if not build.optimise and shows_defect(failed.devices):
        yield replace(
            build,
            attempt=build.attempt + 1,
            optimise=True,
            freeze=True,
            remedy=(
                "optimised, although optimize is false: the x86_64 library (emulators, Chromebooks) computes a 1x1 "
                "convolution on few pixels wrongly unless it is optimised"
            ),
        )
