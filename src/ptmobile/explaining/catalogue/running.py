"""What the lite interpreter says, or does, while it loads or runs a file."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

RUNNING: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="lite-named-tuple",
        says="basic_string::_M_create",
        patterns=(r"basic_string::_M_\w{1,30}", r"std::bad_alloc"),
        stages=("lite", "backported", "device"),
        cause=(
            "The lite interpreter of 1.13 breaks on a scripted model that returns a NamedTuple (GoogLeNet, Inception)."
        ),
        remedy=(
            "Let ptmobile do it (`outputs: adapt`), return a plain tuple, or use `method: trace`, which makes a "
            "tuple of it. If there is no NamedTuple, the memory may have run out."
        ),
        source=("torch/csrc/jit/mobile/type_parser.cpp", "docs/troubleshooting.md"),
        example="ValueError: basic_string::_M_create",
    ),
    KnownError(
        id="lite-enum",
        says="isGenericDict() INTERNAL ASSERT FAILED ... Expected GenericDict but got String",
        patterns=(r"Expected GenericDict but got String",),
        stages=("lite", "backported", "device"),
        cause=(
            "The scripted model keeps an Enum, such as the InterpolationMode of torchvision's transforms; the "
            "interpreter knows none."
        ),
        remedy=(
            "Set `optimize: true`, which freezes it away, or call torch.nn.functional (interpolate) instead of "
            "the transform."
        ),
        source=("pytorch/pytorch#62221", "torch/csrc/jit/mobile/import.cpp"),
        example=(
            'RuntimeError: isGenericDict() INTERNAL ASSERT FAILED at "./aten/src/ATen/core/ivalue_inl.h":1945, '
            "please report a bug to PyTorch. Expected GenericDict but got String ()"
        ),
    ),
    KnownError(
        id="lite-packed-sequence",
        says="Error when parsing type __torch__.torch.nn.utils.rnn.PackedSequence...: Expect classes, but get nn",
        patterns=(r"PackedSequence.{0,300}Expect classes, but get", r"(?:^|\s)Expect classes, but get"),
        stages=("lite", "backported", "device"),
        cause=(
            "nn.LSTM, nn.GRU or nn.RNN was scripted itself: its method for packed sequences goes into the file as well."
        ),
        remedy="Put it into a module of your own whose forward calls it, or use `method: trace`.",
        source=("torch/csrc/jit/mobile/type_parser.cpp",),
        example=(
            "RuntimeError: Error when parsing type __torch__.torch.nn.utils.rnn.PackedSequence[NamedTuple, "
            "[[data, Tensor],[batch_sizes, Tensor]]]: Expect classes, but get nn ()"
        ),
    ),
    KnownError(
        id="xnnpack-parameters",
        says=(
            "xnnpack::convolution not available! Reason: The provided (weight, bias, padding, ...) parameters are "
            "invalid"
        ),
        patterns=(r"(?:XNNPACK|xnnpack)(?:::| )\w{1,20} not available! Reason",),
        stages=("optimised", "lite", "backported", "device"),
        cause=(
            "XNNPACK does not take the weights of a layer: they are not float32 (half, bfloat16, double), or of a "
            "kind that it has no kernel for."
        ),
        remedy=(
            "Convert the model in float32 (model.float()); else leave the pass out: `optimize-blocklist: "
            "INSERT_FOLD_PREPACK_OPS`, or set `optimize: false`."
        ),
        source=(
            "pytorch/pytorch#63476",
            "pytorch/pytorch#84706",
            "aten/src/ATen/native/xnnpack/Convolution.cpp",
            "aten/src/ATen/native/xnnpack/Linear.cpp",
        ),
        example=(
            "RuntimeError: xnnpack::convolution not available! Reason: The provided (weight, bias, padding, "
            "stride, dilation, groups, transposed, output_min, output_max) parameters are either invalid "
            "individually or their combination is not supported by XNNPACK."
        ),
    ),
    KnownError(
        id="xnnpack-input",
        says=(
            "XNNPACK Convolution not usable! Reason: The provided input tensor is either invalid or unsupported "
            "by XNNPACK"
        ),
        patterns=(r"(?:XNNPACK|xnnpack)(?:::| )\w{1,20} not usable! Reason",),
        stages=("optimised", "lite", "backported", "device"),
        cause="An optimised layer got a tensor that XNNPACK does not take: it computes in float32 only.",
        remedy=(
            "Give float32 inputs (dtype in `inputs`), and cast inside the model with .float() where it changes "
            "the type."
        ),
        source=("facebookresearch/playtorch#114", "aten/src/ATen/native/xnnpack/Convolution.cpp"),
        example=(
            "RuntimeError: XNNPACK Convolution not usable! Reason: The provided input tensor is either invalid or "
            "unsupported by XNNPACK."
        ),
    ),
    KnownError(
        id="xnnpack-rank",
        says="required rank 4 tensor to use channels_last format",
        patterns=(r"required rank [45] tensor to use channels_last",),
        stages=("optimised", "lite", "backported", "device"),
        cause="An optimised convolution got an image without a batch dimension; only the plain one takes that.",
        remedy="Give [1, channels, height, width]: x.unsqueeze(0) in the model, or another shape in `inputs`.",
        source=("c10/core/TensorImpl.h",),
        example="RuntimeError: required rank 4 tensor to use channels_last format",
    ),
    KnownError(
        id="xnnpack-small-image",
        says="Assertion 'c != NULL' failed",
        patterns=(r"Assertion .c != NULL. failed", r"xnn_\w{1,80}: Assertion"),
        stages=("optimised", "lite", "backported", "device"),
        cause=("An optimised convolution got an image that is smaller than its kernel; XNNPACK ends the process then."),
        remedy="Give larger images in `inputs`, pad in the model, and check the size in the app: it would crash too.",
        source=("src/f32-igemm of XNNPACK", "aten/src/ATen/native/xnnpack/Convolution.cpp"),
        example=(
            "./src/f32-igemm/gen/1x16-minmax-fma3-broadcast.c:41: "
            "xnn_f32_igemm_minmax_ukernel_1x16__fma3_broadcast: Assertion `c != NULL' failed."
        ),
    ),
    KnownError(
        id="torchscript-argument-type",
        says=("forward() Expected a value of type 'Tensor' for argument 'input' but instead found type 'List[Tensor]'"),
        patterns=(r"\(\) Expected a value of type '.{1,60}' for argument '(?P<name>[\w.]{1,60})' but instead",),
        cause="TorchScript was called with another type than the argument of forward has.",
        detail="The argument: {name}.",
        remedy=(
            "Give it what the model takes (IValue.from(tensor), IValue.listFrom(tensors)); without annotation "
            "that is a tensor."
        ),
        source=("facebookresearch/d2go#143", "aten/src/ATen/core/function_schema_inl.h"),
        example=(
            "RuntimeError: forward() Expected a value of type 'Tensor' for argument 'input' but instead found "
            "type 'str'. Position: 1"
        ),
    ),
    KnownError(
        id="lite-keyword-argument",
        says="LiteScriptModule.__call__() got an unexpected keyword argument",
        patterns=(r"LiteScriptModule\.\w{1,40}\(\) got an unexpected keyword argument",),
        stages=("lite",),
        cause="The lite interpreter takes arguments by position only.",
        remedy="Give them in the order of forward.",
        source=("torch/jit/mobile/__init__.py",),
        example="TypeError: LiteScriptModule.__call__() got an unexpected keyword argument 'input'",
    ),
    KnownError(
        id="method-missing",
        says="Method 'features' is not defined",
        patterns=(r"Method '(?P<name>\w{1,80})' is not defined",),
        stages=("lite", "device"),
        cause=(
            "The file has no such method: optimising keeps forward only, unless told otherwise, and a trace has "
            "no other."
        ),
        detail="The method: {name}.",
        remedy="Mark it with @torch.jit.export, use `method: script`, and name it in `preserve-methods`.",
        source=("torch/csrc/jit/mobile/module.cpp", "torch/utils/mobile_optimizer.py"),
        example="RuntimeError: Method 'features' is not defined.",
    ),
    KnownError(
        id="lite-load-arguments",
        says="_load_for_lite_interpreter(): incompatible function arguments",
        patterns=(r"_load_for_lite_interpreter\w{0,12}\(\): incompatible function arguments",),
        stages=("lite",),
        cause="The Python loader takes a path as text and a device, and nothing else: no Path, no extra files.",
        remedy="Give str(path). Extra files are in the zip under extra/; torch.jit.load reads them too.",
        source=("torch/jit/mobile/__init__.py",),
        example=(
            "TypeError: _load_for_lite_interpreter(): incompatible function arguments. The following argument "
            "types are supported: 1. (arg0: str, arg1: object) -> torch._C.LiteScriptModule"
        ),
    ),
    KnownError(
        id="argument-missing",
        says="Expected Tensor but got None",
        patterns=(r"Expected Tensor but got None",),
        stages=("lite", "backported", "device"),
        cause=(
            "An argument of forward was not given, or given as None; the lite interpreter checks that late or not "
            "at all."
        ),
        remedy="Give every argument, in the order of forward; a default in the signature makes one optional.",
        source=("aten/src/ATen/core/ivalue.cpp",),
        example="RuntimeError: Expected Tensor but got None",
    ),
    KnownError(
        id="output-container",
        says="Expected Tensor but got Tuple",
        patterns=(
            r"Expected Tensor but got (?:Tuple|GenericList|TensorList|GenericDict)",
            r"Expected (?:Tuple|TensorList|GenericList|GenericDict) but got Tensor(?! ?List)",
        ),
        stages=("device",),
        cause=("The model returns another container than the app's C++ or Objective-C code reads (toTensor, toTuple)."),
        remedy="Read it as the report's list of outputs says, or change what forward returns.",
        source=("pytorch/ios-demo-app#75", "pytorch/pytorch#17911", "aten/src/ATen/core/ivalue_inl.h"),
        example="Expected Tensor but got Tuple debug_handle:-1 Exception raised from reportToTensorTypeError",
    ),
    KnownError(
        id="operator-arguments-changed",
        says="Expected String but got GenericList",
        patterns=(
            (
                r"Expected \w{3,20} but got "
                r"(?:None|InvalidTag|\w{0,12}List|Bool|Int|Double|String|Tensor|Device)\b"
            ),
            r"Tried to cast a List<\w{1,20}> to a List<\w{1,20}>",
        ),
        stages=("lite", "backported", "device"),
        cause=(
            "An operator is called with other arguments than this library's own version of it takes: files in "
            "bytecode 5 or less do not say how many are given (einsum, unflatten, svd, cholesky on 1.9)."
        ),
        remedy=(
            "Name the release in `runtime` with `repair: auto`, which rewrites such calls; or move the app to "
            "1.10 or newer."
        ),
        source=("torch/csrc/jit/mobile/function.cpp", "docs/how-it-works.md"),
        example='isString() INTERNAL ASSERT FAILED at "ivalue_inl.h":112 Expected String but got GenericList',
    ),
    KnownError(
        id="no-tensor-arguments",
        says="There were no tensor arguments to this function",
        patterns=(r"There were no tensor arguments to this function",),
        cause=(
            "An operator got no tensor: an empty list, or, in a file backported for 1.9, arguments in other "
            "places than that library expects (searchsorted)."
        ),
        remedy=(
            "Guard against empty lists; for old releases use `runtime` with `repair: auto`, which rewrites "
            "searchsorted."
        ),
        source=("aten/src/ATen/core/dispatch", "docs/how-it-works.md"),
        example=(
            "NotImplementedError: There were no tensor arguments to this function (e.g., you passed an empty list "
            "of Tensors), but no fallback function is registered for schema aten::searchsorted.Tensor."
        ),
    ),
)
