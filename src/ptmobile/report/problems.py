"""Why something failed, as it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ptmobile.report.cutting import LINE
from ptmobile.report.model import Reason
from ptmobile.visible import shorten

_LINES: Final = 60
# How a message of several points begins each of them.
_POINT: Final = "  - "


@dataclass(frozen=True)
class ProblemView:
    """Why something failed: what happened, as a list or as lines that belong together, and what to do."""

    title: str
    points: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    location: str = ""
    advice: str = ""


def problem_view(reason: Reason) -> ProblemView:
    """A reason, without the line that says its title again, and cut to 60 lines or points."""
    lines = reason.message.strip().splitlines()
    if lines and lines[0].strip() == reason.title.strip():
        del lines[0]
    more = len(lines) - _LINES
    kept = [shorten(line, LINE) for line in lines[:_LINES]] + ([f"{_POINT}… and {more} more"] if more > 0 else [])
    listed = all(line.startswith(_POINT) for line in kept)
    return ProblemView(
        title=reason.title,
        points=tuple(line.removeprefix(_POINT) for line in kept) if listed else (),
        lines=() if listed else tuple(kept),
        location=reason.location,
        advice=shorten(reason.advice, 2 * LINE),
    )
