"""The card for apps, from what the processes left on disk: forms, types, and which dimension follows which."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

import msgspec

from ptmobile.app_card import MAX_CASES, MAX_VALUES, AppCard, AppValue, Shape
from ptmobile.device.wire import DTYPES
from ptmobile.result import Notice
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.value_manifest import Manifest
from ptmobile.visible import shorten

#: What to write in the model's ``forward`` so that Java gets a type that it has (org.pytorch.DType has six).
CASTS: Final = {
    "bool": ".to(torch.uint8)",
    "float16": ".float()",
    "bfloat16": ".float()",
    "int16": ".int()",
    "complex32": "torch.view_as_real(…).float()",
    "complex64": "torch.view_as_real(…)",
    "complex128": "torch.view_as_real(…)",
}
_SEEN_AS: Final = {"NamedTuple": "tuple", "OrderedDict": "dict"}
_WORD: Final = 250
_MAX_MOVES: Final = 12
_MAX_NOTICES: Final = 20


def app_card(scratch: Path, variant: str, trials: Sequence[int]) -> AppCard | None:
    """The card of a file that was run on these trials as ``variant``; None if there were none.

    Raises:
        OSError, msgspec.DecodeError: what a process left is not there, or damaged.
    """
    given = {number: _manifest(scratch / "inputs" / str(number)) for number in trials}
    gave = {number: _manifest(scratch / variant / str(number)) for number in trials}
    if not gave:
        return None
    groups: dict[tuple[Shape, ...], list[int]] = {}
    for number, manifest in given.items():
        groups.setdefault(tuple(tensor.shape for tensor in manifest.tensors.values()), []).append(number)
    cases = list(groups.values())[:MAX_CASES]
    firsts = [numbers[0] for numbers in cases]
    inputs = tuple(_values([given[number] for number in firsts], "input"))[1:]  # without the list of arguments
    free = {path: _free(path, [[gave[n] for n in numbers] for numbers in cases]) for path in gave[firsts[0]].tensors}
    outputs = tuple(_values([gave[number] for number in firsts], "out"))
    return AppCard(
        variant=variant,
        cases=tuple(firsts),
        inputs=inputs[:MAX_VALUES],
        outputs=tuple(msgspec.structs.replace(v, moves=_moves(v, inputs, free)) for v in outputs[:MAX_VALUES]),
        notes=tuple(_notes(gave, firsts[0], len(groups), len(outputs))),
    )


def java_notices(card: AppCard | None, spec: ConversionSpec) -> list[Notice]:
    """What an app in Java or Kotlin cannot receive, with the way out: warnings, unless no app's library matters."""
    matters = spec.runtime != "none" and spec.device_check != "off"
    level: Literal["notice", "warning"] = "warning" if matters else "notice"
    lacking = [value for value in card.outputs if not value.java] if card else []
    return [Notice(level=level, code="not-for-java", message=_lacking(value)) for value in lacking[:_MAX_NOTICES]]


def _lacking(value: AppValue) -> str:
    what = value.dtype if value.dtype else f"a {value.kind} with such keys"
    return f"{value.path} is {what}, which the Java API cannot receive. {value.cast}"


def _manifest(stem: Path) -> Manifest:
    return msgspec.json.decode(stem.with_suffix(".json").read_bytes(), type=Manifest)


def _values(manifests: list[Manifest], path: str) -> Iterator[AppValue]:
    """A part of the first tree and what is in it, in its order."""
    first = manifests[0]
    if path in first.containers:
        kind, keys = first.containers[path]
        kind = _SEEN_AS.get(kind, kind)
        java = kind != "dict" or _java_keys(keys)
        cast = "" if java else "Return a dictionary whose keys are all texts, or all integers."
        names = tuple(shorten(key, _WORD) for key in keys)
        yield AppValue(path=shorten(path, _WORD), kind=kind, keys=names, java=java, cast=cast)
        for key in keys:
            yield from _values(manifests, f"{path}{key}" if key.startswith(".") else f"{path}[{key}]")
    elif path in first.tensors:
        tensor = first.tensors[path]
        found = [manifest.tensors.get(path) for manifest in manifests]
        yield AppValue(
            path=shorten(path, _WORD),
            kind="tensor",
            dtype=tensor.dtype,
            shapes=tuple(other.shape if other is not None else None for other in found),
            memory_format=tensor.memory_format,
            java=tensor.dtype in DTYPES,
            cast="" if tensor.dtype in DTYPES else _cast(tensor.dtype),
        )
    else:
        kind = "float" if path in first.floats else type(first.plain.get(path)).__name__
        yield AppValue(path=shorten(path, _WORD), kind=kind)


