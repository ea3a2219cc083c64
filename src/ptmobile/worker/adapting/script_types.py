"""The types that TorchScript has for what a model returns, and whether several values can share one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class ScriptType:
    """A type as TorchScript writes it: ``List[Tensor]`` is ``List`` of one. ``?`` stands for that of no items."""

    name: str
    of: tuple[ScriptType, ...] = ()

    def __str__(self) -> str:
        if self.name == "Tuple" and not self.of:
            return "Tuple[()]"
        if self == UNKNOWN:
            return str(TENSOR)
        return f"{self.name}[{', '.join(map(str, self.of))}]" if self.of else self.name


TENSOR: Final = ScriptType("Tensor")
NONE: Final = ScriptType("None")
UNKNOWN: Final = ScriptType("?")


def list_of(item: ScriptType) -> ScriptType:
    """The type of a list."""
    return ScriptType("List", (item,))


def dict_of(key: str, item: ScriptType) -> ScriptType:
    """The type of a dictionary whose keys are ``str`` or ``int``."""
    return ScriptType("Dict", (ScriptType(key), item))


def optional(item: ScriptType) -> ScriptType:
    """The type of what may also be None."""
    return item if item.name in ("Optional", "None") else ScriptType("Optional", (item,))


def common_type(types: Iterable[ScriptType]) -> ScriptType | None:
    """The one type that all the values can have; None if there is none."""
    common: ScriptType | None = UNKNOWN
    for kind in types:
        common = None if common is None else _both(common, kind)
    return common


def _both(one: ScriptType, other: ScriptType) -> ScriptType | None:
    if other in (one, UNKNOWN):
        return one
    if one == UNKNOWN:
        return other
    if "None" in (one.name, other.name) or "Optional" in (one.name, other.name):
        plain = [kind.of[0] if kind.name == "Optional" else kind for kind in (one, other) if kind != NONE]
        common = common_type(plain)
        return None if common is None else optional(common)
    if one.name != other.name or len(one.of) != len(other.of) or not one.of:
        return None
    parts = [_both(*pair) for pair in zip(one.of, other.of, strict=True)]
    return ScriptType(one.name, tuple(part for part in parts if part)) if all(parts) else None
