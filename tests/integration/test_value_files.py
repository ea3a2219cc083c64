"""The files in which the processes of a worker leave their outputs give back what was put in, bit by bit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from comparing_support import COMPLEX, FLOATS, INTEGERS, compare, stored, tensors
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ptmobile.worker.values.files import save_tree
from ptmobile.worker.values.trees import UnsupportedValueError, flatten

DTYPES = [torch.bool, *INTEGERS, *FLOATS, *COMPLEX]


def _of_bits(dtype: torch.dtype, shape: tuple[int, ...], raw: bytes) -> torch.Tensor:
    """A tensor whose elements have these bits, NaN payloads included."""
    size = torch.empty((), dtype=dtype).element_size() * math.prod(shape)
    data = bytearray((raw * (size // max(len(raw), 1) + 1))[:size]) or bytearray(1)
    if dtype == torch.bool:
        data = bytearray(byte & 1 for byte in data)
    flat = torch.frombuffer(data, dtype=torch.uint8)[:size]
    if dtype.is_complex:
        part = torch.float64 if dtype == torch.complex128 else torch.float32
        return torch.view_as_complex(flat.view(part).reshape(-1, 2)).reshape(shape)
    return flat.view(dtype).reshape(shape)


def _bits(tensor: torch.Tensor) -> bytes:
    tensor = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())


@settings(max_examples=150)
@given(st.sampled_from(DTYPES), st.lists(st.integers(0, 3), max_size=4).map(tuple), st.binary(min_size=1, max_size=64))
def test_a_tensor_of_any_dtype_and_shape_comes_back_bit_by_bit(
    dtype: torch.dtype, shape: tuple[int, ...], raw: bytes
) -> None:
    tensor = _of_bits(dtype, shape, raw)
    back = stored(("before", tensor, tensor.clone(), "behind"))
    for path in ("out[1]", "out[2]"):
        found = back.leaves[path]
        assert isinstance(found, torch.Tensor)
        assert (found.dtype, tuple(found.shape), _bits(found)) == (dtype, shape, _bits(tensor))
    assert back.dtypes["out[1]"] == str(dtype).removeprefix("torch.")


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
KEYS = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.integers(-9, 9))
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(KEYS, inner, max_size=3),
    ),
    max_leaves=8,
)


@settings(max_examples=150)
@given(NESTED)
@example({"": [(), {}, "']['"], 1: None, "1": True})
def test_nested_plain_values_come_back_as_they_were(value: Any) -> None:
    before, back = flatten(value), stored(value)
    assert back.containers == before.containers
    assert list(back.leaves) == list(before.leaves)
    for path, leaf in before.leaves.items():
        found = back.leaves[path]
        assert type(found) is type(leaf)
        assert found == leaf or (found != found and leaf != leaf)  # noqa: PLR0124 - NaN
    assert compare(value, value, "exact").equal


def test_memory_formats_are_noted_and_values_stored_in_logical_order() -> None:
    image = torch.arange(120.0).reshape(2, 3, 4, 5)
    tree = stored([image, image.contiguous(memory_format=torch.channels_last), image.transpose(1, 2), image[:1, :1]])
    assert list(tree.formats.values()) == ["contiguous", "channels_last", "strided", "either"]
    found = tree.leaves["out[1]"]
    assert isinstance(found, torch.Tensor)
    assert found.is_contiguous()
    assert torch.equal(found, image)
    assert torch.equal(tree.tensors()["out[2]"], image.transpose(1, 2))


def test_views_that_are_lazy_are_resolved() -> None:
    wave = torch.tensor([1 + 2j, 3 - 4j])
    tree = stored([wave.conj(), wave.imag, torch._neg_view(tensors(1.0, -2.0))])
    assert torch.equal(tree.tensors()["out[0]"], torch.tensor([1 - 2j, 3 + 4j]))
    assert torch.equal(tree.tensors()["out[2]"], tensors(-1.0, 2.0))


def test_a_view_of_a_large_tensor_stores_its_own_elements_only(tmp_path: Path) -> None:
    save_tree(flatten(torch.zeros(1_000_000)[10:15]), tmp_path / "0")
    assert (tmp_path / "0.bin").stat().st_size == 20


def test_every_tensor_begins_at_a_multiple_of_64_bytes(tmp_path: Path) -> None:
    """So that every runtime may map the file and read it in place."""
    save_tree(flatten([torch.ones(n, dtype=torch.uint8) for n in (1, 65, 0, 3)]), tmp_path / "0")
    manifest = (tmp_path / "0.json").read_text()
    offsets = [int(part.split(",")[0]) for part in manifest.split('"offset":')[1:]]
    assert all(offset % 64 == 0 for offset in offsets)
    assert len(offsets) == 4


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([object()], "type object at out[0]"),
        ({"a": {1, 2}}, "type set at out['a']"),
        (list(range(10_001)), "more than 10000 values"),
        ({"k" * 300: tensors(1.0)}, "too long a key"),
    ],
)
def test_what_no_lite_interpreter_returns_is_named(value: Any, message: str) -> None:
    with pytest.raises(UnsupportedValueError, match=message.replace("[", r"\[")):
        flatten(value)


def test_keys_that_look_alike_are_not_taken_for_one() -> None:
    class Key:
        def __repr__(self) -> str:
            return "key"

    with pytest.raises(UnsupportedValueError, match="look alike"):
        flatten({Key(): tensors(1.0), Key(): tensors(2.0)})
