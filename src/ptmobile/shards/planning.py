"""Spreads models over jobs, and writes that down as a matrix for ``strategy.matrix`` of a workflow."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

#: What GitHub takes: jobs of one matrix.
MAX_SHARDS: Final = 256
_MAX_MATRIX = 1024 * 1024


@dataclass(frozen=True)
class Shard:
    """One job: its number from 1, its models in the order of the config file, and how long they took (seconds).

    ``seconds`` is None where nothing is known of any model.
    """

    number: int
    models: tuple[str, ...]
    seconds: float | None = None


class _Entry(msgspec.Struct):
    shard: Annotated[int, Meta(ge=1)]
    models: Annotated[str, Meta(max_length=100_000)]


class _Matrix(msgspec.Struct):
    include: Annotated[tuple[_Entry, ...], Meta(max_length=MAX_SHARDS)]


def plan_shards(names: Sequence[str], seconds: Mapping[str, float], count: int) -> tuple[Shard, ...]:
    """At most ``count`` shards of nearly the same time, never an empty one.

    ``seconds``: how long models took; others are taken to need the median of those. The longest goes first, each to the
    shard with the least to do (Graham's rule: at most a third longer than the best plan).
    """
    known = {name: seconds[name] for name in names if seconds.get(name, 0.0) > 0}
    typical = statistics.median(known.values()) if known else 1.0
    cost = {name: known.get(name, typical) for name in names}
    position = {name: index for index, name in enumerate(names)}
    groups: list[list[str]] = [[] for _ in range(min(count, len(names)))]
    loads = [0.0] * len(groups)
    for name in sorted(names, key=lambda name: (-cost[name], position[name])):
        lightest = min(range(len(groups)), key=lambda index: (loads[index], len(groups[index]), index))
        groups[lightest].append(name)
        loads[lightest] += cost[name]
    ordered = sorted(
        (tuple(sorted(group, key=position.__getitem__)) for group in groups), key=lambda group: position[group[0]]
    )
    return tuple(
        Shard(number, group, round(sum(cost[name] for name in group), 1) if known else None)
        for number, group in enumerate(ordered, 1)
    )


def matrix_json(shards: Sequence[Shard]) -> str:
    """The shards for ``strategy.matrix``, on one line: an object with ``include``.

    Each entry has ``shard`` (its number), ``of`` (how many there are), ``models`` (names for ``only``, with commas)
    and, where it is known, ``seconds``.
    """
    entries = [
        {"shard": shard.number, "of": len(shards), "models": ",".join(shard.models)}
        | ({"seconds": shard.seconds} if shard.seconds is not None else {})
        for shard in shards
    ]
    return msgspec.json.encode({"include": entries}).decode()


def parse_matrix(text: str) -> tuple[Shard, ...]:
    """The shards of a matrix that :func:`matrix_json` has written.

    Raises:
        ValueError: it is no such matrix; the message says what is wrong.
    """
    if len(text) > _MAX_MATRIX:
        raise ValueError("it is too long")
    try:
        matrix = msgspec.json.decode(text, type=_Matrix)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    shards = tuple(Shard(entry.shard, tuple(filter(None, entry.models.split(",")))) for entry in matrix.include)
    names = [name for shard in shards for name in shard.models]
    if not names or not all(shard.models for shard in shards):
        raise ValueError("it has a shard without models" if shards else "it has no shards")
    wrong = next((name for name in names if not _NAME.fullmatch(name)), None)
    if wrong is not None:
        raise ValueError("it has a name that no model can have")
    if len(set(names)) < len(names) or len({shard.number for shard in shards}) < len(shards):
        raise ValueError("it has a shard or a model twice")
    return shards


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
