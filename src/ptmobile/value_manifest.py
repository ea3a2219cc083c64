"""The manifest of a tree on disk (see ``worker/values/files.py``): what the host can read of it without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

T = TypeVar("T")
Containers = dict[str, tuple[str, tuple[str, ...]]]


class StoredTensor(msgspec.Struct, frozen=True, kw_only=True):
    """Where a tensor's bytes are and how to read them. ``shape`` counts elements, ``offset`` and ``size`` bytes.

    ``quantum``: of a quantised tensor the step, 0 if it has one per channel; its values are then stored as float64.
    """

    dtype: str
    shape: tuple[int, ...]
    memory_format: str
    offset: int
    size: int
    quantum: float | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The tree without its tensors' bytes; ``order`` is the order of its leaves, ``floats`` are hexadecimal."""

    order: tuple[str, ...]
    containers: Containers
    tensors: dict[str, StoredTensor]
    plain: dict[str, bool | int | str | None]
    floats: dict[str, str]
    left_out: dict[str, str] = {}


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What the host needs of a stored adaptation: where the eager model's leaves are in what the file returns.

    ``places`` are pairs of paths, the eager one first; the second is empty for what the file does not return.
    """

    places: tuple[tuple[str, str], ...] = ()
    file_containers: Containers = {}


def in_file_form(eager: Manifest, moved: Moved) -> Manifest:
    """What the eager model returned, in the form in which the file returns it; the bytes stay where they are.

    Raises:
        KeyError: the adaptation is that of another tree.
    """
    if not moved.places:
        return eager
    names = {before: after for before, after in moved.places if after}
    return Manifest(
        order=tuple(names[path] for path in eager.order if path in names),
        containers=dict(moved.file_containers),
        tensors=_renamed(eager.tensors, names),
        plain=_renamed(eager.plain, names),
        floats=_renamed(eager.floats, names),
    )


def _renamed(leaves: Mapping[str, T], names: Mapping[str, str]) -> dict[str, T]:
    return {names[path]: leaf for path, leaf in leaves.items() if path in names}
