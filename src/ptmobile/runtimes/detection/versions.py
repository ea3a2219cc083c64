"""What build files write where a version belongs: fixed versions, ranges, dynamic ones, in Gradle and in CocoaPods.

Gradle: "Declaring versions and ranges" of its user manual. CocoaPods: the Podfile syntax reference, with the
comparisons of RubyGems.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import zip_longest
from typing import Final

from ptmobile.runtimes.detection.model import Certainty
from ptmobile.runtimes.releases import Platform

_FIXED: Final = re.compile(r"\d+(?:\.\d+)*(?:[.+_-][A-Za-z0-9][A-Za-z0-9.+_-]*)?")
_PREFIX: Final = re.compile(r"[\d.]*\+|latest\.\w+")
_INTERVAL: Final = re.compile(r"([\[\](])\s*([^,\[\]()]*?)\s*(?:(,)\s*([^,\[\]()]*?)\s*)?([\[\])])")
_REQUIREMENT: Final = re.compile(r"\s*(~>|>=|<=|!=|=|>|<)?\s*(\d+(?:\.\w+)*(?:-[\w.-]+)?)\s*")
#: Longest version text that is looked at; nobody writes one, and patterns stay cheap.
MAX_LENGTH: Final = 200


def gradle_certainty(text: str) -> tuple[Certainty, str | None]:
    """How sure a version in a Gradle file is, and the one version if there is one (`1.9.0`, `1.9.0!!`, `[1.9.0]`)."""
    text, _, preferred = text.strip()[:MAX_LENGTH].partition("!!")
    if _FIXED.fullmatch(text):
        return ("dynamic", None) if text.endswith("-SNAPSHOT") else ("exact", text)
    if _PREFIX.fullmatch(text):
        return "dynamic", None
    interval = _INTERVAL.fullmatch(text)
    if interval is None:
        return "unknown", None
    if interval[3] is None:
        return ("exact", interval[2]) if _FIXED.fullmatch(interval[2]) else ("unknown", None)
    ends = [end for end in (interval[2], interval[4]) if end]
    if not all(map(_FIXED.fullmatch, ends)):
        return "unknown", None
    return "range", preferred if _FIXED.fullmatch(preferred) else None


def pod_certainty(requirements: Iterable[str]) -> tuple[Certainty, str | None]:
    """How sure the requirements of a pod are; none at all means the newest version."""
    parsed = [_REQUIREMENT.fullmatch(requirement[:MAX_LENGTH]) for requirement in requirements]
    if not parsed:
        return "dynamic", None
    if not all(parsed):
        return "unknown", None
    if len(parsed) == 1 and parsed[0] is not None and parsed[0][1] in {None, "="}:
        return "exact", parsed[0][2]
    return "range", None


def admits(platform: Platform, declared: str, version: str) -> bool:
    """Whether a declared version text admits a version; an unreadable text admits none.

    The requirements of a pod are joined by commas.
    """
    if platform == "ios":
        return _pod_admits(declared, version)
    text = declared.strip()[:MAX_LENGTH].partition("!!")[0]
    if _PREFIX.fullmatch(text):
        return text.startswith("latest.") or version.startswith(text[:-1])
    interval = _INTERVAL.fullmatch(text)
    if interval is None:
        return text == version
    opening, low, comma, high, closing = interval.groups()
    if not comma:
        return compare(low, version) == 0
    above = not low or compare(version, low) >= (0 if opening == "[" else 1)
    below = not high or compare(version, high) <= (0 if closing == "]" else -1)
    return above and below


def _pod_admits(declared: str, version: str) -> bool:
    parts = [part for part in declared[:MAX_LENGTH].split(",") if part.strip()]
    return all(_meets(part, version) for part in parts)


def _meets(requirement: str, version: str) -> bool:
    parsed = _REQUIREMENT.fullmatch(requirement)
    if parsed is None:
        return False
    order = compare(version, parsed[2])
    match parsed[1]:
        case ">=":
            return order >= 0
        case "<=":
            return order <= 0
        case ">":
            return order > 0
        case "<":
            return order < 0
        case "!=":
            return order != 0
        case "~>":
            return order >= 0 and compare(version, _next(parsed[2])) < 0
        case _:
            return order == 0


def _next(version: str) -> str:
    """The version that `~>` excludes: the last part dropped, the one before it increased."""
    numbers = [int(part) for part in re.findall(r"\d+", version)]
    kept = numbers[:-1] or numbers
    return ".".join(map(str, [*kept[:-1], kept[-1] + 1]))


def compare(left: str, right: str) -> int:
    """Negative, zero or positive, by the numbers in them; missing ones count as 0."""
    pairs = zip_longest(*(map(int, re.findall(r"\d+", text)) for text in (left, right)), fillvalue=0)
    return next((a - b for a, b in pairs if a != b), 0)
