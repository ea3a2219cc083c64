"""Data types that do not fit."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

DATA_TYPES: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="half-on-cpu",
        says="\"slow_conv2d_cpu\" not implemented for 'Half'",
        patterns=(r"\"\w{1,60}\" not implemented for 'Half'",),
        cause=(
            "The model is in half precision, which torch 1.13 cannot compute on a CPU; a phone's library cannot either."
        ),
        remedy=(
            "Bring it to float32 before converting: model.float() in the factory. Quantisation makes a file small."
        ),
        source=("pytorch/android-demo-app#30", "aten/src/ATen/Dispatch.h"),
        example="RuntimeError: \"slow_conv2d_cpu\" not implemented for 'Half'",
    ),
    KnownError(
        id="index-dtype",
        says="Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int",
        patterns=(
            (
                r"Expected tensor for argument #\d{1,2} '\w{1,40}' to have (?:one of the following scalar "
                r"types|scalar type)"
            ),
        ),
        cause="An argument has another data type than its operator takes; indices of an embedding are integers.",
        remedy="Check the dtypes in `inputs`: {shape: [2, 9], dtype: int64, range: [0, 50]} for indices.",
        source=("aten/src/ATen/native/Embedding.cpp",),
        example=(
            "RuntimeError: Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            "Long, Int; but got torch.FloatTensor instead (while checking arguments for embedding)"
        ),
    ),
    KnownError(
        id="dtypes-differ",
        says="expected scalar type Float but found Double",
        patterns=(
            r"expected scalar type \w{1,20} but found \w{1,20}",
            r"mat1 and mat2 must have the same dtype",
            r"Input type \(.{1,40}\) and (?:bias|weight) type \(.{1,40}\) should be the same",
            r"mixed dtype \(CPU\): expect input to have scalar type",
            r"must have the same dtype",
        ),
        cause=(
            "Two tensors that are computed with each other have different data types: the input's and the "
            "weights', mostly."
        ),
        remedy=(
            "Check the dtypes in `inputs` (float32 by default), or cast in the model: x.float(), "
            "x.to(self.weight.dtype)."
        ),
        source=("aten/src/ATen/native/LinearAlgebra.cpp", "aten/src/ATen/native/Convolution.cpp"),
        example="RuntimeError: expected scalar type Float but found Double",
    ),
    KnownError(
        id="result-dtype",
        says="result type Float can't be cast to the desired output type Long",
        patterns=(r"result type \w{1,20} can't be cast to the desired output type",),
        cause=(
            "An operation in place puts a fraction into a tensor of integers; in the library 1.12.2 torch.hann_window "
            "does so by itself, and with it torch.stft."
        ),
        remedy=(
            "Write x = x + y instead of x += y, or make the tensor float32; make a window in __init__ and keep it as a "
            "buffer."
        ),
        source=("aten/src/ATen/TensorIterator.cpp", "docs/how-it-works.md"),
        example="RuntimeError: result type Float can't be cast to the desired output type Long",
    ),
    KnownError(
        id="dtype-unsupported",
        says="\"softmax_lastdim_kernel_impl\" not implemented for 'Long'",
        patterns=(
            r"\"\w{1,60}\" not implemented for '\w{1,20}'",
            r"Input dtype must be either a floating point or complex dtype",
            r"Boolean inputs not supported for",
            r"operator, with (?:a|two) bool tensors? is not supported",
        ),
        cause="An operation has no kernel for this data type: integers or booleans where fractions are needed.",
        remedy="Check the dtypes in `inputs`, or cast before it: x.float(); ~mask instead of 1 - mask.",
        source=("aten/src/ATen/Dispatch.h",),
        example="RuntimeError: \"softmax_lastdim_kernel_impl\" not implemented for 'Long'",
    ),
    KnownError(
        id="numpy-needs-detach",
        says="Can't call numpy() on Tensor that requires grad",
        patterns=(r"Can't call numpy\(\) on Tensor that requires grad",),
        cause="A tensor with gradients is to become a NumPy array.",
        remedy="Leave NumPy out of forward; elsewhere write x.detach().numpy().",
        source=("torch/csrc/utils/tensor_numpy.cpp",),
        example="RuntimeError: Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
    ),
)
