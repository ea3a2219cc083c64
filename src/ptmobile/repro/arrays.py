"""NumPy's files by hand: the host needs no NumPy for a header and raw bytes.

Formats: .npy version 1.0 (``numpy.lib.format``), .npz as an uncompressed zip of these. Dates are fixed, so that
the same values give the same bytes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import IO, Final

from ptmobile.errors import PtmobileError
from ptmobile.value_manifest import StoredTensor

_MAGIC: Final = b"\x93NUMPY\x01\x00"
_ALIGNMENT: Final = 64
_CHUNK: Final = 1 << 20
_MAX_DIMENSIONS: Final = 32  # as many as NumPy has
#: By torch's dtype: NumPy's name for the bytes, and the bytes of an element. What NumPy lacks is integers of its width.
FORMATS: Final = {
    "float32": ("<f4", 4),
    "float64": ("<f8", 8),
    "float16": ("<f2", 2),
    "bfloat16": ("<i2", 2),
    "int8": ("|i1", 1),
    "uint8": ("|u1", 1),
    "int16": ("<i2", 2),
    "int32": ("<i4", 4),
    "int64": ("<i8", 8),
    "bool": ("|b1", 1),
    "complex32": ("<i4", 4),
    "complex64": ("<c8", 8),
    "complex128": ("<c16", 16),
}


class UntrustedDataError(PtmobileError):
    """What a worker left is not what its manifest says."""


def stored_dtype(tensor: StoredTensor) -> str:
    """The dtype of the bytes: quantised values are there as float64."""
    return tensor.dtype if tensor.quantum is None else "float64"


def check(tensor: StoredTensor, data_bytes: int) -> None:
    """Nobody vouches for a manifest.

    Raises:
        UntrustedDataError: the tensor cannot be what it says.
    """
    known = FORMATS.get(stored_dtype(tensor))
    shape = tensor.shape
    if known is None or len(shape) > _MAX_DIMENSIONS or any(size < 0 for size in shape):
        raise UntrustedDataError(f"a tensor of type {tensor.dtype[:50]} with {len(shape)} dimensions")
    if tensor.size != prod(shape) * known[1] or tensor.offset < 0 or tensor.offset + tensor.size > data_bytes:
        raise UntrustedDataError("a tensor's bytes are not where its manifest says")


def header(tensor: StoredTensor) -> bytes:
    """The head of a ``.npy`` file, of a length divisible by 64."""
    text = f"{{'descr': '{FORMATS[stored_dtype(tensor)][0]}', 'fortran_order': False, 'shape': {tensor.shape!r}, }}"
    length = len(_MAGIC) + 2 + len(text) + 1
    text += " " * (-length % _ALIGNMENT) + "\n"
    return _MAGIC + len(text).to_bytes(2, "little") + text.encode("ascii")


class ArrayFile:
    """Writes a ``.npz`` array by array."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, name: str, tensor: StoredTensor, data: IO[bytes]) -> None:
        """Copy a tensor that was checked out of its data file.

        Raises:
            UntrustedDataError: the data file has become shorter.
        """
        info = zipfile.ZipInfo(f"{name}.npy")
        head = header(tensor)
        info.file_size = len(head) + tensor.size
        data.seek(tensor.offset)
        left = tensor.size
        with self._archive.open(info, "w") as sink:
            sink.write(head)
            while left:
                chunk = data.read(min(left, _CHUNK))
                if not chunk:
                    raise UntrustedDataError("a data file is shorter than its manifest says")
                sink.write(chunk)
                left -= len(chunk)


@contextmanager
def array_file(stream: IO[bytes]) -> Iterator[ArrayFile]:
    """A ``.npz`` to be written to a stream."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        yield ArrayFile(archive)
