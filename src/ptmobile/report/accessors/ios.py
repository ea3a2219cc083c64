"""Lines for iOS: the C++ API of the pod LibTorch-Lite, as an Objective-C++ class calls it for Swift.

The pod has no API for Swift. PyTorch's own demo apps (github.com/pytorch/ios-demo-app, ``TorchModule.mm``) call C++ in
an Objective-C++ class of their own, which Swift sees through a bridging header.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ptmobile.app_card import AppCard, AppValue
from ptmobile.report.accessors.tree import Part, comment, elements, key_of, literal, numbers, parts_of, told

#: By dtype: C++'s type of an element, and ATen's name of the type.
_TYPES: Final = {
    "uint8": ("uint8_t", "at::kByte"),
    "int8": ("int8_t", "at::kChar"),
    "int16": ("int16_t", "at::kShort"),
    "int32": ("int32_t", "at::kInt"),
    "int64": ("int64_t", "at::kLong"),
    "float32": ("float", "at::kFloat"),
    "float64": ("double", "at::kDouble"),
    "bool": ("bool", "at::kBool"),
    "float16": ("at::Half", "at::kHalf"),
    "bfloat16": ("at::BFloat16", "at::kBFloat16"),
    "complex64": ("c10::complex<float>", "at::kComplexFloat"),
    "complex128": ("c10::complex<double>", "at::kComplexDouble"),
}
_PLAIN: Final = {
    "int": ("int64_t", "toInt()"),
    "float": ("double", "toDouble()"),
    "bool": ("bool", "toBool()"),
    "str": ("std::string", "toStringRef()"),
}
_HEAD: Final = (
    "// Objective-C++, for an .mm file of the app. LibTorch-Lite has no API for Swift: as in PyTorch's own demo apps,",
    "// a class of the app (there TorchModule) calls C++, and Swift calls that class through the bridging header.",
    "#import <Libtorch-Lite/Libtorch-Lite.h>",
    "",
)


def ios_code(card: AppCard, file: str) -> tuple[str, ...]:
    """All lines: loading, inputs, the run, the outputs."""
    lines = [*_HEAD, f"// path: that of {comment(file)} in the bundle (NSString *)"]
    lines.append("torch::jit::mobile::Module module = torch::jit::_load_for_mobile(path.UTF8String);")
    lines.append("c10::InferenceMode guard;")
    for number, value in enumerate(card.inputs):
        lines += _input(number, value)
    arguments = ", ".join(f"tensor{number}" for number in range(len(card.inputs)))
    lines.append(f"c10::IValue output = module.forward({{{arguments}}});")
    return (*lines, *_read(parts_of(card), "output"), *(f"// {comment(note)}" for note in card.notes))


def _input(number: int, value: AppValue) -> Iterator[str]:
    if value.dtype not in _TYPES:
        yield f"// {comment(f'input {number} is {value.dtype}')}"
        return
    kind, scalar = _TYPES[value.dtype]
    # Not a std::vector: that of bool has no bytes.
    count = max(elements(value), 1)
    yield f"std::unique_ptr<{kind}[]> input{number}(new {kind}[{count}]());  // put {told(value)} here, row by row"
    shape = f"{{{numbers(value.shape)}}}"
    yield f"at::Tensor tensor{number} = torch::from_blob(input{number}.get(), {shape}, {scalar});"


def _read(part: Part, expression: str) -> Iterator[str]:
    value, name = part.value, part.name
    if value.kind == "tensor":
        yield from _tensor(part, expression)
    elif value.kind in _PLAIN:
        kind, reader = _PLAIN[value.kind]
        yield f"{kind} {name}Value = {expression}.{reader};"
    elif value.kind == "dict":
        yield f"auto {name}Items = {expression}.toGenericDict();"
        for key, child in part.children:
            found = key_of(key)
            if found is not None:
                written = literal(found, _octal) if isinstance(found, str) else f"int64_t({found})"
                yield from _read(child, f"{name}Items.at({written})")
    elif value.kind in ("tuple", "list"):
        yield from _sequence(part, expression)
    else:
        yield f"bool {name}IsNull = {expression}.isNone();  // None on the inputs that were run"


def _tensor(part: Part, expression: str) -> Iterator[str]:
    value, name = part.value, part.name
    quantised = value.dtype not in _TYPES
    kind = "float" if quantised else _TYPES[value.dtype][0]
    read = f"{expression}.toTensor(){'.dequantize()' if quantised else ''}.contiguous()"
    yield f"at::Tensor {name}Tensor = {read};  // {told(value)}"
    yield f"const {kind} *{name}Values = {name}Tensor.data_ptr<{kind}>();"


def _sequence(part: Part, expression: str) -> Iterator[str]:
    value, items = part.value, f"{part.name}Items"
    if not value.keys:
        yield f"// {comment(value.path)} is an empty {value.kind} on the inputs that were run"
        return
    # A copy of references: nothing points into what the output gives up.
    read = "toTuple()->elements().vec()" if value.kind == "tuple" else "toList().vec()"
    yield f"std::vector<c10::IValue> {items} = {expression}.{read};"
    for index, (_, child) in enumerate(part.children):
        yield from _read(child, f"{items}[{index}]")


def _octal(character: str) -> str:
    """The character's UTF-8 bytes; three octal digits end by themselves."""
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "replace"))
