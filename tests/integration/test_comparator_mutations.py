"""The mutation check of the comparison: outputs are corrupted in every way that a conversion could, each must be found.

A grid of data types, sizes and containers, three trials each, of which one is corrupted; every value goes through the
files in which a worker's processes leave their outputs. The other half: what is rounding, or no difference at all, must
raise no alarm. The tests count what they made, so that no case is lost unnoticed.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from ptmobile.result import Comparison
from ptmobile.worker.comparing import Policy, compare_pair
from ptmobile.worker.comparing.pairs import PairSpec
from ptmobile.worker.comparing.tolerance import Owed
from ptmobile.worker.values.files import StoredTree, load_tree, save_tree
from ptmobile.worker.values.trees import flatten

TRIALS = 3
SHAPE = (4, 3, 5, 5)
SEED = 20221116
#: By how much of its size a float must be off to be beyond the tolerance of its data type at any place.
OFF = {
    torch.float64: 1e-3,
    torch.float32: 1e-3,
    torch.complex64: 1e-3,
    torch.float16: 0.05,
    torch.bfloat16: 0.2,
}
HALVES = (torch.float16, torch.bfloat16)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
OTHER = {dtype: torch.float32 if dtype is torch.float64 else torch.float64 for dtype in OFF}
SCALES = (1e-12, 1.0, 1e6)
HALF_SCALES = (1e-2, 1.0, 1e3)  # float16 ends at 65504


class Named(NamedTuple):
    main: torch.Tensor
    other: torch.Tensor


Tensor = torch.Tensor
Corrupt = Callable[[Tensor, random.Random], Tensor]


@dataclass(frozen=True)
class Kind:
    """One sort of tensor: its data type and the size of its values."""

    dtype: torch.dtype
    scale: float = 1.0

    def tensor(self, seed: int, shape: tuple[int, ...] = SHAPE) -> Tensor:
        """Values that are all different from zero by far more than any tolerance."""
        generator = torch.Generator().manual_seed(seed)
        if self.dtype is torch.bool:
            return torch.rand(shape, generator=generator) > 0.5
        if self.dtype in INTEGERS:
            return torch.randint(1, 100, shape, generator=generator).to(self.dtype)
        sign = torch.where(torch.rand(shape, generator=generator) > 0.5, 1.0, -1.0).double()
        values = sign * (torch.rand(shape, generator=generator).double() * 0.9 + 0.1) * self.scale
        return torch.complex(values, values.flip(0)).to(self.dtype) if self.dtype.is_complex else values.to(self.dtype)


FLOATS = tuple(Kind(dtype, scale) for dtype in OFF for scale in (HALF_SCALES if dtype in HALVES else SCALES))
WHOLE = tuple(Kind(dtype) for dtype in (*INTEGERS, torch.bool))


# --- corruptions of one tensor ---------------------------------------------------------------------------------------


def _at(tensor: Tensor, rng: random.Random, change: Callable[[Tensor], Any]) -> Tensor:
    """One element changed."""
    changed = tensor.clone()
    place = tuple(rng.randrange(size) for size in tensor.shape)
    changed[place] = change(changed[place])
    return changed


def _one_element(tensor: Tensor, rng: random.Random) -> Tensor:
    off = OFF[tensor.dtype] * float(tensor.abs().max())
    return _at(tensor, rng, lambda value: value + off)


def _channels_swapped(tensor: Tensor, rng: random.Random) -> Tensor:
    first, second = rng.sample(range(tensor.shape[1]), 2)
    order = list(range(tensor.shape[1]))
    order[first], order[second] = second, first
    return tensor[:, order].clone()


def _last_row(tensor: Tensor, values: Tensor) -> Tensor:
    changed = tensor.clone()
    changed[-1] = values
    return changed


def _permuted(tensor: Tensor) -> Tensor:
    """Height and width exchanged: the shape stays, since they are equal."""
    return tensor.transpose(2, 3).contiguous()


#: What can happen to any tensor, whatever its data type.
ANY: dict[str, Corrupt] = {
    "one channel swapped": _channels_swapped,
    "last batch row repeats the first": lambda t, _: _last_row(t, t[0]),
    "batch rows rolled": lambda t, _: t.roll(1, 0),
    "shifted by a pixel": lambda t, _: t.roll(1, 3),
    "height and width exchanged": lambda t, _: _permuted(t),
    "mirrored": lambda t, _: t.flip(3),
    "a row of the batch lost": lambda t, _: t[:-1].clone(),
    "a row of the batch too many": lambda t, _: torch.cat([t, t[-1:]]),
    "batch of one": lambda t, _: t[:1].clone(),
    "flattened": lambda t, _: t.flatten(1),
    "transposed shape": lambda t, _: t.transpose(0, 1).contiguous(),
    "a dimension of one more": lambda t, _: t.unsqueeze(0),
    "emptied": lambda t, _: t[:0].clone(),
    "all the same": lambda t, _: t[0, 0, 0, 0].expand(t.shape).clone(),
}
FLOATING: dict[str, Corrupt] = {
    "one element": _one_element,
    "sign of one element": lambda t, rng: _at(t, rng, lambda value: -value),
    "sign of all": lambda t, _: -t,
    "one NaN": lambda t, rng: _at(t, rng, lambda value: math.nan),
    "all NaN": lambda t, _: torch.full_like(t, math.nan),
    "one Inf": lambda t, rng: _at(t, rng, lambda value: math.inf),
    "one Inf, negative": lambda t, rng: _at(t, rng, lambda value: -math.inf),
    "scaled by a little": lambda t, _: (t * (1 + OFF[t.dtype])).to(t.dtype),
    "shifted by a little": lambda t, _: (t + OFF[t.dtype] * float(t.abs().max())).to(t.dtype),
    "last batch row zero": lambda t, _: _last_row(t, torch.zeros_like(t[0])),
    "zeros": lambda t, _: torch.zeros_like(t),
    "one element zero": lambda t, rng: _at(t, rng, lambda value: 0.0),
    "absolute values": lambda t, _: t.abs().to(t.dtype),
    "other data type": lambda t, _: (t.real if t.is_complex() else t).to(OTHER[t.dtype]),
    "cast to integers": lambda t, _: t.abs().to(torch.int64),
}
WHOLE_NUMBERS: dict[str, Corrupt] = {
    "one element off by one": lambda t, rng: _at(t, rng, lambda value: value + 1),
    "all off by one": lambda t, _: t + 1,
    "zeros": lambda t, _: torch.zeros_like(t),
    "other data type": lambda t, _: t.to(torch.int32 if t.dtype is torch.int64 else torch.int64),
    "cast to floats": lambda t, _: t.to(torch.float32),
}
TRUTH: dict[str, Corrupt] = {
    "one flipped": lambda t, rng: _at(t, rng, lambda value: ~value),
    "all flipped": lambda t, _: ~t,
    "cast to bytes": lambda t, _: t.to(torch.uint8),
}


def corruptions(dtype: torch.dtype) -> dict[str, Corrupt]:
    """All that apply to a data type."""
    own = TRUTH if dtype is torch.bool else WHOLE_NUMBERS if dtype in INTEGERS else FLOATING
    return {**ANY, **own}


# --- containers ------------------------------------------------------------------------------------------------------

#: Each puts a tensor among others, which stay as they are.
CONTAINERS: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "alone": lambda main, other: main,
    "tuple": lambda main, other: (other, main),
    "list": lambda main, other: [main, other],
    "dict": lambda main, other: {"other": other, "main": main},
    "nested": lambda main, other: ({"levels": [other, main], "count": 3}, "text", None),
    "NamedTuple": Named,
}


def stored(value: Any) -> StoredTree:
    """A value through a file, as a run leaves it."""
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder, "0")
        save_tree(flatten(value), stem)
        return load_tree(stem)


def compared_trees(expected: Sequence[StoredTree], actual: Sequence[StoredTree], owed: Owed) -> Comparison:
    """Two variants over their trials."""
    trees = {"a": expected, "b": actual}
    pair = PairSpec("a", "b", owed, decides=True)
    return compare_pair(pair, lambda name, number: trees[name][number], range(len(expected)), Policy())


def compared(expected: Sequence[Any], actual: Sequence[Any], owed: Owed) -> Comparison:
    """The same of values."""
    return compared_trees(list(map(stored, expected)), list(map(stored, actual)), owed)


def _case_name(*parts: Any) -> str:
    return ", ".join(str(part).removeprefix("torch.") for part in parts)


def _corrupted(kind: Kind, owed: Owed) -> Iterator[tuple[str, Comparison]]:
    """Every corruption of one sort of tensor in every container, in a trial by chance."""
    rng = random.Random(f"{SEED} {kind} {owed}")  # the same in every run
    for container, put in CONTAINERS.items():
        main = [kind.tensor(seed) for seed in range(TRIALS)]
        other = [kind.tensor(seed + TRIALS) for seed in range(TRIALS)]
        expected = [stored(put(m, o)) for m, o in zip(main, other, strict=True)]
        for name, corrupt in corruptions(kind.dtype).items():
            trial = rng.randrange(TRIALS)
            actual = list(expected)
            actual[trial] = stored(put(corrupt(main[trial], rng), other[trial]))
            yield _case_name(kind.dtype, kind.scale, container, name, owed), compared_trees(expected, actual, owed)


def _is_found(comparison: Comparison) -> bool:
    """The comparison fails, and says where."""
    return not comparison.passed and not comparison.equal and any(finding.fails for finding in comparison.findings)


@pytest.mark.parametrize(("owed", "scales", "count"), [("close", 3, 3282), ("exact", 1, 1542)])
def test_every_corruption_of_a_tensor_is_found(owed: Owed, scales: int, count: int) -> None:
    """Where equal bits are owed the size of the values does not matter."""
    floats = FLOATS if scales > 1 else tuple(kind for kind in FLOATS if kind.scale == 1.0)
    made = {name: found for kind in (*floats, *WHOLE) for name, found in _corrupted(kind, owed)}
    missed = [name for name, comparison in made.items() if not _is_found(comparison)]
    print(f"{len(made) - len(missed)} of {len(made)} corruptions of tensors found ({owed})")
    assert missed == []
    kinds = scales * len(OFF) * len({**ANY, **FLOATING}) + len(INTEGERS) * len({**ANY, **WHOLE_NUMBERS})
    assert len(made) == len(CONTAINERS) * (kinds + len({**ANY, **TRUTH})) == count


# --- corruptions of the structure, and of plain values ---------------------------------------------------------------

A, B, C = (Kind(torch.float32).tensor(seed, (2, 3)) for seed in (11, 12, 13))
STRUCTURES: dict[str, tuple[Any, Any]] = {
    "tuple instead of list": ([A, B], (A, B)),
    "list instead of tuple": ((A, B), [A, B]),
    "dict instead of tuple": ((A, B), {"0": A, "1": B}),
    "tuple instead of dict": ({"a": A, "b": B}, (A, B)),
    "list instead of NamedTuple": (Named(A, B), [A, B]),
    "tensor instead of a tuple of one": ((A,), A),
    "a tuple of one instead of a tensor": (A, (A,)),
    "a level of tuples more": ((A, B), ((A, B),)),
    "a level of tuples less": (((A, B),), (A, B)),
    "inner level taken apart": ((A, (B, C)), (A, B, C)),
    "stacked": ([A, B], torch.stack([A, B])),
    "list shorter": ([A, B, C], [A, B]),
    "list longer": ([A, B], [A, B, B]),
    "list emptied": ([A], []),
    "empty list filled": ([], [A]),
    "empty list instead of an empty dict": ({}, []),
    "first and second exchanged": ((A, B), (B, A)),
    "first twice": ((A, B), (A, A)),
    "key renamed": ({"a": A, "b": B}, {"a": A, "c": B}),
    "key in capitals": ({"a": A}, {"A": A}),
    "key lost": ({"a": A, "b": B}, {"a": A}),
    "key too many": ({"a": A}, {"a": A, "b": B}),
    "values of two keys exchanged": ({"a": A, "b": B}, {"a": B, "b": A}),
    "number instead of text as key": ({"1": A}, {1: A}),
    "None instead of a tensor": ((A, B), (A, None)),
    "tensor instead of None": ((A, None), (A, B)),
    "None instead of everything": (A, None),
    "number instead of a tensor without dimensions": (torch.tensor(2.0), 2.0),
    "tensor of one element instead of one without dimensions": (torch.tensor(2.0), torch.tensor([2.0])),
    "list of numbers instead of a tensor": (torch.tensor([1.0, 2.0]), [1.0, 2.0]),
    "int off by one": ((A, 7), (A, 8)),
    "large int off by one": ((A, 2**62), (A, 2**62 + 1)),
    "int negative": ((A, 7), (A, -7)),
    "int as float": ((A, 7), (A, 7.0)),
    "int as bool": ((A, 1), (A, True)),
    "bool flipped": ((A, True), (A, False)),
    "bool as int": ((A, False), (A, 0)),
    "float off": ((A, 0.5), (A, 0.501)),
    "float NaN": ((A, 0.5), (A, math.nan)),
    "float Inf": ((A, 0.5), (A, math.inf)),
    "float negative": ((A, 0.5), (A, -0.5)),
    "text changed": ((A, "cat"), (A, "cap")),
    "text in capitals": ((A, "cat"), (A, "Cat")),
    "text with a space": ((A, "cat"), (A, "cat ")),
    "text emptied": ((A, "cat"), (A, "")),
    "number as text": ((A, 7), (A, "7")),
}


def _everywhere(expected: Any, actual: Any) -> Iterator[tuple[str, list[Any], list[Any]]]:
    """The corruption at the top, in a list, in a dict of a tuple; in the first, the last and in all trials."""
    places: dict[str, Callable[[Any], Any]] = {
        "top": lambda value: value,
        "in a list": lambda value: [C, value],
        "in a tuple in a dict": lambda value: {"x": C, "y": (value, C)},
    }
    for place, put in places.items():
        for when, wrong in (("first", {0}), ("last", {TRIALS - 1}), ("all", set(range(TRIALS)))):
            actuals = [put(actual if number in wrong else expected) for number in range(TRIALS)]
            yield f"{place}, {when}", [put(expected)] * TRIALS, actuals


@pytest.mark.parametrize("owed", ["close", "exact"])
def test_every_corruption_of_the_structure_is_found(owed: Owed) -> None:
    made = {
        f"{name}, {where}": compared(expected, actual, owed)
        for name, (sound, broken) in STRUCTURES.items()
        for where, expected, actual in _everywhere(sound, broken)
    }
    missed = [name for name, comparison in made.items() if not _is_found(comparison)]
    print(f"{len(made) - len(missed)} of {len(made)} corruptions of structures found ({owed})")
    assert missed == []
    assert len(made) == len(STRUCTURES) * 9 == 414


def test_outputs_of_one_trial_in_another_are_found() -> None:
    """A file that returns what it returned before: all values are plausible, each in the wrong trial."""
    for kind in (*FLOATS, *WHOLE):
        outputs = [kind.tensor(seed) for seed in range(TRIALS)]
        assert _is_found(compared(outputs, [outputs[0], outputs[0], outputs[1]], "close")), kind


# --- what is no corruption -------------------------------------------------------------------------------------------


def _rounded(tensor: Tensor, seed: int) -> Tensor:
    """As another order of the same sums would leave it: off by some units in the last place of the largest value.

    Sums of half precision are added up in float32: what is rounded in the end is each value by itself.
    """
    generator = torch.Generator().manual_seed(seed)
    wide = torch.complex128 if tensor.dtype.is_complex else torch.float64
    noise = torch.rand(tensor.shape, generator=generator, dtype=torch.float64) * 2 - 1
    size = tensor.abs().double() if tensor.dtype in HALVES else 4 * float(tensor.abs().max())
    return (tensor.to(wide) + noise * torch.finfo(tensor.dtype).eps * size).to(tensor.dtype)


@pytest.mark.parametrize("kind", FLOATS, ids=lambda kind: _case_name(kind.dtype, kind.scale))
def test_rounding_raises_no_alarm_where_the_tolerance_is_owed(kind: Kind) -> None:
    for put in CONTAINERS.values():
        outputs = [kind.tensor(seed) for seed in range(TRIALS)]
        expected = [put(tensor, tensor) for tensor in outputs]
        actual = [put(_rounded(tensor, n), _rounded(tensor, n + TRIALS)) for n, tensor in enumerate(outputs)]
        comparison = compared(expected, actual, "close")
        assert comparison.passed, comparison.findings
        assert not comparison.equal
        assert not comparison.findings
        assert not compared(expected, actual, "exact").passed


def test_what_is_equal_raises_no_alarm_at_all() -> None:
    quiet = 0
    for kind in (*FLOATS, *WHOLE):
        for put in CONTAINERS.values():
            outputs = [put(kind.tensor(seed), kind.tensor(seed + TRIALS)) for seed in range(TRIALS)]
            copies = [put(kind.tensor(seed), kind.tensor(seed + TRIALS)) for seed in range(TRIALS)]
            comparison = compared(outputs, copies, "exact")
            assert comparison.equal
            assert not comparison.findings
            quiet += 1
    assert quiet == (len(FLOATS) + len(WHOLE)) * len(CONTAINERS)


@pytest.mark.parametrize("kind", FLOATS, ids=lambda kind: _case_name(kind.dtype, kind.scale))
def test_what_is_not_finite_on_both_sides_raises_no_alarm(kind: Kind) -> None:
    tensor = kind.tensor(0)
    for place, value in enumerate((math.nan, math.inf, -math.inf, -0.0)):
        tensor[place, 0, 0, 0] = value
    assert compared([tensor], [tensor.clone()], "exact").equal
    assert compared([tensor], [_with_same_specials(tensor)], "close").passed


def _with_same_specials(tensor: Tensor) -> Tensor:
    finite = torch.where(torch.isfinite(tensor), tensor, torch.zeros_like(tensor))
    return torch.where(torch.isfinite(tensor), _rounded(finite, 5), tensor)


#: What an app has to know, though the values are right: said, and no failure.
NOTED: dict[str, tuple[Any, Any, str]] = {
    "order of keys": ({"a": A, "b": B}, {"b": B, "a": A}, "container"),
    "NamedTuple to tuple": (Named(A, B), (A, B), "container"),
    "OrderedDict to dict": (OrderedDict(a=A), {"a": A}, "container"),
    "memory format": (
        Kind(torch.float32).tensor(1),
        Kind(torch.float32).tensor(1).contiguous(memory_format=torch.channels_last),
        "memory-format",
    ),
}


@pytest.mark.parametrize("name", NOTED)
def test_what_an_app_has_to_know_is_noted_and_does_not_fail(name: str) -> None:
    expected, actual, kind = NOTED[name]
    for owed in ("close", "exact"):
        for _, sound, other in _everywhere(expected, actual):
            comparison = compared(sound, other, owed)
            assert comparison.passed
            assert {(finding.kind, finding.fails) for finding in comparison.findings} == {(kind, False)}
