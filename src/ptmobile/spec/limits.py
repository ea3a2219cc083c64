"""What an option allows, in words: for messages about wrong values, and for the tables of the documentation."""

from __future__ import annotations

from typing import Any

import msgspec

_NOUNS = {
    "text": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "names": "a list of names",
    "yaml": "a YAML mapping or list",
}


def allowed_values(kind: str, annotation: Any, choices: tuple[str, ...]) -> str:
    """``a whole number from 1 to 1000``, ``close, exact``, ``true or false``, ...

    A type says it itself where it has ``Meta(extra={"allowed": ...})``.
    """
    info = msgspec.inspect.type_info(annotation)
    if isinstance(info, msgspec.inspect.Metadata) and info.extra and "allowed" in info.extra:
        return str(info.extra["allowed"])
    if choices:
        listed = ", ".join(choices)
        return listed if kind == "choice" else f"names among {listed}"
    return _NOUNS[kind] + _bounds(_plain(info))


def _plain(info: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """The type without its metadata and without None."""
    if isinstance(info, msgspec.inspect.Metadata):
        return _plain(info.type)
    if isinstance(info, msgspec.inspect.UnionType):
        members = map(_plain, info.types)
        return next(member for member in members if not isinstance(member, msgspec.inspect.NoneType))
    return info


def _bounds(info: msgspec.inspect.Type) -> str:
    if not isinstance(info, msgspec.inspect.IntType | msgspec.inspect.FloatType):
        return ""
    high = "" if info.le is None else f"{info.le:g}" if abs(info.le) < 1e6 else str(info.le)
    if info.gt is not None:
        return f" above {info.gt:g}" + (f", at most {high}" if high else "")
    if info.ge is not None:
        return f" from {info.ge:g} " + (f"to {high}" if high else "up")
    return f", at most {high}" if high else ""
