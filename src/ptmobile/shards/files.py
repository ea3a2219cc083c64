"""The files of the models where the artifacts of the shards were unpacked: found again by their SHA-256."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from ptmobile.digests import sha256_of
from ptmobile.report.model import ModelReport, Reason, ShippedFile
from ptmobile.shards.collecting import Collected, Found


def with_files(collected: Collected, folder: str, root: Path) -> Collected:
    """The reports with the paths at which their files lie now, below ``folder`` in the workspace ``root``.

    A file that is not there keeps the path that it had where it was made. One that has other bytes than its report says
    is a problem.
    """
    problems = list(collected.problems)
    found = []
    for one in collected.found:
        models = tuple(_model(model, one, root / folder, root, problems) for model in one.report.models)
        found.append(Found(one.path, replace(one.report, models=models)))
    return Collected(tuple(found), problems)


def _model(model: ModelReport, found: Found, folder: Path, root: Path, problems: list[Reason]) -> ModelReport:
    if model.result.mode == "check":
        return model  # the file was there before, and is in the workspace as it was
    here = (root / found.path).parent

    def located(file: ShippedFile) -> ShippedFile:
        return _located(file, here, folder, root, problems)

    main = located(model.file) if model.file else None
    return replace(model, file=main, editions=tuple(map(located, model.editions)))


def _located(file: ShippedFile, here: Path, folder: Path, root: Path, problems: list[Reason]) -> ShippedFile:
    damaged = None
    for candidate in _candidates(file.path, here, folder):
        if not _is_plain(candidate, folder):
            continue
        path = candidate.relative_to(root).as_posix()
        if _digest(candidate) == file.content.sha256:
            return replace(file, path=path)
        damaged = path
    if damaged:
        problems.append(
            Reason(
                title="A file is not the one that its report is about",
                message=f"{damaged} has another SHA-256 than {here.relative_to(root).as_posix()} says.",
                advice="Do not use it. Upload the file and its report in one artifact, and merge anew.",
            )
        )
    return file


def _candidates(path: str, here: Path, folder: Path) -> Iterator[Path]:
    """Where an artifact may have it: beside its report, or by its path in the workspace of the shard."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        return
    yield here / pure.name
    while here.is_relative_to(folder):
        yield here / pure
        here = here.parent


def _is_plain(path: Path, folder: Path) -> bool:
    try:
        return (
            path.is_file()
            and path.resolve() == path.parent.resolve() / path.name
            and (path.resolve().is_relative_to(folder.resolve()))
        )
    except (OSError, RuntimeError):
        return False


def _digest(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError:
        return ""
