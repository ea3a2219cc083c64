"""Names of artifacts and of the files in them: what the service refuses, and what no one could save."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from ptmobile.github.artifact.errors import InvalidArtifactError
from ptmobile.visible import shorten, visible

#: The service takes none of these in a path, since NTFS has no such files.
_NEVER: Final = '":<>|*?'
_ADVICE: Final = 'Use letters, digits, spaces and "-", "_", "."; the service refuses " : < > | * ? / and \\.'
#: A download is saved as NAME.zip, and file systems take 255 bytes.
LONGEST_NAME: Final = 251
_LONGEST_PATH: Final = 1000


def check_artifact_name(name: str) -> None:
    """Refuse a name under which an artifact cannot be uploaded, or not be saved by who downloads it.

    Raises:
        InvalidArtifactError: with the reason.
    """
    problem = name_problem(name)
    if problem:
        shown = shorten(visible(name), 80)
        raise InvalidArtifactError(f"{shown!r} cannot be the name of an artifact: {problem}.", advice=_ADVICE)


def name_problem(name: str) -> str:
    """Say what is wrong with a name, or nothing."""
    if not name:
        return "it is empty"
    if name in {".", ".."}:
        return "it names a folder"
    if name != name.strip():
        return "it begins or ends with a blank"
    if len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        return f"it is longer than {LONGEST_NAME} bytes"
    return _character_problem(name, _NEVER + "/\\")


def check_file_names(names: Sequence[str]) -> None:
    """Refuse file names that are not plain relative paths with `/`, or that come twice.

    Raises:
        InvalidArtifactError: with the first reason found.
    """
    if not names:
        raise InvalidArtifactError("There is no file to upload.")
    for name in names:
        problem = _path_problem(name)
        if problem:
            shown = shorten(visible(name), 80)
            raise InvalidArtifactError(f"{shown!r} cannot be a file of an artifact: {problem}.", advice=_ADVICE)
    # Those who download on Windows or macOS get one file for names that differ in case only.
    twice = [name for name, count in Counter(name.casefold() for name in names).items() if count > 1]
    if twice:
        raise InvalidArtifactError(f"Two files of the artifact would both be {shorten(visible(twice[0]), 80)!r}.")


def _path_problem(path: str) -> str:
    if not path:
        return "it is empty"
    if path.startswith("/") or "\\" in path or ".." in path.split("/"):
        return "it is not a path below the artifact's folder"
    if str(PurePosixPath(path)) != path or path == ".":
        return "it is not written in the shortest way"
    if len(path.encode("utf-8", "surrogatepass")) > _LONGEST_PATH:
        return f"it is longer than {_LONGEST_PATH} bytes"
    return _character_problem(path, _NEVER)


def _character_problem(text: str, never: str) -> str:
    for character in text:
        if character in never:
            return f"it contains {character}"
        if character != " " and not character.isprintable():
            return f"it contains the character {visible(character)}, which nobody sees"
    return ""
