"""Where a baseline comes from: a ``report.json`` in the workspace, or in an artifact of an earlier run.

A baseline that cannot be had is no exception.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from ptmobile.baseline.model import Baseline, BaselineSource
from ptmobile.baseline.reading import read_baseline
from ptmobile.judging.budgets import MAKE_A_BASELINE
from ptmobile.report.reading import ReportError, bytes_of
from ptmobile.spec.baseline_reference import ArtifactReference, parse_artifact

Fetch: TypeAlias = Callable[[ArtifactReference], Baseline]
"""Fetches the baseline in an artifact, or raises a ReportError."""


def find_baseline(given: str, root: Path, fetch: Fetch) -> Baseline:
    """The baseline in a file or an artifact, or one that says why it cannot be had.

    ``given`` is an artifact, or a path relative to the workspace, which was checked to lead nowhere else.
    """
    try:
        artifact = parse_artifact(given)
        return read_baseline(bytes_of(root / given), given) if artifact is None else fetch(artifact)
    except ReportError as error:
        problem = f"The baseline {given} cannot be used. {error.message}"
        return Baseline(BaselineSource(given=given, problem=problem, advice=error.advice or MAKE_A_BASELINE))
