"""Where a baseline is: a path in the workspace, or an artifact of an earlier run, ``artifact:NAME@BRANCH``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ptmobile.spec.problems import Problems, shown
from ptmobile.spec.workspace import Workspace

PREFIX: Final = "artifact:"
_FORM: Final = "artifact:NAME@BRANCH, such as artifact:net-report@main"
_LONGEST_BRANCH: Final = 255
# What git takes in the name of no branch.
_NO_BRANCH: Final = re.compile(r"[\s~^:?*\[\\]|\.\.|@\{|//|^[-/]|[/.]$|\.lock$")


@dataclass(frozen=True)
class ArtifactReference:
    """An artifact of the newest successful run of a branch."""

    name: str
    branch: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.name}@{self.branch}"


def parse_artifact(given: str) -> ArtifactReference | None:
    """The artifact that is meant, or None where it is a path. The last ``@`` divides: names may have one, too.

    Raises:
        ValueError: it is neither, with what is wrong as a part of a sentence.
    """
    if not given.startswith(PREFIX):
        return None
    from ptmobile.github.artifact.names import name_problem  # noqa: PLC0415 - what is beside it loads urllib3

    name, at, branch = given.removeprefix(PREFIX).rpartition("@")
    if not at:
        raise ValueError(f"names no branch; allowed: {_FORM}")
    if problem := name_problem(name):
        raise ValueError(f"names no artifact ({problem}); allowed: {_FORM}")
    if branch.startswith("refs/"):
        raise ValueError("has a ref in the place of the branch; write main, not refs/heads/main")
    if not branch.isprintable() or len(branch) > _LONGEST_BRANCH or not branch or _NO_BRANCH.search(branch):
        raise ValueError(f"has something in the place of the branch that cannot be one; allowed: {_FORM}")
    return ArtifactReference(name, branch)


def checked_baseline(given: str, where: str, workspace: Workspace, problems: Problems) -> str:
    """An artifact as it was given, or a path that leads nowhere out of the workspace; empty after noting a problem."""
    try:
        artifact = parse_artifact(given)
    except ValueError as error:
        problems.add(where, f"given {shown(given)}, which {error}")
        return ""
    return str(artifact) if artifact else workspace.relative(given, where, problems) or ""
