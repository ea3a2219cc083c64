"""From a given value (text, or a value of YAML) to the type of its option."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from ptmobile.spec.example_inputs import normalise_inputs
from ptmobile.spec.options import Option
from ptmobile.spec.problems import Problems, shown, suggestion

BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True)
class Given:
    """A value and where it was given; ``text`` if it is the raw text of an input or a command-line option."""

    value: Any
    where: str
    text: bool


class _InvalidError(Exception):
    pass


def coerce(option: Option, given: Given, problems: Problems) -> Any:
    """The value in the type of the option, or None after recording a problem."""
    try:
        value = _from_text(option, given.value) if given.text else given.value
        if option.name == "inputs":
            return normalise_inputs(value, given.where, problems)
        return _typed(option, value)
    except _InvalidError as error:
        problems.add(given.where, str(error))
        return None


def _from_text(option: Option, text: str) -> Any:
    stripped = text.strip()
    match option.kind:
        case "boolean":
            if stripped not in BOOLEANS:
                raise _InvalidError(f"given {shown(text)}; allowed: true or false")
            return BOOLEANS[stripped]
        case "integer":
            if not re.fullmatch(r"[+-]?\d+", stripped):
                raise _InvalidError(f"given {shown(text)}; allowed: a whole number")
            return int(stripped)
        case "number":
            return _number(stripped)
        case "names":
            return [name for name in re.split(r"[,\s]+", stripped.strip("[]")) if name]
        case "yaml":
            return load_yaml(stripped)
        case _:
            return stripped


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _InvalidError(f"given {shown(text)}; allowed: a number") from None


def load_yaml(text: str) -> Any:
    """The value of a YAML text, as plain data.

    Raises:
        _InvalidError: it is not YAML; the message names the line.
    """
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        what = getattr(error, "problem", None) or "cannot be read"
        raise _InvalidError(f"is not valid YAML{at}: {what}; given {shown(text)}") from None


def _typed(option: Option, value: Any) -> Any:
    if option.kind == "choice" and value not in option.choices:
        allowed = ", ".join(option.choices)
        raise _InvalidError(f"given {shown(value)}; allowed: {allowed}{suggestion(str(value), option.choices)}")
    if option.kind == "names" and isinstance(value, list) and option.choices:
        value = [_choice(option, name) for name in value]
    if isinstance(value, bool) and option.kind in ("integer", "number"):
        raise _InvalidError(f"given {shown(value)}; allowed: {_allowed(option)}")
    try:
        return msgspec.convert(value, option.type)
    except msgspec.ValidationError as error:
        raise _InvalidError(f"given {shown(value)}; allowed: {_allowed(option)} ({_reason(error)})") from None


def _choice(option: Option, name: Any) -> str:
    upper = str(name).upper().replace("-", "_")
    if upper not in option.choices:
        allowed = ", ".join(option.choices)
        raise _InvalidError(f"names {shown(name)}; allowed: {allowed}{suggestion(upper, option.choices)}")
    return upper


def _allowed(option: Option) -> str:
    return {
        "text": "text",
        "boolean": "true or false",
        "integer": "a whole number",
        "number": "a number",
        "choice": ", ".join(option.choices),
        "names": "a list of names",
        "yaml": "a YAML mapping or list",
    }[option.kind]


def _reason(error: msgspec.ValidationError) -> str:
    return str(error).replace("`", "'")
