"""Trees on disk: a manifest in JSON and the raw bytes of all tensors, each from an offset divisible by 64.

The format is plain on purpose: every runtime that is to run on the same inputs can read it, in any language.
Tensors are stored in logical (row-major) order; the memory format they had is noted beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch

from ptmobile.value_manifest import Manifest, StoredTensor
from ptmobile.worker.values.trees import Leaf, Tree, dtype_name, memory_format

ALIGNMENT = 64
Read = Callable[[Path], bytes]
# A Python float is a double that was computed from tensors, which are float32 nearly always: it is compared like those.
FLOAT = "float32"


@dataclass
class StoredTree(Tree):
    """A tree read back: tensors are contiguous; the memory format they had is in ``formats``.

    ``quanta``: the step of each quantised tensor (0 if it has one per channel); its values are dequantised, as float64,
    in which all steps of a tensor are equally large.
    """

    formats: dict[str, str] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)
    quanta: dict[str, float] = field(default_factory=dict)

    def numbers(self) -> dict[str, torch.Tensor]:
        """The leaves that are compared by value: tensors, and Python's floats as tensors."""
        floats = {path: as_tensor(leaf) for path, leaf in self.leaves.items() if isinstance(leaf, float)}
        return {**self.tensors(), **floats}


def as_tensor(number: float) -> torch.Tensor:
    """A Python float as a tensor without dimensions."""
    return torch.tensor(number, dtype=torch.float64)


def save_tree(tree: Tree, stem: Path) -> None:
    """Write ``stem.json`` and ``stem.bin``."""
    tensors: dict[str, StoredTensor] = {}
    plain: dict[str, Any] = {}
    floats: dict[str, str] = {}
    with stem.with_suffix(".bin").open("wb") as data:
        for path, leaf in tree.leaves.items():
            if isinstance(leaf, torch.Tensor):
                data.write(b"\0" * (-data.tell() % ALIGNMENT))
                tensors[path] = _write_tensor(leaf, data)
            elif isinstance(leaf, float):
                floats[path] = leaf.hex()
            else:
                plain[path] = leaf
    manifest = Manifest(
        order=tuple(tree.leaves),
        containers=tree.containers,
        tensors=tensors,
        plain=plain,
        floats=floats,
        left_out=tree.left_out,
    )
    stem.with_suffix(".json").write_bytes(msgspec.json.encode(manifest))


def _write_tensor(tensor: torch.Tensor, data: Any) -> StoredTensor:
    quantum = None
    values = tensor
    if tensor.is_quantized:
        uniform = tensor.qscheme() == torch.per_tensor_affine
        quantum = float(tensor.q_scale()) if uniform else 0.0
        values = _steps(tensor) * quantum if uniform else tensor.dequantize().to(torch.float64)
    flat = values.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    raw = torch.view_as_real(flat) if flat.is_complex() else flat
    offset = data.tell()
    data.write(memoryview(raw.contiguous().reshape(-1).view(torch.uint8).numpy()))
    return StoredTensor(
        dtype=dtype_name(tensor.dtype),
        shape=tuple(tensor.shape),
        memory_format=memory_format(tensor),
        offset=offset,
        size=data.tell() - offset,
        quantum=quantum,
    )


def _steps(tensor: torch.Tensor) -> torch.Tensor:
    """How many steps each value of a quantised tensor is away from zero."""
    return tensor.int_repr().to(torch.float64) - tensor.q_zero_point()


def load_tree(stem: Path, read: Read = Path.read_bytes) -> StoredTree:
    """Read a tree back; ``read`` gives the bytes of a file.

    Raises:
        OSError, msgspec.DecodeError, ValueError: the files are missing or damaged.
    """
    manifest = msgspec.json.decode(read(stem.with_suffix(".json")), type=Manifest)
    data = bytearray(read(stem.with_suffix(".bin")))
    leaves: dict[str, Leaf] = {path: _read_tensor(tensor, data) for path, tensor in manifest.tensors.items()}
    leaves.update(manifest.plain)
    leaves.update({path: float.fromhex(text) for path, text in manifest.floats.items()})
    stored = manifest.tensors
    return StoredTree(
        containers=dict(manifest.containers),
        leaves={path: leaves[path] for path in manifest.order},
        left_out=manifest.left_out,
        formats={path: tensor.memory_format for path, tensor in stored.items()},
        dtypes={path: tensor.dtype for path, tensor in stored.items()},
        quanta={path: tensor.quantum for path, tensor in stored.items() if tensor.quantum is not None},
    )


def _read_tensor(stored: StoredTensor, data: bytearray) -> torch.Tensor:
    quantised = stored.quantum is not None
    dtype = torch.float64 if quantised else getattr(torch, stored.dtype)
    if stored.size == 0:
        return torch.empty(stored.shape, dtype=dtype)
    if stored.offset + stored.size > len(data):
        raise ValueError("the data file is shorter than its manifest says")
    flat = torch.frombuffer(data, dtype=torch.uint8, offset=stored.offset, count=stored.size)
    if dtype.is_complex:
        real = torch.float64 if dtype == torch.complex128 else torch.float32
        return torch.view_as_complex(flat.view(real).reshape(-1, 2)).reshape(stored.shape)
    return flat.view(dtype).reshape(stored.shape)
