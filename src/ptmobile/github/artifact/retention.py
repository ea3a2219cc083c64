"""How long an artifact is kept."""

from __future__ import annotations

import datetime as dt
from typing import Final

from ptmobile.github.artifact.errors import InvalidArtifactError

#: What GitHub lets an organisation choose for private repositories; for public ones it is 90.
LONGEST: Final = 400


def clamp_retention(days: int, limit: int) -> tuple[int, str]:
    """Return the days to ask for, and a notice if the repository keeps artifacts for less; 0 is the default of each.

    Raises:
        InvalidArtifactError: no repository can keep artifacts for so many days.
    """
    if not 0 <= days <= LONGEST:
        raise InvalidArtifactError(
            f"Artifacts cannot be kept for {days} days.",
            advice=f"Choose 1 to {LONGEST} days, or 0 for the repository's default.",
        )
    if limit and days > limit:
        return limit, f"The repository keeps artifacts for {limit} days at most; {days} were asked for."
    return days, ""


def expires_at(days: int, now: dt.datetime) -> str:
    """The end of the retention as the service takes it: UTC, with milliseconds; empty for the default."""
    if not days:
        return ""
    end = now.astimezone(dt.UTC) + dt.timedelta(days=days)
    return end.isoformat(timespec="milliseconds").replace("+00:00", "Z")
