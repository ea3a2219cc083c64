"""Why a file is not loaded: its kind, its versions, its records."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

FILES: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="bytecode-version",
        says="The model version must be between 3 and 7 but the model version is 8",
        patterns=(
            (
                r"The model version must be between (?P<low>\d{1,4}) and (?P<high>\d{1,4}) ?[Bb]ut the model "
                r"version is (?P<found>\d{1,4})"
            ),
        ),
        stages=("lite", "backported", "device"),
        cause="The app's library is older than the torch that saved the file, or the file is from before 1.8.",
        detail="The file has bytecode {found}, the library reads {low} to {high}.",
        remedy=(
            "Name the app's release in `runtime`, or in `backport-to`: the file for it is written in older "
            "bytecode and checked. Or move the app to pytorch_android_lite 1.12.2 or newer."
        ),
        source=(
            "pytorch/android-demo-app#217",
            "pytorch/android-demo-app#263",
            "pytorch/android-demo-app#283",
            "torch/csrc/jit/mobile/import.cpp",
        ),
        example=(
            "com.facebook.jni.CppException: Lite Interpreter version number does not match. The model version "
            "must be between 3 and 7 but the model version is 8 ()"
        ),
    ),
    KnownError(
        id="archive-version",
        says="Attempted to read a PyTorch file with version 10, but the maximum supported version for reading is 6",
        patterns=(
            (
                r"Attempted to read a PyTorch file with version (?P<found>\d{1,4}), but the maximum supported "
                r"version for reading is (?P<high>\d{1,4})"
            ),
        ),
        stages=("load", "lite", "backported", "device"),
        cause="An operator raised the file's archive version, and no backport lowers it; gelu raises it to 10.",
        detail="The file has {found}, the library reads up to {high}.",
        remedy=(
            "Name the app's release in `runtime` with `repair: auto`, which rewrites gelu; or write 0.5 * x * (1 "
            "+ torch.erf(x / 2 ** 0.5)); or move the app to 1.12.2 or newer."
        ),
        source=("pytorch/android-demo-app#272", "caffe2/serialize/inline_container.cc", "caffe2/serialize/versions.h"),
        example=(
            "com.facebook.jni.CppException: [enforce fail at inline_container.cc:169] . Attempted to read a "
            "PyTorch file with version 10, but the maximum supported version for reading is 6. Your PyTorch "
            "installation may be too old."
        ),
    ),
    KnownError(
        id="debug-records",
        says="isTuple() INTERNAL ASSERT FAILED ... Expected Tuple but got String",
        patterns=(r"Expected Tuple but got String",),
        stages=("lite", "backported", "device"),
        cause=(
            "The file has *.debug_pkl records in the form of torch 1.12 and newer, on which libraries up to 1.11 "
            "abort when they load a backported file."
        ),
        remedy="Make the file with ptmobile, which leaves these records out; or move the app to 1.12.2 or newer.",
        source=("pytorch/pytorch#82312", "pytorch/pytorch#72596", "torch/csrc/jit/mobile/debug_info.cpp"),
        example=(
            'isTuple()INTERNAL ASSERT FAILED at "../aten/src/ATen/core/ivalue_inl.h":1306, please report a bug to '
            "PyTorch. Expected Tuple but got String"
        ),
    ),
    KnownError(
        id="xnnpack-missing-at-load",
        says="isGenericDict() INTERNAL ASSERT FAILED ... Expected GenericDict but got Tuple",
        patterns=(r"Expected GenericDict but got Tuple",),
        stages=("lite", "backported", "device"),
        cause=(
            "The file holds objects of a C++ class that this library lacks: weights packed for XNNPACK by "
            "optimize_for_mobile, read by a torch without XNNPACK (2.13 and newer)."
        ),
        remedy="Use a library with XNNPACK (all published Android and iOS ones), or set `optimize: false`.",
        source=("pytorch/pytorch#185297", "torch/csrc/jit/mobile/import.cpp"),
        example=(
            'RuntimeError: isGenericDict() INTERNAL ASSERT FAILED at "./aten/src/ATen/core/ivalue_inl.h":1945, '
            "please report a bug to PyTorch. Expected GenericDict but got Tuple ()"
        ),
    ),
    KnownError(
        id="bytecode-missing",
        says="PytorchStreamReader failed locating file bytecode.pkl: file not found",
        patterns=(r"failed locating file bytecode\.pkl", r"file not found: [\w./-]{1,80}bytecode\.pkl"),
        stages=("lite", "backported", "device"),
        cause=(
            "The file was not saved for the lite interpreter: it comes from torch.jit.save or torch.save, or is "
            "what a failed backport leaves."
        ),
        remedy=(
            "Save with _save_for_lite_interpreter, which `ptmobile convert` does; or load a .pt file by the full "
            "library (pytorch_android, Module.load). `ptmobile inspect` says what a file is."
        ),
        source=(
            "pytorch/android-demo-app#157",
            "pytorch/android-demo-app#183",
            "ultralytics/yolov5#12302",
            "torch/csrc/jit/mobile/import.cpp",
        ),
        example=(
            "com.facebook.jni.CppException: PytorchStreamReader failed locating file bytecode.pkl: file not found "
            "() Exception raised from valid at ../caffe2/serialize/inline_container.cc:157"
        ),
    ),
    KnownError(
        id="constants-missing",
        says="PytorchStreamReader failed locating file constants.pkl: file not found",
        patterns=(r"failed locating file constants\.pkl", r"file not found: [\w./-]{1,80}constants\.pkl"),
        stages=("load", "device"),
        cause="The file is no TorchScript: a checkpoint of torch.save was given, or a stripped .ptl.",
        remedy=(
            "A state dict goes into `weights`, beside the model's class in `model`. In an app, load a .ptl by "
            "LiteModuleLoader."
        ),
        source=("johnolafenwa/PytorchMobile#2", "torch/csrc/jit/serialization/import.cpp"),
        example="RuntimeError: PytorchStreamReader failed locating file constants.pkl: file not found",
    ),
    KnownError(
        id="code-missing",
        says="Unknown type name '__torch__.Net'",
        patterns=(r"Unknown type name '__torch__\.",),
        stages=("load", "backported"),
        cause="The file has no source code (code/), or not all of it; torch.jit.load and backporting need it.",
        remedy="Backport first and strip the file afterwards, or make the file again from the model.",
        source=("torch/csrc/jit/serialization/import_source.cpp",),
        example="RuntimeError: Unknown type name '__torch__.nets.Net': __torch__.nets.Net",
    ),
    KnownError(
        id="not-an-archive",
        says="PytorchStreamReader failed reading zip archive: failed finding central directory",
        patterns=(r"failed finding central directory", r"failed reading zip archive: not a ZIP archive"),
        stages=("load", "lite", "device"),
        cause="The file is no zip archive: cut off, empty, a Git LFS pointer, a web page, or an old checkpoint.",
        remedy=(
            "Compare its size with the original; give `lfs: true` to actions/checkout; in an Android app copy it "
            "completely and keep it uncompressed in the assets."
        ),
        source=("pytorch/android-demo-app#33", "pytorch/android-demo-app#42", "caffe2/serialize/inline_container.cc"),
        example=(
            "com.facebook.jni.CppException: [enforce fail at inline_container.cc:137] . PytorchStreamReader "
            "failed reading zip archive: failed finding central directory"
        ),
    ),
    KnownError(
        id="file-missing",
        says="open file failed ..., file path: model.ptl",
        patterns=(r"open file failed.{0,120}file path:", r"The provided filename .{1,200} does not exist"),
        stages=("load", "lite", "device"),
        cause="There is no file at that path. In an app: assets are no files.",
        remedy="Copy the asset to the app's files folder first and give its absolute path; check the spelling.",
        source=("pytorch/android-demo-app#67", "pytorch/pytorch#59318", "caffe2/serialize/file_adapter.cc"),
        example=(
            "com.facebook.jni.CppException: open file failed, file path: torchmoji.pt (FileAdapter at "
            "../caffe2/serialize/file_adapter.cc:11)"
        ),
    ),
)
