"""What the tables say about a file and a release whose library cannot be run here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import torch

from ptmobile.digests import sha256_of
from ptmobile.litefile import LiteFile, read_lite_file
from ptmobile.result import TableAnswer
from ptmobile.runtimes.choosing import find_release
from ptmobile.runtimes.limits import AskedLibrary, Tables, check_against_tables, load_tables

_MAX_REASONS = 20


def tables_of(asked: Iterable[AskedLibrary]) -> Tables:
    """The packaged tables, with the answers that the user's own probes brought."""
    packaged = load_tables()
    own = {f"{library.artifact}:{library.version}": library for library in asked}
    return dataclasses.replace(packaged, asked={**packaged.asked, **own}) if own else packaged


def table_answer(file: Path, release: str, tables: Tables) -> TableAnswer | None:
    """The answer for a release (``artifact:version``); None for one that is not in our list.

    Raises:
        LiteFileError: the file is no readable `.ptl`.
    """
    found = find_release(release)
    if found is None:
        return None
    verdict = check_against_tables(_read(file, sha256_of(file)), found, made_by=str(torch.__version__), tables=tables)
    against = [finding for finding in verdict.findings if finding.answer == "no"] or list(verdict.findings)
    return TableAnswer(
        loads=verdict.loads,
        loads_evidence=verdict.loads_evidence,
        runs=verdict.runs,
        runs_evidence=verdict.runs_evidence,
        reasons=tuple(finding.text for finding in against[:_MAX_REASONS]),
        advice=next((finding.advice for finding in against if finding.advice), ""),
    )


@lru_cache(maxsize=4)
def _read(file: Path, _digest: str) -> LiteFile:
    """By what is in the file as well: a second build of a model takes the path of the first."""
    return read_lite_file(file)
