"""What saving for the lite interpreter, bundling inputs and backporting refuse."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

SAVING: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="save-class",
        says="__torch__ types other than custom c++ classes are not supported in lite interpreter",
        patterns=(
            r"types other than custom c\+\+ classes.{0,300}The problematic type is: (?P<type>[\w.]{1,120})",
            r"types other than custom c\+\+ classes",
        ),
        stages=("saved",),
        cause="forward uses a Python class that is no nn.Module. The lite interpreter knows no such classes.",
        detail="The class: {type}.",
        remedy=(
            "If it is what forward returns, let ptmobile adapt it (`outputs: adapt`). Inside, pass tensors, "
            "tuples and dicts, or use `method: trace`: a trace has no classes."
        ),
        source=("torch/csrc/jit/serialization/export_module.cpp",),
        example=(
            "RuntimeError: __torch__ types other than custom c++ classes (__torch__.torch.classes)are not "
            "supported in lite interpreter. Workaround: instead of using arbitrary class type (class Foo()), "
            "define a pytorch class (class Foo(torch.nn.Module)). The problematic type is: "
            "__torch__.torchvision.models.detection.image_list.ImageList"
        ),
    ),
    KnownError(
        id="save-class-in-list",
        says="Returning a list or dictionary with pytorch class type is not supported in mobile module",
        patterns=(r"ing a list or dictionary with pytorch class type",),
        stages=("saved",),
        cause="A list or a dict in the model holds objects of a class.",
        remedy="Use lists, dicts and tuples of tensors and numbers.",
        source=("torch/csrc/jit/serialization/export_bytecode.cpp",),
        example=(
            "RuntimeError: Returining a list or dictionary with pytorch class type is not supported in mobile "
            "module (List[Foo] or Dict[int, Foo] for class Foo(torch.nn.Module))."
        ),
    ),
    KnownError(
        id="save-with-statement",
        says="ENTER is not supported in mobile module",
        patterns=(r"\b(?:ENTER|EXIT) is not supported in mobile module",),
        stages=("saved", "lite", "device"),
        cause="forward has a `with` statement, such as with torch.no_grad(), which the lite interpreter cannot run.",
        remedy=(
            "Take it out of forward (put it around the call of the model), or use `method: trace`, which drops it."
        ),
        source=("pytorch/pytorch#68987", "torch/csrc/jit/serialization/export_bytecode.cpp"),
        example="RuntimeError: ENTER is not supported in mobile module.",
    ),
    KnownError(
        id="save-instruction",
        says="FORK is not supported in mobile module",
        patterns=(
            r"\b(?P<name>[A-Z_]{2,40}) is not supported in mobile module",
            r"(?P<name>Operator) is not supported in mobile module",
            (
                r"(?P<name>Arguments|arguments|Overloads|values|\*args) (?:with known list lengths "
                r")?(?:are|is) not supported in mobile modules"
            ),
        ),
        stages=("saved", "lite", "device"),
        cause="The model uses something that the lite interpreter has no instruction for.",
        detail="It is named {name}; FORK is torch.jit.fork, which runs parts side by side.",
        remedy="Write that part plainly (call the function instead of forking it), or use `method: trace`.",
        source=("torch/csrc/jit/serialization/export_bytecode.cpp", "torch/csrc/jit/mobile/function.cpp"),
        example="RuntimeError: FORK is not supported in mobile module.",
    ),
    KnownError(
        id="save-python-function",
        says="Could not export Python function call 'Swish'",
        patterns=(r"Could not export Python function call '(?P<name>\w{1,80})'",),
        stages=("saved", "optimised"),
        cause="The trace holds a call back into Python: a torch.autograd.Function.",
        detail="Its name: {name}.",
        remedy="Replace it by plain operations for inference (nn.SiLU for Swish; nn.Mish), then convert again.",
        source=("torch/csrc/jit/serialization/python_print.cpp",),
        example=(
            "RuntimeError: Could not export Python function call 'Swish'. Remove calls to Python functions before "
            "export. Did you forget to add @script or @script_method annotation?"
        ),
    ),
    KnownError(
        id="save-not-scripted",
        says="'Net' object has no attribute '_save_for_lite_interpreter'",
        patterns=(r"object has no attribute '_save_(?:to_buffer_)?for_lite_interpreter'",),
        cause="A Python module was to be saved for the lite interpreter; only TorchScript can be.",
        remedy="Call torch.jit.trace or torch.jit.script first; `ptmobile convert` does all of it.",
        source=("torch/jit/_script.py",),
        example="AttributeError: 'Linear' object has no attribute '_save_for_lite_interpreter'",
    ),
    KnownError(
        id="save-folder-missing",
        says="Parent directory ... does not exist",
        patterns=(r"Parent directory .{1,200} does not exist", r"\bFile .{1,200} cannot be opened\."),
        stages=("saved",),
        cause="The folder that the file is to be written to does not exist, or the path is that of a folder.",
        remedy="Make the folder first, and name a file in it; ptmobile makes the folders of `output` itself.",
        source=("caffe2/serialize/inline_container.cc",),
        example="RuntimeError: Parent directory /nonexistent does not exist.",
    ),
    KnownError(
        id="bundle-large",
        says="You probably don't want to bundle this as an input",
        patterns=(r"You probably don't want to bundle this as an input",),
        stages=("scripted", "traced", "saved"),
        cause="A tensor with more than 16 stored elements is bundled as it is, which would make the file larger.",
        remedy=(
            "Wrap it with torch.utils.bundled_inputs.bundle_large_tensor, or bundle_randn for a random one; "
            "`bundle-inputs` does the first."
        ),
        source=("torch/utils/bundled_inputs.py",),
        example=(
            "Exception: Bundled input argument at position 'deflated[0][0]' is a tensor with storage size 192. "
            "You probably don't want to bundle this as an input."
        ),
    ),
    KnownError(
        id="bundle-twice",
        says="Models can only be augmented with bundled inputs once",
        patterns=(r"Models can only be augmented with bundled inputs once",),
        cause="The TorchScript module has bundled inputs already.",
        remedy="Start from a module without them, or set `bundle-inputs: false`.",
        source=("torch/utils/bundled_inputs.py",),
        example=(
            "Exception: Models can only be augmented with bundled inputs once. This Model seems to have already been"
        ),
    ),
    KnownError(
        id="bundle-not-a-tuple",
        says="Error bundled input for function forward idx: 0 is not a Tuple or a List",
        patterns=(r"Error bundled input for function .{1,80} is not a Tuple or a List",),
        cause="Bundled inputs are a list with one tuple of arguments for each run.",
        remedy="Give [(tensor,)] instead of [tensor].",
        source=("torch/utils/bundled_inputs.py",),
        example="TypeError: Error bundled input for function forward idx: 0 is not a Tuple or a List",
    ),
    KnownError(
        id="backport-to-newer",
        says="backport doesn't support backporting model to new version",
        patterns=(r"back ?port do\w{1,4}'t support backporting model to new version", r"No output model from backport"),
        stages=("backported",),
        cause=(
            "The version asked for is not older than the file's own. torch only warns, returns False and leaves a "
            "file behind that is no model."
        ),
        remedy=(
            "Check what _backport_for_mobile returns. The file as it is serves newer runtimes; `backport-to` checks it."
        ),
        source=("torch/csrc/jit/mobile/compatibility/backport_manager.cpp",),
        example=(
            "Warning: backport donesn't support backporting model to new version. It's trying to backport from "
            "version 8 to version 8 (function backport)"
        ),
    ),
)
