"""From an exception in somebody's code to a problem that a person can act on: never a traceback."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

from ptmobile.errors import PtmobileError
from ptmobile.result import Problem

MAX_MESSAGE = 4000
_OURS = Path(__file__).resolve().parent.parent
# What the exception says, and what to do about it; the engine behind `ptmobile explain` grows from here.
_ADVICE = (
    (
        r"Only tensors, lists, tuples of tensors, or dictionary",
        "Tracing keeps only tensors: return a tuple of tensors.",
    ),
    (r"Encountering a (dict|list) at the output", "Tracing keeps only tensors and tuples: return a tuple of tensors."),
    (
        r"types other than custom c\+\+ classes",
        "The lite interpreter knows no classes: return tensors, tuples or dicts.",
    ),
    (r"ENTER is not supported", "Take the `with` statement out of forward; it cannot be saved."),
    (
        r"Expected .* channels|mat1 and mat2 shapes|size mismatch|Sizes of tensors",
        "Check the shapes given in `inputs`.",
    ),
    (r"expected scalar type|must be .* dtype|Expected tensor for argument .* scalar", "Check the dtypes in `inputs`."),
    (r"index out of range", "Give integer inputs a `range` that fits the model, such as [0, vocabulary size]."),
    (r"missing \d+ required positional argument", "Give one entry in `inputs` per argument of forward."),
    (r"takes \d+ positional arguments? but \d+ were given", "Give one entry in `inputs` per argument of forward."),
)


def problem_of(error: BaseException, title: str, workspace: Path) -> Problem:
    """What happened, where in the user's files, and what to do."""
    if isinstance(error, PtmobileError):
        return Problem(title=title, message=error.message[:MAX_MESSAGE], advice=error.advice[:MAX_MESSAGE])
    message = _message(error)
    return Problem(title=title, message=message, location=_location(error, workspace), advice=_advice(message))


def _message(error: BaseException) -> str:
    text = str(error).strip() or "no message"
    # TorchScript's errors carry C++ frames and dotted separators that help nobody here.
    text = re.split(r"\nException raised from |\nFrom call to ", text)[0]
    text = re.sub(r"\n\s*\n+", "\n", text)
    return f"{type(error).__name__}: {text}"[:MAX_MESSAGE]


def _location(error: BaseException, workspace: Path) -> str:
    """The innermost frame in the workspace, as ``path:line in function``."""
    root = workspace.resolve()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        try:
            resolved = path.resolve()
        except OSError:
            continue
        if resolved.is_relative_to(root) and not resolved.is_relative_to(_OURS):
            return f"{resolved.relative_to(root).as_posix()}:{frame.lineno} in {frame.name}"
    return ""


def _advice(message: str) -> str:
    return next((advice for pattern, advice in _ADVICE if re.search(pattern, message)), "")
