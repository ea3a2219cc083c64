"""Shapes, sizes and numbers of arguments that do not fit: mostly the example inputs, sometimes the model."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

SHAPES: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="view-size",
        says="shape '[2, 2, 2]' is invalid for input of size 12",
        patterns=(r"shape '\[.{1,80}\]' is invalid for input of size",),
        cause=(
            "A reshape has fixed sizes that do not fit this input: written in the model, or written down by tracing."
        ),
        remedy="Write -1 or x.shape[0] (without int()) in view and reshape; for a trace, use `method: script`.",
        source=("pytorch/pytorch#38472", "pytorch/pytorch#59530", "aten/src/ATen/InferSize.h"),
        example="RuntimeError: shape '[2, 2, 2]' is invalid for input of size 12",
    ),
    KnownError(
        id="view-strides",
        says="view size is not compatible with input tensor's size and stride",
        patterns=(r"view size is not compatible with input tensor's size and stride",),
        cause=(
            "view() needs values that lie side by side; after a transpose, or for channels_last images, they do not."
        ),
        remedy="Write reshape instead of view.",
        source=("aten/src/ATen/native/TensorShape.cpp",),
        example=(
            "RuntimeError: view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        ),
    ),
    KnownError(
        id="input-channels",
        says="expected input[1, 1, 8, 8] to have 3 channels, but got 1 channels instead",
        patterns=(r"to have (?P<wanted>\d{1,9}) channels, but got (?P<found>\d{1,9}) channels",),
        cause="A convolution got another number of channels than it was made for.",
        detail="It wants {wanted} and got {found}.",
        remedy="Check the shapes given in `inputs`: images are [batch, channels, height, width].",
        source=("aten/src/ATen/native/Convolution.cpp",),
        example=(
            "RuntimeError: Given groups=1, weight of size [4, 3, 3, 3], expected input[1, 1, 8, 8] to have 3 "
            "channels, but got 1 channels instead"
        ),
    ),
    KnownError(
        id="matrix-sizes",
        says="mat1 and mat2 shapes cannot be multiplied (2x5 and 4x2)",
        patterns=(
            r"mat1 and mat2 shapes cannot be multiplied",
            r"Expected size for first two dimensions of batch2 tensor",
            r"size mismatch, got",
        ),
        cause="A linear layer or a product got another number of features than it was made for.",
        remedy=(
            "Check the shapes given in `inputs`; behind flattened convolutions the number of features depends on "
            "the size of the image."
        ),
        source=("aten/src/ATen/native/LinearAlgebra.cpp",),
        example="RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x5 and 4x2)",
    ),
    KnownError(
        id="feature-size",
        says="input.size(-1) must be equal to input_size. Expected 4, got 6",
        patterns=(
            r"input\.size\(-1\) must be equal to input_size",
            r"Given normalized_shape=.{1,60}, expected input with shape",
            r"running_mean should contain \d{1,9} elements not \d{1,9}",
            r"was expecting embedding dimension of",
            r"Expected weight to be a vector of size equal to the number of channels",
            r"Expected hidden(?:\[\d\])? size",
        ),
        cause="A layer got another number of features, channels or hidden values than it was made for.",
        remedy=(
            "Check the shapes given in `inputs`, also their order: nn.LSTM is [length, batch, features] by default."
        ),
        source=("torch/nn/modules/rnn.py", "aten/src/ATen/native/Normalization.cpp"),
        example="RuntimeError: input.size(-1) must be equal to input_size. Expected 4, got 6",
    ),
    KnownError(
        id="sizes-differ",
        says="The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1",
        patterns=(
            r"The size of tensor a \(\d{1,12}\) must match",
            r"Sizes of tensors must match except in dimension",
            r"stack expects each tensor to be equal size",
            r"Tensors must have same number of dimensions",
        ),
        cause="Two tensors that are put together have different sizes.",
        remedy=(
            "Check the shapes given in `inputs`; sizes that a trace or the model has fixed have to follow x.shape."
        ),
        source=("aten/src/ATen/ExpandUtils.cpp", "aten/src/ATen/native/TensorShape.cpp"),
        example=(
            "RuntimeError: The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1"
        ),
    ),
    KnownError(
        id="input-too-small",
        says="Kernel size can't be greater than actual input size",
        patterns=(
            r"Kernel size can't be greater than actual input size",
            r"Output size is too small",
            r"Padding size should be less than the corresponding input dimension",
        ),
        cause="The image is smaller than a kernel, or has shrunk to nothing on its way through the model.",
        remedy="Give larger images in `inputs`: the size that the model was trained with is a good one.",
        source=("aten/src/ATen/native/Convolution.cpp", "aten/src/ATen/native/Pool.h"),
        example=(
            "RuntimeError: Calculated padded input size per channel: (8 x 8). Kernel size: (9 x 9). Kernel size "
            "can't be greater than actual input size"
        ),
    ),
    KnownError(
        id="number-of-dimensions",
        says="Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [3, 8]",
        patterns=(
            r"Expected \dD \(unbatched\) or \dD \(batched\) input",
            r"expected \dD(?: or \dD)? input \(got \dD input\)",
            r"input must have \d dimensions, got \d",
        ),
        cause="The input has another number of dimensions than a layer takes.",
        remedy="Check the shapes given in `inputs`; the batch comes first: [1, 3, 224, 224] for one image.",
        source=("aten/src/ATen/native/Convolution.cpp", "torch/nn/modules/batchnorm.py"),
        example="RuntimeError: Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [3, 8]",
    ),
    KnownError(
        id="batch-norm-training",
        says="Expected more than 1 value per channel when training",
        patterns=(r"Expected more than 1 (?:value per channel|spatial element) when training",),
        cause="A normalisation is in training mode and got one value per channel to compute a spread of.",
        remedy=(
            "Call model.eval(); ptmobile does, so that forward or an overridden train() must have switched it back."
        ),
        source=("torch/nn/functional.py",),
        example="ValueError: Expected more than 1 value per channel when training, got input size torch.Size([1, 4])",
    ),
    KnownError(
        id="index-range",
        says="index out of range in self",
        patterns=(r"index out of range in self", r"index -?\d{1,19} is out of bounds for dimension"),
        cause="An index, such as a token of an embedding, is larger than the table that it points into.",
        remedy="Give integer inputs a `range` that fits the model, such as [0, vocabulary size].",
        source=("aten/src/ATen/native/TensorAdvancedIndexing.cpp",),
        example="IndexError: index out of range in self",
    ),
    KnownError(
        id="dimension-range",
        says="Dimension out of range (expected to be in range of [-2, 1], but got 2)",
        patterns=(r"Dimension out of range \(expected to be in range",),
        cause="The model asks for a dimension that its input does not have.",
        remedy="Check the shapes given in `inputs`: probably a batch or channel dimension is missing.",
        source=("c10/core/WrapDimMinimal.cpp",),
        example="IndexError: Dimension out of range (expected to be in range of [-2, 1], but got 5)",
    ),
    KnownError(
        id="list-of-images",
        says="images is expected to be a list of 3d tensors of shape [C, H, W], got torch.Size([64, 64])",
        patterns=(r"images is expected to be a list of 3d tensors",),
        cause="A detector of torchvision takes a list of images; here it got one tensor, and took its first dimension.",
        remedy="Say in `inputs` that the argument is a list: {shape: [3, 320, 320], list-of: 1}.",
        source=("torchvision/models/detection/transform.py",),
        example="ValueError: images is expected to be a list of 3d tensors of shape [C, H, W], got torch.Size([8, 8])",
    ),
    KnownError(
        id="number-of-arguments",
        says="forward() missing 1 required positional argument",
        patterns=(
            r"missing \d{1,3} required positional argument",
            r"takes \d{1,3} positional arguments? but \d{1,3} were given",
            r"takes from \d{1,3} to \d{1,3} positional arguments but",
        ),
        cause="forward takes another number of arguments than were given.",
        remedy=(
            "Give one entry in `inputs` per argument of forward; a data file gives all it holds, unless `key` "
            "names one. Arguments of the constructor go into `model-args`."
        ),
        source=("Python",),
        example="TypeError: Bilinear.forward() missing 1 required positional argument: 'input2'",
    ),
    KnownError(
        id="forward-missing",
        says='Module [Net] is missing the required "forward" function',
        patterns=(r"is missing the required \"forward\" function",),
        cause="The class has no forward, or one that is spelled or indented otherwise.",
        remedy="Define forward in the class that `model` names.",
        source=("torch/nn/modules/module.py",),
        example='NotImplementedError: Module [Net] is missing the required "forward" function',
    ),
    KnownError(
        id="value-of-many",
        says="Boolean value of Tensor with more than one value is ambiguous",
        patterns=(
            r"Boolean value of Tensor with more than one value is ambiguous",
            r"only one element tensors can be converted to Python scalars",
            r"a Tensor with \d{1,12} elements cannot be converted to Scalar",
        ),
        cause="A whole tensor is used as one truth value or number, often where a batch is larger than one.",
        remedy=(
            "Use .any() or .all(), torch.where, or an index; give a batch of one in `inputs` if the model is made "
            "for one."
        ),
        source=("aten/src/ATen/native/TensorCompare.cpp",),
        example="RuntimeError: Boolean value of Tensor with more than one value is ambiguous",
    ),
    KnownError(
        id="empty-list",
        says="stack expects a non-empty TensorList",
        patterns=(r"expects a non-empty TensorList", r"expected a non-empty list of Tensors"),
        cause="The model puts together a list that is empty for this input.",
        remedy="Guard that case in the model, or give inputs for which there is something (detections, rows).",
        source=("aten/src/ATen/native/TensorShape.cpp",),
        example="RuntimeError: stack expects a non-empty TensorList",
    ),
)
