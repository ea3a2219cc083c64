"""Rows that come in another order, or come and go: what rounding does where a detector's scores are nearly equal.

A finding of this kind excuses nothing. It says what became of the rows, so that a difference of half an image at one
element is not taken for wrong arithmetic.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import torch

from ptmobile.worker.comparing.metrics import real
from ptmobile.worker.comparing.tolerance import Tolerance
from ptmobile.worker.values.files import StoredTree

#: The tolerance of an output, by its path.
Allowed = Callable[[str], Tolerance]
#: Pairs of values that are looked at in one group of outputs; above, nothing is said of its rows.
_MOST_PAIRS: Final = 300_000_000
#: So much of the rows must be there all the same; else there are simply other ones.
_SHARE: Final = 0.5
_SHOWN: Final = 5
#: A word of messages that say so.
ROUNDING: Final = "rounding"
_LAST_STEP: Final = re.compile(r"\[[^\[\]]*\]$")


@dataclass(frozen=True)
class Rows:
    """What became of the rows of some outputs, ``output`` the one to name, in words that follow its name."""

    output: str
    message: str


@dataclass(frozen=True)
class Matched:
    """Outputs that have their rows in common; for each row of the reference that of the candidate, None without one."""

    paths: tuple[str, ...]
    rows: list[int | None]


def rows_of(expected: StoredTree, actual: StoredTree, failed: Collection[str], allowed: Allowed) -> Iterator[Rows]:
    """What became of the rows of outputs that belong together, in one container and equally long, if one failed."""
    for paths in _groups(expected, actual):
        if not any(path in failed for path in paths):
            continue
        matched = _matched(paths, expected, actual, allowed)
        if matched is None:
            continue
        output, other = next(path for path in paths if path in failed), len(actual.tensors()[paths[0]])
        if message := _told(matched, other, _scores(paths, expected)):
            yield Rows(output, message)


def detections(expected: StoredTree, actual: StoredTree, allowed: Allowed) -> Iterator[Matched]:
    """Outputs that are a detector's rows, boxes of four numbers sorted by score, and where the candidate has each row.

    Those are left out of which all rows are in their places, or too many to be looked at.
    """
    for paths in _groups(expected, actual):
        boxes = any(expected.tensors()[path].shape[1:] == (4,) for path in paths)
        if boxes and _scores(paths, expected) is not None:
            matched = _matched(paths, expected, actual, allowed)
            length = len(actual.tensors()[paths[0]])
            if matched is not None and matched != list(range(length)):
                yield Matched(paths, matched)


def _matched(
    paths: Sequence[str], expected: StoredTree, actual: StoredTree, allowed: Allowed
) -> list[int | None] | None:
    pairs = [(expected.tensors()[path], actual.tensors()[path], allowed(path)) for path in paths]
    length, other = len(pairs[0][0]), len(pairs[0][1])
    return None if sum(e.numel() for e, _, _ in pairs) * other > _MOST_PAIRS else _match(pairs, length, other)


def _groups(expected: StoredTree, actual: StoredTree) -> Iterator[tuple[str, ...]]:
    """Paths of tensors in one container that have equally many rows, in the reference and in the candidate."""
    groups: dict[tuple[str, int, int], list[str]] = defaultdict(list)
    theirs = actual.tensors()
    for path, tensor in expected.tensors().items():
        other = theirs.get(path)
        if other is None or not tensor.dim() or tensor.shape[1:] != other.shape[1:] or tensor.dim() != other.dim():
            continue
        groups[_LAST_STEP.sub("", path), len(tensor), len(other)].append(path)
    yield from (tuple(paths) for (_, length, other), paths in groups.items() if length and other)


def _match(pairs: Sequence[tuple[torch.Tensor, torch.Tensor, Tolerance]], length: int, other: int) -> list[int | None]:
    """For each row of the reference the row of the candidate that is the same in all outputs; each is taken once."""
    free = torch.ones(other, dtype=torch.bool)
    wide = [(real(e).reshape(length, -1), real(a).reshape(other, -1), tolerance) for e, a, tolerance in pairs]
    matched: list[int | None] = []
    for row in range(length):
        same = free.clone()
        for e, a, tolerance in wide:
            room = tolerance.atol + tolerance.rtol * e[row].abs()
            same &= (((a - e[row]).abs() <= room) | (a == e[row])).all(1)
        found = same.nonzero().flatten().tolist()
        taken = row if row in found else found[0] if found else None
        matched.append(taken)
        if taken is not None:
            free[taken] = False
    return matched


def _scores(paths: Sequence[str], expected: StoredTree) -> tuple[str, torch.Tensor] | None:
    """The output by which rows are sorted: one floating number for each, never rising."""
    for path in paths:
        tensor = expected.tensors()[path]
        if tensor.dim() == 1 and tensor.is_floating_point() and bool((tensor[:-1] >= tensor[1:]).all()):
            return path, tensor.to(torch.float64)
    return None


def _told(matched: Sequence[int | None], other: int, scores: tuple[str, torch.Tensor] | None) -> str:
    length, there = len(matched), sum(row is not None for row in matched)
    moved = [(row, to) for row, to in enumerate(matched) if to is not None and to != row]
    if there == length == other:
        return f"has the same {length} rows in another order: {_moves(moved, scores)}" if moved else ""
    in_place = length == other and all(to in (None, row) for row, to in enumerate(matched))
    if scores is None or in_place or there < max(_SHARE * max(length, other), 1):
        return ""
    return (
        f"has {there} of the {length} rows of the reference, {length - there} are missing and {other - there} new, as "
        f"{ROUNDING} does it where a score or an overlap is at a threshold"
    )


def _moves(moved: Sequence[tuple[int, int]], scores: tuple[str, torch.Tensor] | None) -> str:
    listed = ", ".join(f"row {row} is at {to}" for row, to in moved[:_SHOWN])
    more = f" and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else ""
    if scores is None:
        return f"{listed}{more}"
    path, values = scores
    gap = max(abs(float(values[row] - values[to])) for row, to in moved)
    return f"{listed}{more}; their {path} differ by {gap:.1e} at most, so {ROUNDING} decides which comes first"
