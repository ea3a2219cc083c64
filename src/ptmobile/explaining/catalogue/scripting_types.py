"""What torch.jit.script says of types, which it infers or reads from annotations."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

SCRIPTING_TYPES: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="script-unknown-type",
        says="Unknown type name 'np.ndarray'",
        patterns=(r"Unknown type name '(?!__torch__)(?P<name>[\w.]{1,80})'",),
        stages=("scripted",),
        cause="An annotation names a type that TorchScript does not know.",
        detail="The type: {name}.",
        remedy=(
            "Annotate tensors as Tensor; else int, float, bool, str, and List, Dict, Tuple, Optional from typing "
            "(1.13 does not read every newer form). Or use `method: trace`."
        ),
        source=("torch/csrc/jit/frontend/script_type_parser.cpp",),
        example="RuntimeError: Unknown type name 'np.ndarray': File \"nets.py\", line 10",
    ),
    KnownError(
        id="script-type-comment",
        says="expected type comment but found 'def' here",
        patterns=(r"expected type comment but found",),
        stages=("scripted",),
        cause="A comment with type: in a function is read as its types; only a bare type: ignore is passed over.",
        remedy="Write nothing behind type: ignore[...] on that line, and annotations instead of types in comments.",
        source=("torch/jit/annotations.py", "torch/csrc/jit/frontend/lexer.h"),
        example="RuntimeError: expected type comment but found 'def' here: def forward(self, x: Tensor):",
    ),
    KnownError(
        id="script-default-type",
        says='Expected a default value of type Tensor (inferred) on parameter "n"',
        patterns=(r"Expected a default value of type Tensor \(inferred\) on parameter \"(?P<name>\w{1,80})\"",),
        stages=("scripted",),
        cause="An argument without annotation counts as a tensor, but its default is none.",
        detail="The argument: {name}.",
        remedy="Annotate it (n: int = 2, scale: float = 1.0, mask: Optional[Tensor] = None).",
        source=("torch/csrc/jit/frontend/ir_emitter.cpp",),
        example=(
            'RuntimeError: Expected a default value of type Tensor (inferred) on parameter "n".Because "n" was '
            "not annotated with an explicit type it is assumed to be type 'Tensor'.:"
        ),
    ),
    KnownError(
        id="script-optional",
        says="'Optional[Tensor]' object has no attribute or method 'sum'",
        patterns=(r"'Optional\[.{1,60}\]' object has no attribute", r"but instead found type 'Optional\["),
        stages=("scripted",),
        cause="A value may be None here, as far as TorchScript can see.",
        remedy=(
            "Ask first: `if mask is not None:` or `assert mask is not None`. Copy an attribute of self into a "
            "local variable before you ask."
        ),
        source=("torch/csrc/jit/frontend/sugared_value.cpp", "torch/csrc/jit/frontend/schema_matching.cpp"),
        example="RuntimeError: 'Optional[Tensor]' object has no attribute or method 'sum'.: File \"nets.py\", line 10",
    ),
    KnownError(
        id="script-none-attribute",
        says="'NoneType' object has no attribute or method 'sum'",
        patterns=(r"'NoneType' object has no attribute or method",),
        stages=("scripted",),
        cause="An attribute of the model is None when it is scripted, so TorchScript takes it to be None forever.",
        remedy=(
            "Set it before converting, annotate it in the class (y: Optional[Tensor]), or guard it with `is not None`."
        ),
        source=("torch/csrc/jit/frontend/sugared_value.cpp",),
        example="RuntimeError: 'NoneType' object has no attribute or method 'sum'.: File \"nets.py\", line 11",
    ),
    KnownError(
        id="script-list-type",
        says="Type variable 't' previously matched to type Tensor is matched to type int",
        patterns=(r"Type variable 't' previously matched to type", r"List type annotation `.{1,60}` did not match"),
        stages=("scripted",),
        cause=("A list has elements of another type than TorchScript expects; an empty list counts as one of tensors."),
        remedy="Annotate it where it is made: sizes: List[int] = [].",
        source=("torch/csrc/jit/frontend/schema_matching.cpp",),
        example=(
            "RuntimeError: aten::append.t(t[](a!) self, t(c -> *) el) -> t[](a!): Could not match type int to t "
            "in argument 'el': Type variable 't' previously matched to type Tensor is matched to type int."
        ),
    ),
    KnownError(
        id="script-not-annotated",
        says="Inferred 'n' to be of type 'Tensor' because it was not annotated with an explicit type",
        patterns=(r"Inferred '\w{1,80}' to be of type 'Tensor' because it was not annotated",),
        stages=("scripted",),
        cause="An argument without annotation counts as a tensor, and is used or given as something else.",
        remedy="Annotate it: n: int, sizes: List[int], xs: List[Tensor], flag: bool = False.",
        source=("torch/csrc/jit/frontend/schema_matching.cpp",),
        example=(
            "RuntimeError: f(__torch__.nets.Net self, Tensor x, Tensor n) -> Tensor: Expected a value of type "
            "'Tensor (inferred)' for argument 'n' but instead found type 'int'. Inferred 'n' to be of type "
            "'Tensor' because it was not annotated with an explicit type."
        ),
    ),
    KnownError(
        id="script-branch-variable",
        says="y is not defined in the false branch",
        patterns=(r"is not defined in the (?:true|false) branch",),
        stages=("scripted",),
        cause="A variable gets its value in one branch of an `if` only, and is used afterwards.",
        remedy="Give it a value before the `if`, or in both branches.",
        source=("torch/csrc/jit/frontend/ir_emitter.cpp",),
        example='RuntimeError: y is not defined in the false branch: File "nets.py", line 10',
    ),
    KnownError(
        id="script-branch-types",
        says=(
            "Previous return statement returned a value of type Tensor but this return statement returns a value "
            "of type int"
        ),
        patterns=(
            r"Previous return statement returned a value of type",
            r"previously had type .{1,60} but is now being assigned",
        ),
        stages=("scripted",),
        cause="Two branches return, or assign, values of different types; TorchScript wants one type.",
        remedy="Make them the same (torch.tensor(1.0) instead of 1), use another variable, or annotate Optional.",
        source=("torch/csrc/jit/frontend/ir_emitter.cpp",),
        example=(
            "RuntimeError: Previous return statement returned a value of type Tensor (inferred) but this return "
            "statement returns a value of type int:"
        ),
    ),
    KnownError(
        id="script-missing-return",
        says="Function was not annotated as having type None, but does not return along all paths",
        patterns=(r"but does not return along all paths",),
        stages=("scripted",),
        cause="A function ends without `return` on one of its ways.",
        remedy="Return a value on every way, or raise an exception there.",
        source=("torch/csrc/jit/frontend/ir_emitter.cpp",),
        example="RuntimeError: Function was not annotated as having type None, but does not return along all paths:",
    ),
    KnownError(
        id="script-return-type",
        says="Return value was annotated as having type Tensor but is actually of type int",
        patterns=(r"Return value was annotated as having type",),
        stages=("scripted",),
        cause="The annotation of what a function returns is not what it returns.",
        remedy="Correct the annotation (-> Tuple[Tensor, Tensor], -> Dict[str, Tensor]) or the value.",
        source=("torch/csrc/jit/frontend/ir_emitter.cpp",),
        example="RuntimeError: Return value was annotated as having type Tensor but is actually of type int:",
    ),
    KnownError(
        id="script-hasattr",
        says="hasattr's first argument must be an object",
        patterns=(r"hasattr's first argument must be an object",),
        stages=("scripted",),
        cause="TorchScript's hasattr asks only of the model itself and of its modules.",
        remedy="Decide in __init__ and keep the answer as a bool attribute; or use `method: trace`.",
        source=("torch/csrc/jit/frontend/sugared_value.cpp",),
        example="RuntimeError: hasattr's first argument must be an object, got Tensor (inferred) instead:",
    ),
    KnownError(
        id="script-no-attribute",
        says="'Tensor' object has no attribute or method 'numpy'",
        patterns=(r"object has no attribute or method '(?P<name>\w{1,80})'",),
        stages=("scripted",),
        cause="TorchScript's types have fewer methods than Python's: no numpy(), for example.",
        detail="Missing here: {name}.",
        remedy="Use an operation of torch; annotate the variable if it is no tensor; or use `method: trace`.",
        source=("torch/csrc/jit/frontend/sugared_value.cpp",),
        example=(
            "RuntimeError: 'Tensor (inferred)' object has no attribute or method 'numpy'.: File \"nets.py\", line 10"
        ),
    ),
    KnownError(
        id="script-no-function",
        says="object has no attribute special_thing",
        patterns=(r"(?:^|Error: )object has no attribute (?P<name>\w{1,80})(?::|$)",),
        stages=("scripted",),
        cause="forward calls something of torch, or of torch.ops, that TorchScript does not have.",
        detail="The name: {name}.",
        remedy=(
            "Use another operation; a custom operator must be registered, and is unknown to published runtimes "
            "all the same."
        ),
        source=("torch/csrc/jit/python/python_sugared_value.cpp",),
        example='RuntimeError: object has no attribute special_thing: File "nets.py", line 10',
    ),
    KnownError(
        id="script-arguments",
        says="Arguments for call are not valid. The following variants are available:",
        patterns=(
            r": Expected a value of type '.{1,80}' for argument '\w{1,60}' but instead found type",
            r"Arguments for call are not valid",
            r"Expected at most \d{1,4} arguments but found \d{1,4} positional",
        ),
        stages=("scripted",),
        cause="A function is called with types, or a number of arguments, that none of its variants takes.",
        remedy=(
            'The arrow marks the call, "instead found type" names the type: convert it, or annotate it where it '
            "is made. Or use `method: trace`."
        ),
        source=("torch/csrc/jit/frontend/schema_matching.cpp",),
        example=(
            "RuntimeError: Arguments for call are not valid. The following variants are available: "
            "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor: Expected a value of type "
            "'Tensor' for argument 'self' but instead found type 'List[Tensor]'."
        ),
    ),
)
