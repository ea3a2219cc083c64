"""Paths in a specification: inside the workspace, relative to it, and (where they are read) there."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ptmobile.spec.problems import Problems, shown, suggestion


@dataclass(frozen=True)
class Workspace:
    """The folder that a run may read and write; in a job, the checkout."""

    root: Path

    def relative(self, given: str, where: str, problems: Problems) -> str | None:
        """The path relative to the workspace, with ``/`` between its parts; None after recording a problem.

        An absolute path is accepted if it lies inside: the runner turns ``${{ github.workspace }}/m.pt`` into one.
        Links are followed, so that no link leads out of the workspace.
        """
        if "\0" in given or not given.strip():
            problems.add(where, f"given {shown(given)}, which is not a path")
            return None
        root = self.root.resolve()
        try:
            target = _followed(self.root / given)
        except (OSError, RuntimeError, ValueError) as error:
            problems.add(where, f"given {shown(given)}, which cannot be followed: {_reason(error)}")
            return None
        if not target.is_relative_to(root):
            problems.add(
                where,
                f"given {shown(given)}, which lies outside the workspace; allowed: a path inside it, relative to it",
            )
            return None
        return self._inside(given, target, root).as_posix()

    def existing_file(self, given: str, where: str, problems: Problems) -> str | None:
        """Like :meth:`relative`, and the file must exist."""
        path = self.relative(given, where, problems)
        if path is None:
            return None
        target = self.root / path
        if target.is_dir():
            problems.add(where, f"given {shown(given)}, which is a folder; a file is needed")
            return None
        if not target.exists():
            problems.add(where, f"given {shown(given)}, which does not exist in the workspace{self._near(target)}")
            return None
        if not target.is_file():
            problems.add(where, f"given {shown(given)}, which is not a plain file")
            return None
        return path

    def _inside(self, given: str, target: Path, root: Path) -> Path:
        """The path as it was given, without its ``..``, if that means the same file; else the path of the target."""
        lexical = Path(os.path.normpath(self.root / given))
        if lexical.is_relative_to(self.root) and lexical.resolve() == target:
            return lexical.relative_to(self.root)
        return target.relative_to(root)

    def _near(self, missing: Path) -> str:
        try:
            siblings = [entry.name for entry in missing.parent.iterdir()]
        except OSError:
            return ""
        return suggestion(missing.name, siblings)


def _followed(path: Path) -> Path:
    """Where a path leads. What cannot be looked at (a name that is too long, a folder that may not be read) raises."""
    target = path.resolve()
    with suppress(FileNotFoundError):
        target.lstat()
    return target


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
