"""The answers that a user's own probes brought: where they lie, and the tables with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ptmobile.errors import ConfigurationError
from ptmobile.files import WorkspaceFiles
from ptmobile.runtimes.fetching import folders_of
from ptmobile.runtimes.limits.asked import AskedLibrary, file_name, read_all, render
from ptmobile.runtimes.limits.tables import Tables, load_tables


def probed_folder(environment: Mapping[str, str]) -> Path:
    """Where `ptmobile runtimes probe` writes unless told otherwise: in the cache folder. It may not exist."""
    return folders_of(environment).cache / "probed"


def tables_with(folder: Path) -> Tables:
    """The packaged tables and the answers in a folder, which take precedence; without the folder, the packaged ones.

    Raises:
        ConfigurationError: there is something else in it.
    """
    if not folder.is_dir():
        return load_tables()
    try:
        return load_tables(folder)
    except (ValueError, OSError) as problem:
        raise _unusable(folder, problem) from problem


def read_probed(folder: Path) -> dict[str, AskedLibrary]:
    """The answers in a folder by `group:artifact:version`, sorted; none if it does not exist.

    Raises:
        ConfigurationError: there is something else in it.
    """
    try:
        return dict(sorted(read_all(folder).items(), key=_order)) if folder.is_dir() else {}
    except (ValueError, OSError) as problem:
        raise _unusable(folder, problem) from problem


def write_probed(library: AskedLibrary, folder: Path) -> Path:
    """Write a library's data file; the folder is made, and belongs to the owner of what is around it.

    Raises:
        PublishError: it cannot be written.
    """
    path = folder.absolute() / file_name(library)
    existing = next(around for around in path.parents if around.is_dir())
    return WorkspaceFiles(existing).write(str(path), render(library))


def _unusable(folder: Path, problem: Exception) -> ConfigurationError:
    reason = problem.strerror if isinstance(problem, OSError) else problem
    return ConfigurationError(
        f"The answers of libraries in {folder} cannot be read: {reason}.",
        advice="Delete the file that is named, and write it anew by `ptmobile runtimes probe`.",
    )


def _order(named: tuple[str, AskedLibrary]) -> tuple[str, list[int]]:
    return named[1].artifact, [int(number) for number in re.findall(r"\d{1,9}", named[1].version)]
