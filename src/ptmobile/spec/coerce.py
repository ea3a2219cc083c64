"""From a given value (text, or a value of YAML) to the type of its option."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from ptmobile.spec.example_inputs import normalise_inputs
from ptmobile.spec.options import Option
from ptmobile.spec.problems import Problems, shown, suggestion
from ptmobile.spec.yaml_text import YamlTextError, encodable, load_yaml

BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# No option takes a number of more digits, and Python refuses to read very long ones.
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")


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
    except YamlTextError as error:
        problems.add(given.where, f"{error}; given {shown(given.value)}")
    except _InvalidError as error:
        problems.add(given.where, str(error))
    return None


def _from_text(option: Option, text: str) -> Any:
    stripped = text.strip()
    if not encodable(text):
        raise _InvalidError(f"given {shown(text)}, which is not text in UTF-8")
    match option.kind:
        case "boolean":
            return _or_invalid(BOOLEANS.get(stripped), option, text)
        case "integer":
            return int(_or_invalid(stripped if _INTEGER.fullmatch(stripped) else None, option, text))
        case "number":
            return _or_invalid(_number(stripped), option, text)
        case "names":
            names = re.split(r"[,\s]+", stripped.strip("[]"))
            return [name.strip("'\"") for name in names if name.strip("'\"")]
        case "yaml":
            return load_yaml(stripped)
        case _:
            return stripped


def _or_invalid(value: Any, option: Option, given: object) -> Any:
    if value is None:
        raise _InvalidError(f"given {shown(given)}; allowed: {option.allowed}")
    return value


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _typed(option: Option, value: Any) -> Any:
    if option.kind == "choice" and value not in option.choices:
        near = suggestion(str(value), option.choices)
        raise _InvalidError(f"given {shown(value)}; allowed: {option.allowed}{near}")
    if option.kind == "names" and isinstance(value, list):
        # YAML reads a version such as 5 as a number.
        value = [_choice(option, name) if option.choices else _name(name) for name in value]
    if option.numbers_too:
        value = _name(value)
    try:
        return msgspec.convert(value, option.type)
    except msgspec.ValidationError:
        hint = "; write it in quotes" if option.kind == "text" and isinstance(value, int | float) else ""
        raise _InvalidError(f"given {shown(value)}; allowed: {option.allowed}{hint}") from None


def _name(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _choice(option: Option, name: Any) -> str:
    """The choice that is meant, however its words are joined and written."""
    plain = str(name).upper().replace("-", "_")
    for choice in option.choices:
        if choice.upper().replace("-", "_") == plain:
            return choice
    allowed = ", ".join(option.choices)
    raise _InvalidError(f"names {shown(name)}; allowed: {allowed}{suggestion(str(name), option.choices)}")
