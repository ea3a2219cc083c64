"""Finds and reads the reports that shards have left. Each may be damaged, or be no report at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ptmobile.report.model import Reason, Report
from ptmobile.report.reading import NAME, ReportError, bytes_of, read_report

_MAX_REPORTS, _MAX_DEPTH = 1000, 6


@dataclass(frozen=True)
class Found:
    """A report, and its path relative to the workspace."""

    path: str
    report: Report


@dataclass(frozen=True)
class Collected:
    """The reports that could be read, in the order of their paths, and what is wrong with others."""

    found: tuple[Found, ...] = ()
    problems: list[Reason] = field(default_factory=list)


def collect(folder: str, root: Path, leave: str) -> Collected:
    """Every ``report.json`` below a folder of the workspace ``root``, but none in ``leave``, where ours will go."""
    problems: list[Reason] = []
    found = []
    paths = sorted(_paths(root / folder, root / leave))
    for path in paths[:_MAX_REPORTS]:
        name = path.relative_to(root).as_posix()
        try:
            found.append(Found(name, read_report(bytes_of(path))))
        except ReportError as error:
            advice = error.advice or "Run the job that left it again, by this version of ptmobile."
            problems.append(
                Reason(title="A report cannot be merged", message=f"{name}: {error.message}", advice=advice)
            )
    if len(paths) > _MAX_REPORTS:
        problems.append(Reason(title="There are too many reports", message=f"Only {_MAX_REPORTS} are read."))
    if not paths:
        problems.append(
            Reason(
                title="There is nothing to merge",
                message=f"There is no {NAME} below {folder}.",
                advice="Download the artifacts of the shards into that folder first; did any shard upload one?",
            )
        )
    return Collected(tuple(found), problems)


def _paths(folder: Path, leave: Path) -> Iterator[Path]:
    for current, folders, files in os.walk(folder):
        here = Path(current)
        deep = len(here.relative_to(folder).parts) >= _MAX_DEPTH
        folders[:] = (
            [] if deep else [name for name in folders if here / name != leave and not (here / name).is_symlink()]
        )
        if NAME in files and here != leave:
            yield here / NAME
