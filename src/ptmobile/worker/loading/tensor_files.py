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

from ptmobile.worker.loading.pickle_records import DamagedFileError, Named, StoredTensor
from ptmobile.worker.loading.safe_unpickler import load
from ptmobile.worker.loading.stored_tensors import dtype_of_kind, element_size, quantised, view_of

# torch.serialization.MAGIC_NUMBER and PROTOCOL_VERSION.
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
# No stream of deflate grows more when it is unpacked.
_DEFLATE_LIMIT = 1032
_CHUNK = 8 * 1024 * 1024


class TensorFile(Protocol):
    """An open file: what it holds, and its tensors when they are asked for."""

    @property
    def contents(self) -> object:
        """The object in the file; tensors may be records still."""

    def materialise(self, value: object) -> object:
        """The value with its tensors read, also those in tuples and lists.

        Raises:
            DamagedFileError: a tensor reaches beyond the file, or its bytes are damaged.
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
        key = stored.storage.key
        if key not in self._storages:
            self._storages[key] = self._read(key)
        tensor = view_of(stored, self._storages[key])
        quantizer = stored.quantizer
        if quantizer is None:
            return tensor
        scale, zero_point = self.materialise(quantizer.scale), self.materialise(quantizer.zero_point)
        return quantised(tensor, quantizer, scale, zero_point)

    def _read(self, key: str) -> torch.Tensor:
        raise NotImplementedError


class ZipCheckpoint(_StoredFile):
    """The form since PyTorch 1.6: a zip archive with ``data.pkl`` and one member per storage."""

    def __init__(self, path: Path) -> None:
        """Open the archive and read its pickle.

        Raises:
            DamagedFileError, zipfile.BadZipFile, OSError: it cannot be read.
        """
        self._archive = zipfile.ZipFile(path)
        super().__init__(self._archive)
        self._size = path.stat().st_size
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
            raise DamagedFileError(f"the bytes of the tensor {key} are missing") from None
        if member.file_size > self._size * _DEFLATE_LIMIT:
            raise DamagedFileError(f"the tensor {key} claims to be larger than the file can be")
        try:
            with self._archive.open(member) as file:
                return _bytes(file, member.file_size)
        except DamagedFileError:
            raise
        except Exception as error:
            # Whatever the standard library raises for a damaged member: BadZipFile, zlib.error, EOFError, ...
            raise DamagedFileError(str(error) or type(error).__name__) from error


class OldCheckpoint(_StoredFile):
    """The form before PyTorch 1.6: pickles one after the other, then the storages."""

    def __init__(self, path: Path) -> None:
        """Open the file, read its pickles, and find where each storage begins.

        Raises:
            DamagedFileError, OSError: it cannot be read.
        """
        self._stream = path.open("rb")
        super().__init__(self._stream)
        self._size = path.stat().st_size
        kinds: dict[str, str] = {}
        self.contents = self._head(kinds)
        keys = load(self._stream)
        self._places: dict[str, tuple[int, int]] = {}
        for key in keys if isinstance(keys, list) else ():
            count = int.from_bytes(self._stream.read(8), "little", signed=True)
            size = count * element_size(dtype_of_kind(kinds.get(key, "")))
            start = self._stream.tell()
            if count < 0 or start + size > self._size:
                raise DamagedFileError("the file is cut off")
            self._places[key] = (start, size)
            self._stream.seek(start + size)

    def _head(self, kinds: dict[str, str]) -> object:
        """The object, behind the three pickles that every such file begins with."""
        first = load(self._stream)
        if first != _MAGIC:
            raise DamagedFileError("it was not written by torch.save but by pickle.dump or another program")
        if load(self._stream) != _PROTOCOL:
            raise DamagedFileError("it has an unknown protocol version")
        system = load(self._stream)
        _check_byte_order(not isinstance(system, dict) or system.get("little_endian") is not False)
        return load(self._stream, kinds)

    def _read(self, key: str) -> torch.Tensor:
        if key not in self._places:
            raise DamagedFileError(f"the bytes of the tensor {key} are missing")
        start, size = self._places[key]
        self._stream.seek(start)
        return _bytes(self._stream, size)


def _bytes(file: IO[bytes], size: int) -> torch.Tensor:
    raw = torch.empty(size, dtype=torch.uint8)
    view = memoryview(raw.numpy())
    position = 0
    while position < size:
        chunk = file.read(min(_CHUNK, size - position))
        if not chunk:
            raise DamagedFileError("the file is cut off")
        view[position : position + len(chunk)] = chunk
        position += len(chunk)
    return raw


def _check_byte_order(little: bool) -> None:
    if little is not (sys.byteorder == "little"):
        raise DamagedFileError("it was written on a machine of the other byte order")
