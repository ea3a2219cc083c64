"""Golden outputs in the file itself: what the model gave on inputs that anybody can draw again, for replaying.

The record ``extra/ptmobile/golden.json`` holds the recipe of the inputs, the SHA-256 of their bytes, and the eager
model's outputs, in the form in which the file returns them. No input of the user's is in it, and no runtime reads it.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import torch

from ptmobile.errors import LoadError
from ptmobile.result import Comparison, Failure, Notice, Problem
from ptmobile.spec.conversion import ExampleInput
from ptmobile.value_manifest import Manifest, Moved, in_file_form
from ptmobile.worker.inputs.drawing import DEFAULT_INTEGER_RANGE, DEFAULT_RANGES
from ptmobile.worker.inputs.examples import TrialInputs
from ptmobile.worker.stages.running import run_once
from ptmobile.worker.values.files import save_tree

RECORD: Final = "ptmobile/golden.json"
FORMAT: Final = 1
GOLDEN: Final = "golden"
#: What the record may take, in bytes: of most classifiers it takes less than a tenth.
MAX_BYTES: Final = 64 << 10
_MAX_ELEMENTS: Final = 1 << 28
#: Uniform numbers with the variance of standard normal ones.
_STANDARD: Final = (-(3**0.5), 3**0.5)
# The constants of splitmix64 (Steele, Lea, Flood 2014), a generator of a few lines in any language.
_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


class GoldenInput(msgspec.Struct, frozen=True, kw_only=True):
    """One argument: element ``i`` of argument ``n`` is the draw ``i`` of splitmix64 from the seed ``n``.

    Its upper 53 bits as a part of one, ``u``, give ``low + u * (high - low)`` in float64: of integers and booleans the
    floor, then in the dtype.
    """

    dtype: str
    shape: tuple[int, ...]
    low: float
    high: float


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """The record. ``data`` are the bytes of the outputs' tensors, base64; ``expected`` says what they are."""

    format: int
    inputs: tuple[GoldenInput, ...]
    inputs_sha256: str
    expected: Manifest
    data: str


def recipe(entries: Sequence[ExampleInput]) -> tuple[GoldenInput, ...] | None:
    """How to draw inputs for these entries; None where one comes from a file."""
    if any(entry.file for entry in entries):
        return None
    return tuple(chain.from_iterable(repeat(_one(entry), entry.list_of or 1) for entry in entries))


def _one(entry: ExampleInput) -> GoldenInput:
    if entry.dtype == "bool":
        low, high = 0.0, 2.0
    elif entry.dtype.startswith(("float", "bfloat")):
        low, high = entry.range or _STANDARD
    else:
        low, high = entry.range or DEFAULT_RANGES.get(entry.dtype, DEFAULT_INTEGER_RANGE)
    return GoldenInput(dtype=entry.dtype, shape=entry.alternatives()[0], low=float(low), high=float(high))


def draw(given: Sequence[GoldenInput]) -> tuple[torch.Tensor, ...]:
    """The inputs of a recipe.

    Raises:
        LoadError: it is none of ours, or asks for far too much.
    """
    if any(size < 0 for one in given for size in one.shape):
        raise LoadError("The golden inputs of the file have shapes that no tensor has.")
    if sum(int(np.prod(one.shape, dtype=np.float64)) for one in given) > _MAX_ELEMENTS:
        raise LoadError("The golden inputs of the file are too large.")
    try:
        return tuple(_drawn(number, one) for number, one in enumerate(given))
    except (AttributeError, RuntimeError, ValueError, TypeError) as error:
        raise LoadError(f"The golden inputs of the file cannot be drawn: {error}") from error


