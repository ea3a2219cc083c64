"""Where a baseline comes from: a ``report.json`` in the workspace. A baseline that cannot be had is no exception."""

from __future__ import annotations

from pathlib import Path

from ptmobile.baseline.model import Baseline, BaselineSource
from ptmobile.baseline.reading import BaselineError, bytes_of, read_baseline
from ptmobile.budgets import MAKE_A_BASELINE


def find_baseline(given: str, root: Path) -> Baseline:
    """The baseline in a file of the workspace, or one that says why it cannot be had.

    ``given`` is a path relative to the workspace, which was checked to lead nowhere else.
    """
    try:
        return read_baseline(bytes_of(root / given), given)
    except BaselineError as error:
        problem = f"The baseline {given} cannot be used. {error.message}"
        return Baseline(BaselineSource(given=given, problem=problem, advice=error.advice or MAKE_A_BASELINE))
