"""Operators that a library lacks, has in another form, or has without what they need."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

OPERATORS: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="torchvision-operators",
        says="Following ops cannot be found: [torchvision::nms]",
        patterns=(
            r"ops cannot be found.{0,120}torchvision::(?P<name>\w{1,60})",
            r"discuss\.pytorch\.org/torchvision::(?P<name>\w{1,60})",
            r"Unknown builtin op: torchvision::(?P<name>\w{1,60})",
        ),
        stages=("load", "lite", "device"),
        cause="The model calls an operator of torchvision, which the library of PyTorch does not contain.",
        detail="The operator: {name}.",
        remedy=(
            "Name the release in `runtime` with `repair: auto`, which writes nms and roi_align with PyTorch's own "
            "operators. Or in the app add org.pytorch:torchvision_ops (iOS: LibTorchvision) and load it by "
            'NativeLoader.loadLibrary("torchvision_ops").'
        ),
        source=("pytorch/android-demo-app#178", "pytorch/android-demo-app#319", "pytorch/vision#2581"),
        example=(
            "com.facebook.jni.CppException: Following ops cannot be found. Check fburl.com/missing_ops for the "
            "fix.{torchvision::roi_align, torchvision::nms, } ()"
        ),
    ),
    KnownError(
        id="attention-operator",
        says="Following ops cannot be found: [aten::scaled_dot_product_attention]",
        patterns=(
            (
                r"ops cannot be "
                r"found.{0,120}aten::(?P<name>scaled_dot_product_attention|_transformer_encoder_layer_fwd)"
            ),
        ),
        stages=("lite", "backported", "device"),
        cause="The model has the fused attention of a newer torch, which this library lacks.",
        detail="The operator: {name}.",
        remedy=(
            "Convert with ptmobile's torch 1.13.1, which writes attention out; or write it as softmax of a "
            "matmul. Traced models hold only what they use."
        ),
        source=("pytorch/pytorch: nn.MultiheadAttention of 2.x", "torch/csrc/jit/mobile/function.cpp"),
        example=(
            "RuntimeError: Following ops cannot be found: [aten::scaled_dot_product_attention]. Please check if "
            "the operator library is included in the build."
        ),
    ),
    KnownError(
        id="operator-missing",
        says="Following ops cannot be found: [...]",
        patterns=(
            r"ops cannot be found: \[(?P<name>[\w:.]{1,80})",
            r"ops cannot be found.{0,60}fix\.\{(?P<name>[\w:.]{1,80})",
            r"discuss\.pytorch\.org/(?P<name>[a-z]{1,20}::[\w.]{1,80})",
        ),
        stages=("lite", "backported", "device"),
        cause="The app's library lacks operators of this file: it is older, or was built with a selection.",
        detail="The first of them: {name} (newer libraries name one at a time).",
        remedy=(
            "Name the release in `runtime` with `repair: auto`, which rewrites what it can; move the app to a "
            "newer release; express it otherwise; or build with all operators."
        ),
        source=("torch/csrc/jit/mobile/function.cpp",),
        example=(
            "com.facebook.jni.CppException: Following ops cannot be found: [aten::pad]. Please check if the "
            "operator library is included in the build. If built with selected ops, check if these ops are in the "
            "list."
        ),
    ),
    KnownError(
        id="torchscript-operator-missing",
        says="Unknown builtin op: aten::... Could not find any similar ops",
        patterns=(
            r"Unknown builtin op: (?P<name>[\w:.]{1,80})\.",
            r"Couldn't find an operator for (?P<name>[\w:.]{1,80})",
        ),
        stages=("load", "scripted", "device"),
        cause="The torch that reads this TorchScript lacks an operator: it is older than the one that saved it.",
        detail="The operator: {name}.",
        remedy=(
            "Save the file with the same release, or an older one; load the library that defines a custom "
            "operator first; or give ptmobile the model's class."
        ),
        source=("pytorch/pytorch#27726", "pytorch/pytorch#70159", "torch/csrc/jit/frontend/schema_matching.cpp"),
        example=(
            "com.facebook.jni.CppException: Unknown builtin op: aten::reflection_pad3d. Could not find any "
            "similar ops to aten::reflection_pad3d. This op may not exist or may not be currently supported in "
            "TorchScript."
        ),
    ),
    KnownError(
        id="operator-default-missing",
        says="Error happened at preparing for default values for the argument. The 1th argument dim",
        patterns=(r"preparing for default values for the argument\. The \d{1,3}th argument (?P<name>\w{1,60})",),
        stages=("lite", "backported", "device"),
        cause=(
            "The file calls an operator with fewer arguments than this older library has defaults for (std, var "
            "of 2.x)."
        ),
        detail="The argument: {name}.",
        remedy=(
            "Convert with a torch no newer than the app's library (ptmobile's is 1.13.1), or use `method: script`."
        ),
        source=("torch/csrc/jit/mobile/function.cpp",),
        example=(
            "RuntimeError: Error happened at preparing for default values for the argument. The 1th argument dim "
            "does not have a specified value or default value."
        ),
    ),
    KnownError(
        id="lapack-missing",
        says="inverse: LAPACK library not found in compilation",
        patterns=(r"LAPACK library not found in compilation",),
        cause=(
            "The library is built without LAPACK, as all published mobile ones are: no inv, solve, svd, qr, "
            "cholesky, det."
        ),
        remedy="Compute it before converting and keep it as a buffer, or write it with plain operations.",
        source=("pytorch/pytorch#61693", "pytorch/pytorch#62676", "aten/src/ATen/native/BatchLinearAlgebraKernel.cpp"),
        example="com.facebook.jni.CppException: inverse: LAPACK library not found in compilation",
    ),
    KnownError(
        id="fft-missing",
        says="fft: ATen not compiled with FFT support",
        patterns=(r"not compiled with (?:FFT|MKL) support", r"compiled without FFT support"),
        cause="The library is built without FFT, as those up to 1.10 are; 1.12.2 has it.",
        remedy="Move the app to pytorch_android_lite 1.12.2 or newer, or compute the spectrum in the app.",
        source=("pytorch/pytorch#67842", "pytorch/pytorch#29796", "aten/src/ATen/native/mkl/SpectralOps.cpp"),
        example="com.facebook.jni.CppException: fft: ATen not compiled with FFT support",
    ),
)