def _drawn(number: int, one: GoldenInput) -> torch.Tensor:
    count = int(np.prod(one.shape, dtype=np.int64))
    state = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_STEP)) + np.uint64(number)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(_FIRST)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(_SECOND)
    part = ((state ^ (state >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    drawn = one.low + part * (one.high - one.low)
    dtype: torch.dtype = getattr(torch, one.dtype)
    if not dtype.is_floating_point:
        drawn = np.minimum(np.floor(drawn), max(one.high - 1, one.low))
    return torch.from_numpy(drawn.reshape(one.shape)).to(dtype)


def digest(tensors: Sequence[torch.Tensor]) -> str:
    """SHA-256 of the tensors' bytes, one after another."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(memoryview(tensor.contiguous().reshape(-1).view(torch.uint8).numpy()))
    return found.hexdigest()


def make_golden(
    module: torch.nn.Module, entries: Sequence[ExampleInput], kept: Sequence[str], scratch: Path
) -> Notice | None:
    """Run the eager model on inputs of a recipe, and leave the record for the roads; a notice where that cannot be.

    ``kept`` is the state that the model keeps between calls: what it gives then depends on the calls before.
    """
    if kept:
        return _none("the model keeps state between its calls")
    given = recipe(entries)
    if given is None:
        return _none("the inputs are data of yours, which do not belong into a file by themselves")
    arguments = draw(given)
    try:
        tree = run_once(module, TrialInputs(0, None, arguments))
    except Exception as error:  # noqa: BLE001 - what a model raises on numbers that it was not given before
        return _none(f"on its inputs the model raised {type(error).__name__}")
    size = sum(tensor.numel() * tensor.element_size() for tensor in tree.tensors().values())
    if size > MAX_BYTES:
        return _none(f"the outputs are {size:,} bytes, and the limit is {MAX_BYTES:,}")
    folder = scratch / GOLDEN
    folder.mkdir(exist_ok=True)
    save_tree(tree, folder / "0")
    (scratch / f"{GOLDEN}.json").write_bytes(msgspec.json.encode((given, digest(arguments))))
    return None


def _none(reason: str) -> Notice:
    return Notice(level="notice", code="no-golden", message=f"No golden outputs are in the file: {reason}.")


def golden_record(scratch: Path, moved: Moved) -> dict[str, str]:
    """The record for a road's file, by its name; nothing where there is none, or it would be too large."""
    recipe_file, stem = scratch / f"{GOLDEN}.json", scratch / GOLDEN / "0"
    if not recipe_file.exists():
        return {}
    given, sha256 = msgspec.json.decode(recipe_file.read_bytes(), type=tuple[tuple[GoldenInput, ...], str])
    expected = in_file_form(msgspec.json.decode(stem.with_suffix(".json").read_bytes(), type=Manifest), moved)
    data = base64.b64encode(stem.with_suffix(".bin").read_bytes()).decode()
    record = Golden(format=FORMAT, inputs=given, inputs_sha256=sha256, expected=expected, data=data)
    text = msgspec.json.encode(record).decode()
    return {RECORD: text} if len(text) <= MAX_BYTES else {}


def read_golden(file: Path, extra_files: Sequence[str]) -> Golden | None:
    """The record of a file that was read as data; None if it has none.

    Raises:
        LoadError: it is damaged, or of a later form.
    """
    if RECORD not in extra_files:
        return None
    with zipfile.ZipFile(file) as archive:
        name = next(name for name in archive.namelist() if name.endswith(f"/extra/{RECORD}"))
        if archive.getinfo(name).file_size > 2 * MAX_BYTES:
            raise LoadError("The golden outputs in the file are too large.")
        text = archive.read(name)
    try:
        found = msgspec.json.decode(text, type=Golden)
    except msgspec.DecodeError as error:
        raise LoadError(f"The golden outputs in the file are damaged: {error}") from error
    if found.format != FORMAT:
        raise LoadError(
            f"The golden outputs in the file are of format {found.format}, and this version reads {FORMAT}."
        )
    return found


def golden_failure(comparison: Comparison) -> Failure:
    """The file gives something else than the model gave when the file was made."""
    finding = next((f for f in comparison.findings if f.fails), None)
    what = f"{finding.output} {finding.message}" if finding else "the outputs differ"
    problem = Problem(
        title="The file does not give its golden outputs",
        message=f"On this machine, {what}.",
        advice="The file was changed after it was made, or this machine's lite interpreter computes otherwise.",
    )
    return Failure(kind="mismatch", stage=comparison.candidate, problem=problem)


def unpack_golden(golden: Golden, scratch: Path) -> list[TrialInputs]:
    """Draw the inputs and leave what is expected for the comparison.

    Raises:
        LoadError: the inputs are not those that the outputs belong to.
    """
    arguments = draw(golden.inputs)
    if digest(arguments) != golden.inputs_sha256:
        raise LoadError("The golden inputs of the file were drawn again and are others: the record was changed.")
    folder = scratch / GOLDEN
    folder.mkdir()
    (folder / "0.json").write_bytes(msgspec.json.encode(golden.expected))
    (folder / "0.bin").write_bytes(base64.b64decode(golden.data))
    return [TrialInputs(0, None, arguments)]
