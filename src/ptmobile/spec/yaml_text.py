"""YAML as plain data, read as editors and GitHub read it: the core schema of YAML 1.2.

PyYAML follows YAML 1.1, where ``1e-4`` is text, ``on`` is a boolean, ``010`` is eight and ``12:30`` is seven hundred
and fifty. None of that holds here. What comes out can travel as JSON and means the same at the other end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import yaml

Number = TypeVar("Number", int, float)

MAX_DEPTH = 40
# Aliases can make a few lines stand for billions of values.
MAX_VALUES = 100_000
_MAX_DIGITS = 400
_TAG = "tag:yaml.org,2002:"


class YamlTextError(ValueError):
    """A text that is not YAML, or that holds what no option takes; the message says what and where."""


def load_yaml(text: str) -> Any:
    """The value of a YAML text: mappings with text as keys, lists, text, finite numbers, booleans, nothing else.

    Raises:
        YamlTextError: it is anything else.
    """
    try:
        value = yaml.load(text, Loader=_CoreLoader)  # noqa: S506 - the loader below makes plain data only
    except yaml.MarkedYAMLError as error:
        raise YamlTextError(f"is not valid YAML{_place(error)}: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise YamlTextError(f"is not valid YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise YamlTextError(f"is nested more than {MAX_DEPTH} levels deep") from None
    _check(value)
    return value


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""


def _check(value: Any) -> None:
    """Refuse what JSON cannot carry, and structures that never end."""
    seen = 0
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        seen += 1
        if depth > MAX_DEPTH:
            raise YamlTextError(f"is nested more than {MAX_DEPTH} levels deep")
        if seen > MAX_VALUES:
            raise YamlTextError(f"holds more than {MAX_VALUES} values")
        if isinstance(item, dict):
            for key in item:
                if not isinstance(key, str):
                    raise YamlTextError(f"has the key {key!r}, which is not text; write it in quotes")
            waiting += [(entry, depth + 1) for entry in (*item, *item.values())]
        elif isinstance(item, list):
            waiting += [(entry, depth + 1) for entry in item]
        elif isinstance(item, float) and not math.isfinite(item):
            raise YamlTextError(f"holds {item!r}; allowed: finite numbers")
        elif isinstance(item, str) and not encodable(item):
            raise YamlTextError("holds half of a surrogate pair, which is no character")


def encodable(text: str) -> bool:
    """Whether a text can be written as UTF-8: variables and file names may hold bytes that are none."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


class _CoreLoader(yaml.SafeLoader):
    """Builds what the core schema knows; other tags and repeated keys are errors."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping, in which every key may stand once; PyYAML would keep the last without a word."""
        node = super().compose_mapping_node(anchor)
        keys = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in keys:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is there twice", key.start_mark
                )
            keys.add(key.value)
        return node


def _integer(loader: _CoreLoader, node: Any) -> int:
    text = str(loader.construct_scalar(node))
    if len(text) > _MAX_DIGITS:
        raise yaml.constructor.ConstructorError(None, None, "a number has too many digits", node.start_mark)
    base = 16 if "0x" in text else 8 if "0o" in text else 10
    return _number(loader, node, lambda: int(text, base))


def _float(loader: _CoreLoader, node: Any) -> float:
    text = str(loader.construct_scalar(node)).lower()
    return _number(loader, node, lambda: float(text.replace(".inf", "inf").replace(".nan", "nan")))


def _number(loader: _CoreLoader, node: Any, convert: Callable[[], Number]) -> Number:
    try:
        return convert()
    except ValueError:  # by an explicit tag: `!!int text`
        value = loader.construct_scalar(node)
        raise yaml.constructor.ConstructorError(None, None, f"{value!r} is not a number", node.start_mark) from None


def _boolean(loader: _CoreLoader, node: Any) -> bool:
    value = str(loader.construct_scalar(node)).lower()
    if value not in ("true", "false"):
        raise yaml.constructor.ConstructorError(None, None, f"{value!r} is not a boolean", node.start_mark)
    return value == "true"


def _set_up() -> None:
    # Nothing is inherited: SafeLoader also makes dates, sets and bytes.
    _CoreLoader.yaml_implicit_resolvers = {}
    _CoreLoader.yaml_constructors = {}
    implicit = (
        ("merge", "<<", "<"),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
        ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
        ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
        ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    )
    for kind, pattern, first in implicit:
        _CoreLoader.add_implicit_resolver(_TAG + kind, re.compile(rf"(?:{pattern})\Z"), list(first))
    safe = yaml.constructor.SafeConstructor
    constructors: dict[str, Callable[[Any, Any], Any]] = {
        "null": safe.construct_yaml_null,
        "str": safe.construct_yaml_str,
        "seq": safe.construct_yaml_seq,
        "map": safe.construct_yaml_map,
        "bool": _boolean,
        "int": _integer,
        "float": _float,
    }
    for name, constructor in constructors.items():
        _CoreLoader.yaml_constructors[f"{_TAG}{name}"] = constructor
    _CoreLoader.yaml_constructors[None] = safe.construct_undefined


_set_up()
