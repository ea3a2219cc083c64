"""The outputs of a card as a tree of named parts, and words that are safe in source code.

Names of outputs come from models: in code they are letters and digits, or escaped literals; in comments they are one
line of visible characters without a backslash, because Java reads escapes even there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from ptmobile.app_card import AppCard, AppValue
from ptmobile.visible import shorten, visible

_PARTS = re.compile(r"[A-Za-z0-9]+")
_COMMENT = 100


@dataclass(frozen=True)
class Part:
    """A part of the output: its value, its name in code, and the parts in it with their keys (``repr`` in a dict)."""

    value: AppValue
    name: str
    children: tuple[tuple[str, Part], ...] = ()

    @property
    def kinds(self) -> set[str]:
        """The kinds of what is in it."""
        return {child.value.kind for _, child in self.children}


def parts_of(card: AppCard) -> Part:
    """The tree of a card's outputs; parts that are not on the card are left out."""
    values = {value.path: value for value in card.outputs}
    names: set[str] = set()
    return _part("out", "output", values, names)


def _part(path: str, name: str, values: dict[str, AppValue], names: set[str]) -> Part:
    value = values[path]
    names.add(name)
    children = []
    for key in value.keys:
        inner = f"{path}[{key}]"
        if inner in values:
            children.append((key, _part(inner, _free_name(name, key, names), values, names)))
    return Part(value, name, tuple(children))


def _free_name(outer: str, key: str, names: set[str]) -> str:
    words = _PARTS.findall(key)[:4]
    wanted = outer + "".join(word[0].upper() + word[1:20] for word in words)
    if outer[-1].isdigit() and key[:1].isdigit():
        wanted = f"{outer}_{wanted[len(outer) :]}"  # out[2][0] is no output20
    name, number = wanted, 2
    while name in names:
        name, number = f"{wanted}_{number}", number + 1
    return name


def key_of(key: str) -> str | int | None:
    """The key of a dictionary from how ``repr`` shows it; None if it is no text and no integer."""
    try:
        found = ast.literal_eval(key)
    except (ValueError, SyntaxError):
        return None
    return found if type(found) in (str, int) else None


def literal(text: str, escape: Callable[[str], str]) -> str:
    """A string literal: printable ASCII as it is, quotes and backslashes behind a backslash, the rest by ``escape``."""
    plain = {'"': '\\"', "\\": "\\\\"}
    return '"' + "".join(plain.get(c, c if " " <= c <= "~" else escape(c)) for c in text) + '"'


def units(character: str) -> str:
    """A character as the UTF-16 units that Java and Kotlin have."""
    data = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[at]:02x}{data[at + 1]:02x}" for at in range(0, len(data), 2))


def comment(text: str) -> str:
    """Text for the rest of a line."""
    return shorten(visible(text).replace("\\", "/").replace("\u2028", " "), _COMMENT)


def numbers(shape: tuple[int, ...]) -> str:
    """A shape as the inside of an array literal."""
    return ", ".join(map(str, shape))


def elements(value: AppValue) -> int:
    """How many elements a tensor has in the first case."""
    return prod(value.shape)


def told(value: AppValue) -> str:
    """A tensor in a comment: its type, and the shapes that it had."""
    shapes = list(dict.fromkeys(shape for shape in value.shapes if shape is not None))[:3]
    return comment(f"{value.dtype} {' or '.join(f'[{numbers(shape)}]' for shape in shapes)}")


def order_of(value: AppValue) -> str:
    """In which order a JVM app gets the elements; empty for the usual one."""
    if value.memory_format in ("channels_last", "channels_last_3d"):
        return "channels last: the order is NHWC" if len(value.shape) == 4 else "channels last: the order is NDHWC"
    return ""
