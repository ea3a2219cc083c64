"""Checkpoints of ``torch.save``, in both of its forms, opened without running anything in them.

The pickle inside is read by :mod:`~ptmobile.worker.loading.safe_unpickler`; a tensor's bytes are read when it is asked
for, so the optimiser's state beside the weights of a training checkpoint, twice their size, is never read at all.
Lengths in the file are checked before they are used: ``torch.load`` of 1.13 reads as far as the pickle says.

Facts about the two forms: torch/serialization.py of PyTorch 1.13 (``_save``, ``_legacy_save``).
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import IO, Protocol, Self

import torch

from ptmobile.worker.loading.pickle_records import DamagedPickleError, Named, Quantizer, StoredTensor
from ptmobile.worker.loading.safe_unpickler import load

# torch.serialization.MAGIC_NUMBER and PROTOCOL_VERSION.
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_CHUNK = 8 * 1024 * 1024
# Kinds of storage (torch/_utils.py, torch/storage.py) and the dtype of their elements. Quantised tensors are read as
# their integers and given scale and zero point afterwards.
_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "ShortStorage": torch.int16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "UntypedStorage": torch.uint8,
    "_UntypedStorage": torch.uint8,
    "QUInt8Storage": torch.uint8,
    "QInt8Storage": torch.int8,
    "QInt32Storage": torch.int32,
}


class TensorFile(Protocol):
    """An open file: what it holds, and its tensors when they are asked for."""

    @property
    def contents(self) -> object:
        """The object in the file; tensors may be records still."""

    def materialise(self, value: object) -> object:
        """The value with its tensors read, also those in tuples and lists.

        Raises:
            DamagedPickleError: a tensor reaches beyond the file, or its bytes are damaged.
        """

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class LoadedFile:
    """A file whose tensors are in memory already: safetensors, TorchScript, or the full pickle."""

    def __init__(self, contents: object) -> None:
        self.contents = contents

    def materialise(self, value: object) -> object:
        """The value as it is."""
        return value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _StoredFile:
    """What both forms of ``torch.save`` have in common. Tensors that share a storage go on sharing it."""

    contents: object

    def __init__(self, file: IO[bytes] | zipfile.ZipFile) -> None:
        self._file = file
        self._storages: dict[str, torch.Tensor] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._storages.clear()
        self._file.close()

    def materialise(self, value: object) -> object:
        """The value with its tensors read; names of dtypes, which quantised modules store, become those dtypes."""
        if isinstance(value, StoredTensor):
            return self._tensor(value)
        if isinstance(value, Named) and value.name.startswith("torch."):
            constant = getattr(torch, value.last, None)
            return constant if isinstance(constant, torch.dtype) else value
        if isinstance(value, tuple | list):
            return type(value)(self.materialise(item) for item in value)
        return value

    def _tensor(self, stored: StoredTensor) -> torch.Tensor:
        dtype = _dtype(stored)
        key = stored.storage.key
        if key not in self._storages:
            self._storages[key] = self._read(key)
        raw = self._storages[key]
        width = torch.empty((), dtype=dtype).element_size()
        flat = raw[: raw.numel() // width * width].view(dtype)
        # An offset of the storage counts its own elements; only old files have one, and those name every dtype.
        first = stored.storage.first + stored.offset
        if first + _extent(stored) > flat.numel():
            raise DamagedPickleError("a tensor reaches beyond its storage")
        tensor = torch.as_strided(flat, stored.size, stored.stride, first)
        return tensor if stored.quantizer is None else self._quantised(tensor, stored.quantizer)

    def _quantised(self, integers: torch.Tensor, quantizer: Quantizer) -> torch.Tensor:
        scale, zero_point = self.materialise(quantizer.scale), self.materialise(quantizer.zero_point)
        if quantizer.scheme == "per_tensor_affine" and isinstance(scale, float) and isinstance(zero_point, int):
            return torch._make_per_tensor_quantized_tensor(integers, scale, zero_point)  # noqa: SLF001 - no public one
        if quantizer.scheme == "per_channel_affine" and quantizer.axis is not None:
            scales, zero_points = torch.as_tensor(scale), torch.as_tensor(zero_point)
            make = torch._make_per_channel_quantized_tensor  # noqa: SLF001 - there is no public one
            return make(integers, scales, zero_points, quantizer.axis)
        raise DamagedPickleError(f"a tensor is quantised by the scheme {quantizer.scheme}, which is not supported")

    def _read(self, key: str) -> torch.Tensor:
        raise NotImplementedError


class ZipCheckpoint(_StoredFile):
    """The form since PyTorch 1.6: a zip archive with ``data.pkl`` and one member per storage."""

    def __init__(self, path: Path) -> None:
        """Open the archive and read its pickle.

        Raises:
            DamagedPickleError, zipfile.BadZipFile, OSError: it cannot be read.
        """
        self._archive = zipfile.ZipFile(path)
        super().__init__(self._archive)
        names = self._archive.namelist()
        self._root = next(name for name in names if name.partition("/")[2] == "data.pkl").partition("/")[0]
        if f"{self._root}/byteorder" in names:
            _check_byte_order(self._archive.read(f"{self._root}/byteorder") == b"little")
        with self._archive.open(f"{self._root}/data.pkl") as file:
            self.contents = load(file)

    def _read(self, key: str) -> torch.Tensor:
        try:
            member = self._archive.getinfo(f"{self._root}/data/{key}")
        except KeyError:
            raise DamagedPickleError(f"the bytes of the tensor {key} are missing") from None
        with self._archive.open(member) as file:
            return _bytes(file, member.file_size)


class OldCheckpoint(_StoredFile):
    """The form before PyTorch 1.6: pickles one after the other, then the storages."""

    def __init__(self, path: Path) -> None:
        """Open the file, read its pickles, and find where each storage begins.

        Raises:
            DamagedPickleError, OSError: it cannot be read.
        """
        self._stream = path.open("rb")
        super().__init__(self._stream)
        self._size = path.stat().st_size
        kinds: dict[str, str] = {}
        self.contents = self._head(kinds)
        keys = load(self._stream)
        self._places: dict[str, tuple[int, int]] = {}
        for key in keys if isinstance(keys, list) else ():
            dtype = _DTYPES.get(kinds.get(key, ""))
            if dtype is None:
                raise DamagedPickleError(f"a storage is of the unknown kind {kinds.get(key, key)}")
            count = int.from_bytes(self._stream.read(8), "little", signed=True)
            size = count * torch.empty((), dtype=dtype).element_size()
            start = self._stream.tell()
            if count < 0 or start + size > self._size:
                raise DamagedPickleError("the file is cut off")
            self._places[key] = (start, size)
            self._stream.seek(start + size)

    def _head(self, kinds: dict[str, str]) -> object:
        """The object, behind the three pickles that every such file begins with."""
        first = load(self._stream)
        if first != _MAGIC:
            raise DamagedPickleError("it was not written by torch.save but by pickle.dump or another program")
        if load(self._stream) != _PROTOCOL:
            raise DamagedPickleError("it has an unknown protocol version")
        system = load(self._stream)
        _check_byte_order(not isinstance(system, dict) or system.get("little_endian") is not False)
        return load(self._stream, kinds)

    def _read(self, key: str) -> torch.Tensor:
        if key not in self._places:
            raise DamagedPickleError(f"the bytes of the tensor {key} are missing")
        start, size = self._places[key]
        self._stream.seek(start)
        return _bytes(self._stream, size)


def _dtype(stored: StoredTensor) -> torch.dtype:
    name = stored.dtype or stored.storage.kind
    dtype = getattr(torch, name, None) if stored.dtype else _DTYPES.get(name)
    if not isinstance(dtype, torch.dtype):
        raise DamagedPickleError(f"a tensor has the data type {name}, which this PyTorch does not know")
    return dtype


def _extent(stored: StoredTensor) -> int:
    """How many elements of the storage the tensor spans."""
    if 0 in stored.size:
        return 0
    if len(stored.size) != len(stored.stride):
        raise DamagedPickleError("a tensor has a shape and strides of different length")
    return 1 + sum((size - 1) * step for size, step in zip(stored.size, stored.stride, strict=True))


def _bytes(file: IO[bytes], size: int) -> torch.Tensor:
    raw = torch.empty(size, dtype=torch.uint8)
    view = memoryview(raw.numpy())
    position = 0
    while position < size:
        chunk = file.read(min(_CHUNK, size - position))
        if not chunk:
            raise DamagedPickleError("the file is cut off")
        view[position : position + len(chunk)] = chunk
        position += len(chunk)
    return raw


def _check_byte_order(little: bool) -> None:
    if little is not (sys.byteorder == "little"):
        raise DamagedPickleError("it was written on a machine of the other byte order")
