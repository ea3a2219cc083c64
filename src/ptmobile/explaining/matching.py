"""From a message to what is known of it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Final

from ptmobile.explaining.model import Explanation, KnownError

#: Of a longer message the beginning and the end are looked at, half of this each.
MAX_MESSAGE: Final = 100_000
#: What fits into the line of advice of a report.
MAX_ADVICE: Final = 400
_FIELD: Final = re.compile(r"\{(\w+)\}")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]{0,20}m")


def explain(message: str, *, stage: str = "") -> Explanation | None:
    """The best explanation of a message; None if it is not known.

    ``stage`` is that of a run where it was seen: an error that is known to come from there goes before one that may
    come from anywhere, and this before one that comes from elsewhere. Among equals the more specific one goes first,
    which is the order of the catalogue.
    """
    return next(iter(explain_all(message, stage=stage)), None)


def explain_all(message: str, *, stage: str = "") -> tuple[Explanation, ...]:
    """Every explanation that fits a message, the best one first."""
    found = list(_matches(_plain(message)))
    if stage:
        found.sort(key=lambda pair: _distance(pair[0], stage))  # sorting keeps the order of equals
    return tuple(_explanation(known, match) for known, match in found)


def advice_for(message: str, *, stage: str = "") -> str:
    """Cause and remedy in one line of at most `MAX_ADVICE` characters; empty if the message is not known."""
    found = explain(message, stage=stage)
    if found is None:
        return ""
    text = f"{found.cause} {found.remedy}"
    return text if len(text) <= MAX_ADVICE else text[: MAX_ADVICE - 1] + "…"


def _plain(message: str) -> str:
    """A message of limited length on one line, without a terminal's colours."""
    if len(message) > MAX_MESSAGE:
        half = MAX_MESSAGE // 2
        message = f"{message[:half]}\n{message[-half:]}"
    return " ".join(_COLOUR.sub("", message).split())


def _matches(text: str) -> Iterator[tuple[KnownError, re.Match[str]]]:
    for known, patterns in _compiled():
        match = next(filter(None, (pattern.search(text) for pattern in patterns)), None)
        if match is not None:
            yield known, match


@functools.cache
def _compiled() -> tuple[tuple[KnownError, tuple[re.Pattern[str], ...]], ...]:
    from ptmobile.explaining.catalogue import KNOWN_ERRORS  # noqa: PLC0415 - most runs have nothing to explain

    return tuple((known, tuple(map(re.compile, known.patterns))) for known in KNOWN_ERRORS)


def _distance(known: KnownError, stage: str) -> int:
    if not known.stages:
        return 1
    return 0 if stage in known.stages else 2


def _explanation(known: KnownError, match: re.Match[str]) -> Explanation:
    told = match.groupdict()
    detail = known.detail.format_map(told) if all(told.get(name) for name in _FIELD.findall(known.detail)) else ""
    return Explanation(
        id=known.id,
        cause=f"{known.cause} {detail}".strip(),
        remedy=known.remedy,
        stages=known.stages,
        source=known.source,
    )
