"""Running code that is not ours, and saying in one line what went wrong in it and where."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ptmobile
from ptmobile.errors import LoadError, PtmobileError

_LIMIT = 2000
_OURS = Path(ptmobile.__file__).resolve().parent
_INSTALLED = {"site-packages", "dist-packages"}


@contextmanager
def user_code(what: str, workspace: Path, *, advice: str = "") -> Iterator[None]:
    """Turn whatever the block raises into a LoadError: ``what failed: file:line in function: Type: text``.

    SystemExit and KeyboardInterrupt too: in a worker they can only come from the model's code, and ending the process
    would hide them.

    Raises:
        LoadError: the block raised something; an error of ours passes as it is.
    """
    try:
        yield
    except PtmobileError:
        raise
    except BaseException as error:
        raise LoadError(f"{what} failed: {explain(error, workspace)}", advice=advice) from error


def explain(error: BaseException, workspace: Path) -> str:
    """``models/net.py:12 in Net.forward: ValueError: text``; without a place if no code of the user was running."""
    place = location(error, workspace)
    return f"{place}: {describe(error)}" if place else describe(error)


def describe(error: BaseException, limit: int = _LIMIT) -> str:
    """Type and text of an exception, of bounded length."""
    if isinstance(error, SyntaxError):
        text = error.msg
    elif isinstance(error, SystemExit):
        text = f"it ended the program with {error.code!r}"
    else:
        try:
            text = str(error).strip()
        except Exception:  # noqa: BLE001 - an exception's own __str__ is the user's code as well
            text = "(its text cannot be shown)"
    name = type(error).__name__
    if len(text) > limit:
        text = text[:limit] + "…"
    return f"{name}: {text}" if text else name


def location(error: BaseException, workspace: Path) -> str:
    """The innermost place in the user's code: ``file:line in function``, with the path relative to the workspace."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_relative(error.filename, workspace) or Path(error.filename).name}:{error.lineno}"
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = _relative(frame.f_code.co_filename, workspace)
        if path is not None:
            function = frame.f_code.co_qualname
            found = f"{path}:{line}" + ("" if function == "<module>" else f" in {function}")
    return found


def _relative(filename: str, workspace: Path) -> str | None:
    """The path of the user's file relative to the workspace; None for files of ours, of Python and of libraries."""
    if filename.startswith("<"):  # <string>, <frozen importlib._bootstrap>, ...
        return None
    path, root = Path(filename).resolve(), workspace.resolve()
    if not path.is_relative_to(root) or path.is_relative_to(_OURS):
        return None
    relative = path.relative_to(root)
    return None if _INSTALLED.intersection(relative.parts) else relative.as_posix()
