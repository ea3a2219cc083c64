"""From the record of a tensor and the bytes of its storage to the tensor, with every bound checked."""

from __future__ import annotations

import torch

from ptmobile.worker.loading.pickle_records import DamagedFileError, Quantizer, StoredTensor

# Kinds of storage (torch/_utils.py, torch/storage.py) and the dtype of their elements. Quantised tensors are read as
# their integers and given scale and zero point afterwards.
_KINDS = {
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


def dtype_of_kind(kind: str) -> torch.dtype:
    """The dtype of a storage's elements.

    Raises:
        DamagedFileError: this PyTorch has no such storage.
    """
    if kind not in _KINDS:
        raise DamagedFileError(f"a tensor is of the kind {kind or 'unknown'}, which this PyTorch does not know")
    return _KINDS[kind]


def element_size(dtype: torch.dtype) -> int:
    """The size of one element in bytes."""
    return torch.empty((), dtype=dtype).element_size()


def view_of(stored: StoredTensor, raw: torch.Tensor) -> torch.Tensor:
    """The tensor as a view of its storage's bytes; of a quantised tensor, its integers.

    Raises:
        DamagedFileError: the tensor reaches beyond the storage, or has a dtype that this PyTorch does not know.
    """
    dtype = _named_dtype(stored.dtype) if stored.dtype else dtype_of_kind(stored.storage.kind)
    width = element_size(dtype)
    flat = raw[: raw.numel() // width * width].view(dtype)
    # The storage's own offset counts elements too: only old files have one, and those name the dtype by the storage.
    first = stored.storage.first + stored.offset
    if first + _extent(stored) > flat.numel():
        raise DamagedFileError("a tensor reaches beyond its storage")
    return torch.as_strided(flat, stored.size, stored.stride, first)


def quantised(integers: torch.Tensor, quantizer: Quantizer, scale: object, zero_point: object) -> torch.Tensor:
    """Give integers their scale and zero point.

    Raises:
        DamagedFileError: the scheme is neither of the two that eager quantisation uses.
    """
    if quantizer.scheme == "per_tensor_affine" and isinstance(scale, float) and isinstance(zero_point, int):
        return torch._make_per_tensor_quantized_tensor(integers, scale, zero_point)  # noqa: SLF001 - no public one
    if quantizer.scheme == "per_channel_affine" and quantizer.axis is not None:
        make = torch._make_per_channel_quantized_tensor  # noqa: SLF001 - no public one
        return make(integers, torch.as_tensor(scale), torch.as_tensor(zero_point), quantizer.axis)
    raise DamagedFileError(f"a tensor is quantised by the scheme {quantizer.scheme}, which is not supported")


def _named_dtype(name: str) -> torch.dtype:
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise DamagedFileError(f"a tensor has the data type {name}, which this PyTorch does not know")
    return dtype


def _extent(stored: StoredTensor) -> int:
    """How many elements of the storage the tensor spans."""
    if len(stored.size) != len(stored.stride):
        raise DamagedFileError("a tensor has a shape and strides of different length")
    if 0 in stored.size:
        return 0
    return 1 + sum((size - 1) * step for size, step in zip(stored.size, stored.stride, strict=True))