def _java_keys(keys: Sequence[str]) -> bool:
    """Whether all keys are texts, or all are integers: a Java map has one kind of key."""
    try:
        kinds = {type(ast.literal_eval(key)) for key in keys}
    except (ValueError, SyntaxError):
        return False
    return kinds in (set(), {str}, {int})


def _cast(dtype: str) -> str:
    return f"Add {CASTS.get(dtype, '.dequantize()')} to it in forward."


def _free(path: str, groups: list[list[Manifest]]) -> set[int]:
    """The dimensions of an output that differ between inputs of the same shapes: they follow the values."""
    free: set[int] = set()
    for group in groups:
        shapes = [manifest.tensors[path].shape for manifest in group if path in manifest.tensors]
        for dimension, sizes in enumerate(zip(*shapes, strict=False)):
            if len(set(sizes)) > 1:
                free.add(dimension)
    return free


def _moves(value: AppValue, inputs: Sequence[AppValue], free: dict[str, set[int]]) -> tuple[str, ...]:
    shapes = [shape for shape in value.shapes if shape is not None]
    moves = []
    for dimension in range(len(value.shape)):
        sizes = [shape[dimension] for shape in shapes if dimension < len(shape)]
        if dimension in free.get(value.path, ()):
            moves.append(f"dimension {dimension} depends on the values of the input")
        elif len(sizes) == len(value.shapes) and len(set(sizes)) > 1:
            moves.append(f"dimension {dimension} {_followed(sizes, inputs)}")
    return tuple(moves[:_MAX_MOVES])


def _followed(sizes: Sequence[int], inputs: Sequence[AppValue]) -> str:
    """Which dimension of an input these sizes are, or are a part of, case by case."""
    candidates: list[tuple[int, str]] = []
    for number, given in enumerate(inputs):
        for dimension in range(len(given.shape)):
            theirs = [shape[dimension] for shape in given.shapes if shape is not None and dimension < len(shape)]
            if len(theirs) == len(sizes) and all(theirs):
                candidates += _relations(sizes, theirs, f"dimension {dimension} of input {number}")
    return min(candidates, default=(0, "changes with the shapes of the inputs"), key=lambda one: one[0])[1]


def _relations(mine: Sequence[int], theirs: Sequence[int], place: str) -> Iterator[tuple[int, str]]:
    """How sizes follow those of an input, with how simple the relation is, from 0."""
    ratios = {Fraction(*pair) for pair in zip(mine, theirs, strict=True)}
    steps = {one - other for one, other in zip(mine, theirs, strict=True)}
    if ratios == {1}:
        yield 0, f"is {place}"
    elif len(ratios) == 1:
        yield 1, f"is {ratios.pop()} times {place}"
    elif len(steps) == 1:
        step = steps.pop()
        yield 2, f"is {place} {'plus' if step > 0 else 'minus'} {abs(step)}"


def _notes(gave: dict[int, Manifest], first: int, groups: int, values: int) -> Iterator[str]:
    usual = (gave[first].containers, set(gave[first].order))
    other = [number for number, tree in gave.items() if (tree.containers, set(tree.order)) != usual]
    if other:
        yield f"The output has another structure in trial {other[0]}: code for all inputs has to look at it first."
    if values > MAX_VALUES:
        yield f"{values - MAX_VALUES} more parts of the output are not on this card."
    if groups > MAX_CASES:
        yield f"{groups - MAX_CASES} more sets of input shapes were tried."
