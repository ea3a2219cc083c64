"""How a file is built as asked for, and otherwise for the sake of one library."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ptmobile.editions import Build, Edition
from ptmobile.result import Method
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.worker.verdicts.built import Built
from ptmobile.worker.verdicts.devices import shows_defect

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
