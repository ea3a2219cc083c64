"""Code that torch.jit.script does not take."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

SCRIPTING: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="script-varargs",
        says=("Compiled functions can't take variable number of arguments or use keyword-only arguments with defaults"),
        patterns=(r"Compiled functions can't take variable number of arguments",),
        stages=("scripted",),
        cause="A function that forward calls takes *args, **kwargs or keyword-only arguments with defaults.",
        remedy=(
            "List its arguments by name. For a library's model use `method: trace`; of nn.DataParallel script "
            "model.module (ptmobile does)."
        ),
        source=("torch/jit/frontend.py", "pytorch/pytorch#51376"),
        example=(
            "torch.jit.frontend.NotSupportedError: Compiled functions can't take variable number of arguments or "
            'use keyword-only arguments with defaults: File "nets.py", line 9'
        ),
    ),
    KnownError(
        id="script-autograd-function",
        says=(
            "Python builtin <built-in method apply of FunctionMeta object> is currently not supported in Torchscript"
        ),
        patterns=(r"Python builtin <built-in method apply of FunctionMeta.{0,60}is currently not supported",),
        stages=("scripted",),
        cause="The model calls a torch.autograd.Function, which is Python code with its own backward.",
        remedy=(
            "Write its forward with plain operations (x * torch.sigmoid(x), nn.SiLU): the gradient is not needed "
            "on a phone. Tracing does not help here, the trace could not be saved."
        ),
        source=("torch/csrc/jit/python/python_sugared_value.cpp",),
        example=(
            "RuntimeError: Python builtin <built-in method apply of FunctionMeta object at 0x28ee30b0> is "
            "currently not supported in Torchscript:"
        ),
    ),
    KnownError(
        id="script-python-builtin",
        says="Python builtin ... is currently not supported in Torchscript",
        patterns=(
            r"is currently not supported in Torchscript",
            r"cannot be used as a value\. Perhaps it is a closed over",
        ),
        stages=("scripted",),
        cause="forward calls a function of Python or of an extension that TorchScript does not know.",
        remedy=(
            "Use the operations of torch or plain arithmetic; or use `method: trace`, which runs it while tracing."
        ),
        source=("torch/csrc/jit/python/python_sugared_value.cpp",),
        example=(
            "RuntimeError: Python builtin <built-in function perf_counter> is currently not supported in Torchscript:"
        ),
    ),
    KnownError(
        id="script-syntax",
        says="try blocks aren't supported",
        patterns=(
            r"(?:blocks|statements|definitions|variables|NodeError: \w{1,40}) aren't supported",
            r"Comprehension ifs are not supported",
            r"keyword-arg expansion is not supported",
            r"Don't support formatting in JoinedStr",
            r"del statements are only supported for",
            r"cannot statically infer the expected size of a list",
        ),
        stages=("scripted",),
        cause=(
            "forward uses syntax that TorchScript lacks: try, lambda, import, a function inside a function, "
            "yield, sets, filters in comprehensions, ** or * in calls."
        ),
        remedy="Write it plainly, or move it out of forward; or use `method: trace`.",
        source=("torch/jit/frontend.py", "torch/csrc/jit/frontend/ir_emitter.cpp"),
        example='torch.jit.frontend.UnsupportedNodeError: try blocks aren\'t supported: File "nets.py", line 10',
    ),
    KnownError(
        id="script-no-source",
        says="Can't get source for ... TorchScript requires source access",
        patterns=(r"Can't get source for", r"TorchScript requires source access"),
        stages=("scripted",),
        cause=(
            "Scripting reads the source code, and there is none: the class was made by exec, typed in, or is compiled."
        ),
        remedy="Put the class into a .py file and name that in `model`; or use `method: trace`.",
        source=("torch/_sources.py",),
        example=(
            "OSError: Can't get source for <bound method Z.forward of Z()>. TorchScript requires source access in "
            "order to carry out compilation, make sure original .py files are available."
        ),
    ),
    KnownError(
        id="script-makes-module",
        says="Cannot instantiate class 'ReLU' in a script function",
        patterns=(
            r"Cannot instantiate class '[\w.]{1,80}' in a script function",
            # The same, once a module of that class has been scripted.
            r"Class [\w.]{1,80} does not have an __init__ function defined",
        ),
        stages=("scripted",),
        cause="forward makes a module, which TorchScript cannot.",
        remedy="Make it in __init__ (self.relu = nn.ReLU()), or call the function (torch.relu, nn.functional).",
        source=("torch/jit/annotations.py",),
        example="torch.jit.frontend.FrontendError: Cannot instantiate class 'ReLU' in a script function:",
    ),
    KnownError(
        id="script-undefined-value",
        says="undefined value SCALE",
        patterns=(r"(?:^|Error: )undefined value (?P<name>\w{1,80})",),
        stages=("scripted",),
        cause=(
            "forward uses a name that TorchScript does not see: a global variable, a module such as numpy, or a typo."
        ),
        detail="The name: {name}.",
        remedy=(
            "Keep constants as attributes of the model, annotated as Final; import what is called at the top of "
            "the file."
        ),
        source=("torch/csrc/jit/frontend/ir_emitter.cpp",),
        example='RuntimeError: undefined value SCALE: File "nets.py", line 10',
    ),
    KnownError(
        id="script-super",
        says="'Tensor' object has no attribute or method 'forward'",
        patterns=(r"'Tensor' object has no attribute or method 'forward'",),
        stages=("scripted",),
        cause="forward calls super().forward(...): TorchScript does not know super().",
        remedy="Give the inherited method another name and call that by self, or write its lines into forward.",
        source=("torch/csrc/jit/frontend/sugared_value.cpp",),
        example="RuntimeError: 'Tensor' object has no attribute or method 'forward'.: File \"nets.py\", line 10",
    ),
    KnownError(
        id="script-module-index",
        says=(
            "Expected integer literal for index. ModuleList/Sequential indexing is only supported with integer literals"
        ),
        patterns=(r"Expected integer literal for index", r"Unable to extract string literal index"),
        stages=("scripted",),
        cause=(
            "A ModuleList, Sequential or ModuleDict is indexed by a variable: TorchScript must know the module in "
            "advance."
        ),
        remedy="Loop over it (for i, layer in enumerate(self.layers)) with an `if` inside, or use `method: trace`.",
        source=("torch/csrc/jit/frontend/sugared_value.h", "torch/csrc/jit/python/python_sugared_value.cpp"),
        example=(
            "RuntimeError: Expected integer literal for index. ModuleList/Sequential indexing is only supported "
            "with integer literals. Enumeration is supported, e.g. 'for index, v in enumerate(self): ...':"
        ),
    ),
    KnownError(
        id="script-modules-in-list",
        says="Could not infer type of list element: Cannot infer concrete type of torch.nn.Module",
        patterns=(r"Cannot infer concrete type of torch\.nn\.Module",),
        stages=("scripted",),
        cause="Modules lie in a plain list or dict: neither state dicts nor TorchScript see them there.",
        remedy="Use nn.ModuleList or nn.ModuleDict.",
        source=("torch/csrc/jit/python/pybind_utils.h",),
        example=(
            "RuntimeError: Module 'Net' has no attribute 'layers' (This attribute exists on the Python module, "
            "but we failed to convert Python type: 'list' to a TorchScript type. Could not infer type of list "
            "element: Cannot infer concrete type of torch.nn.Module. Its type was inferred; try adding a type "
            "annotation for the attribute.):"
        ),
    ),
    KnownError(
        id="script-attribute-function",
        says="This function exists as an attribute on the Python module, but we failed to compile it",
        patterns=(r"This function exists as an attribute on the Python module, but we failed to compile",),
        stages=("scripted",),
        cause="An attribute of the model is a function that TorchScript cannot compile, such as a lambda.",
        remedy="Make it a method of the model or a function of the module with annotated arguments, or an nn.Module.",
        source=("torch/csrc/jit/python/python_sugared_value.cpp",),
        example=(
            "RuntimeError: Module 'Net' has no attribute 'act' (This function exists as an attribute on the "
            "Python module, but we failed to compile it to a TorchScript function. The error stack is reproduced "
            "here:"
        ),
    ),
    KnownError(
        id="script-attribute-type",
        says="we failed to convert Python type: 'dict' to a TorchScript type",
        patterns=(r"we failed to convert Python type: '(?P<type>[\w.]{1,80})' to a TorchScript type",),
        stages=("scripted",),
        cause="forward uses an attribute of the model whose type TorchScript does not know.",
        detail="It is of type {type}.",
        remedy=(
            "Make it a tensor (register_buffer), or numbers, text, or a list or dict of one kind with an "
            "annotation in the class; or use `method: trace`."
        ),
        source=("torch/csrc/jit/python/python_sugared_value.cpp",),
        example=(
            "RuntimeError: Module 'Net' has no attribute 'sizes' (This attribute exists on the Python module, but "
            "we failed to convert Python type: 'dict' to a TorchScript type. Dictionary inputs to traced "
            "functions must have consistent type. Found int and str. Its type was inferred; try adding a type "
            "annotation for the attribute.):"
        ),
    ),
    KnownError(
        id="script-new-attribute",
        says="Tried to set nonexistent attribute: cache. Did you forget to initialize it in __init__()?",
        patterns=(r"Tried to set nonexistent attribute: (?P<name>\w{1,80})",),
        stages=("scripted",),
        cause="forward stores something in an attribute that __init__ did not make.",
        detail="The attribute: {name}.",
        remedy="Make it in __init__ with a value of the same type, or use a local variable.",
        source=("torch/csrc/jit/frontend/sugared_value.cpp",),
        example=(
            "RuntimeError: Tried to set nonexistent attribute: cache. Did you forget to initialize it in __init__()?:"
        ),
    ),
    KnownError(
        id="script-weight-norm",
        says="'WeightNorm' object has no attribute '__name__'",
        patterns=(r"'(?:Weight|Spectral)Norm' object has no attribute '__name__'",),
        stages=("scripted",),
        cause="weight_norm and spectral_norm hook into the model with objects that scripting cannot read.",
        remedy=(
            "Remove them before converting (torch.nn.utils.remove_weight_norm, remove_spectral_norm): for "
            "inference the result is the same. Or use `method: trace`."
        ),
        source=("torch/nn/utils/weight_norm.py", "torch/jit/_recursive.py"),
        example="AttributeError: 'WeightNorm' object has no attribute '__name__'",
    ),
    KnownError(
        id="script-no-forward",
        says="'RecursiveScriptModule' object has no attribute 'forward'",
        patterns=(r"'RecursiveScriptModule' object has no attribute 'forward'",),
        stages=("scripted",),
        cause="Scripted by itself, nn.LSTM or nn.GRU has one forward for each kind of input, and none by that name.",
        remedy="Put it into a module of your own whose forward calls it, or use `method: trace`.",
        source=("torch/nn/modules/rnn.py", "torch/jit/_recursive.py"),
        example="AttributeError: 'RecursiveScriptModule' object has no attribute 'forward'",
    ),
)
