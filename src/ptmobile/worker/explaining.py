"""From an exception in somebody's code to a problem that a person can act on: never a traceback."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

from ptmobile.errors import ImpossibleError, PtmobileError
from ptmobile.explaining import advice_for
from ptmobile.result import Problem
from ptmobile.worker.loading.user_code import describe

MAX_MESSAGE, MAX_LOCATION = 4000, 300
_LONG = 100_000
_OURS = Path(__file__).resolve().parent.parent
_REASON = re.compile(r"^\w*(Error|Exception|Interrupt): .*", re.MULTILINE | re.DOTALL)
_SCRIPTED = re.compile(r'^ *File "([^"\n]+)", line (\d+)(?:, in (\S+))?', re.MULTILINE)
_TRACED = re.compile(r"^(/[^\n(]+)\((\d+)\): (\S+)$", re.MULTILINE)


def problem_of(error: BaseException, title: str, workspace: Path, stage: str = "") -> Problem:
    """What happened, where in the user's files, and what to do.

    ``stage`` is where it happened: some messages mean one thing here and another there.
    """
    if isinstance(error, PtmobileError):
        advice = error.advice or advice_for(error.message, stage=stage)
        final = isinstance(error, ImpossibleError)
        return Problem(title=title, message=_sent(error.message), advice=_sent(advice), final=final)
    root = workspace.resolve()
    text = describe(error, _LONG)
    message = _without_folders(_reason(text), root)
    location = _script_location(text, root) or _location(error, root)
    advice = advice_for(message, stage=stage)
    return Problem(title=title, message=_sent(message), location=_sent(location, MAX_LOCATION), advice=advice)


def _sent(text: str, limit: int = MAX_MESSAGE) -> str:
    """A text that can travel: of limited length, and without halves of characters, which file names may hold."""
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return text.encode("utf-8", "replace").decode("utf-8")


def _reason(text: str) -> str:
    """The text of an error without TorchScript's list of frames, C++ frames, and separators, which help nobody here."""
    text = re.split(r"\nException raised from |\nFrom call to ", text)[0]
    _, failed, frames = text.partition("Traceback of TorchScript")
    if failed and (reason := _REASON.search(frames)):
        text = reason[0]
    return re.sub(r"\n\s*\n+", "\n", text).strip()


def _without_folders(text: str, root: Path) -> str:
    """Paths in the workspace become relative to it, those of libraries relative to their folder."""
    return re.sub(r"/[^\s\"]*/(dist|site)-packages/", "", text.replace(f"{root}/", ""))


def _script_location(text: str, root: Path) -> str:
    """The innermost place in the workspace that a TorchScript error names: last of scripted frames, first of traced."""
    scripted, traced = _SCRIPTED.findall(text), _TRACED.findall(text)
    for file, line, function in [*reversed(scripted), *traced]:
        if (path := _relative(Path(file), root)) is not None:
            return f"{path}:{line}" + (f" in {function}" if function else "")
    return ""


def _location(error: BaseException, root: Path) -> str:
    """The innermost frame in the workspace, as ``path:line in function``."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if (path := _relative(Path(frame.filename), root)) is not None:
            return f"{path}:{frame.lineno} in {frame.name}"
    return ""


def _relative(file: Path, root: Path) -> str | None:
    """The path of a user's file relative to the workspace; None for ours and for those outside."""
    try:
        resolved = file.resolve()
    except OSError:
        return None
    inside = resolved.is_relative_to(root) and not resolved.is_relative_to(_OURS)
    return resolved.relative_to(root).as_posix() if inside else None
