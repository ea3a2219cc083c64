"""Whether the records in a file follow from what was kept: it was the model's process that wrote the file."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ptmobile.result import Failure, Method, Problem
from ptmobile.value_manifest import Moved
from ptmobile.worker.adapting.records import EXTRA_FILE, StoredAdaptation, extra_files, follows_from, load_adaptation
from ptmobile.worker.evidence.golden import RECORD, golden_record
from ptmobile.worker.values.files import StoredTree

_TOLD: Final = {
    RECORD: "its golden outputs are not what the eager model gave",
    EXTRA_FILE: "what it says of the form of its outputs is not what the conversion said",
}
_ADVICE: Final = "Look for code of the model that changes files or ptmobile itself while it is converted."
#: In bytes; no record of ours is longer.
_LONGEST: Final = 8 << 20


def expected_records(kept: Path, method: Method) -> dict[str, str]:
    """The records that belong into the files of a road, by their names."""
    stored = load_adaptation(method, kept)
    return {**extra_files(stored), **golden_record(kept, moved_by(stored))}


def moved_by(stored: StoredAdaptation | None) -> Moved:
    """Where an adaptation has moved what the eager model returns."""
    return Moved(places=stored.places, file_containers=stored.file_containers) if stored else Moved()


def records_failure(file: Path, expected: Mapping[str, str], stage: str) -> Failure | None:
    """Why a file may not be shipped for the sake of its records; ``stage`` is the one that made it."""
    try:
        found = _records(file)
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        return _failure(stage, f"its records cannot be read: {error}")
    for name, told in _TOLD.items():
        if found.get(name) != expected.get(name):
            return _failure(stage, told)
    return None


def form_failure(stored: StoredAdaptation | None, eager: StoredTree, stage: str) -> Failure | None:
    """Why a road's outputs cannot be compared: they are said to be moved in another way than the model's must be."""
    if stored is None or follows_from(stored, eager):
        return None
    return _failure(stage, "what it says of the form of its outputs does not follow from those of the eager model")


def _records(file: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            name = entry.filename.partition("/extra/")[2]
            if name in _TOLD:
                if entry.file_size > _LONGEST or name in found:
                    raise ValueError(f"{name} is too long, or there twice")
                found[name] = archive.read(entry).decode()
    return found


def _failure(stage: str, what: str) -> Failure:
    problem = Problem(
        title="The file is not what the conversion should have made", message=f"Of {stage}: {what}.", advice=_ADVICE
    )
    return Failure(kind="mismatch", stage=stage, problem=problem)
