"""Lines for Android: the same API in Java and in Kotlin (``org.pytorch`` of pytorch_android_lite)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ptmobile.app_card import AppCard, AppValue
from ptmobile.report.accessors.tree import (
    Part,
    comment,
    elements,
    key_of,
    literal,
    numbers,
    order_of,
    parts_of,
    told,
    units,
)

#: By dtype: the buffer, what gives the data as an array, and the array's type in Java.
_TYPES: Final = {
    "uint8": ("Byte", "getDataAsUnsignedByteArray", "byte[]"),
    "int8": ("Byte", "getDataAsByteArray", "byte[]"),
    "int32": ("Int", "getDataAsIntArray", "int[]"),
    "int64": ("Long", "getDataAsLongArray", "long[]"),
    "float32": ("Float", "getDataAsFloatArray", "float[]"),
    "float64": ("Double", "getDataAsDoubleArray", "double[]"),
}
#: By Python's kind: what reads it from an IValue, and its type in Java.
_PLAIN: Final = {
    "int": ("toLong", "long"),
    "float": ("toDouble", "double"),
    "bool": ("toBool", "boolean"),
    "str": ("toStr", "String"),
}
#: Lists of one kind arrive as arrays: by the kind of their items, what reads them, and the type of an item in Java.
_LISTS: Final = {
    "tensor": ("toTensorList", "Tensor"),
    "int": ("toLongList", "long"),
    "float": ("toDoubleList", "double"),
    "bool": ("toBoolList", "boolean"),
}


@dataclass(frozen=True)
class Language:
    """What Java and Kotlin write differently."""

    java: bool

    def declare(self, kind: str, name: str, expression: str, remark: str = "") -> str:
        """One line that gives an expression a name."""
        head = f"{kind} {name} = {expression};" if self.java else f"val {name} = {expression}"
        return f"{head}  // {remark}" if remark else head

    def longs(self, shape: tuple[int, ...]) -> str:
        """A shape."""
        return f"new long[] {{{numbers(shape)}}}" if self.java else f"longArrayOf({numbers(shape)})"

    def text(self, text: str) -> str:
        """A string literal."""
        written = literal(text, _octal if self.java else units)
        return written if self.java else written.replace("$", "\\$")

    def item(self, items: str, key: str | int) -> str:
        """An entry of a dictionary."""
        where = f"{key}L" if isinstance(key, int) else self.text(key)
        return f"{items}.get({where})" if self.java else f"{items}.getValue({where})"


JAVA, KOTLIN = Language(java=True), Language(java=False)


def _octal(character: str) -> str:
    """Java reads unicode escapes before anything else, so that one for a line feed would be a line feed."""
    return f"\\{ord(character):03o}" if ord(character) < 0x80 else units(character)


def jvm_code(card: AppCard, file: str, language: Language) -> tuple[str, ...]:
    """All lines: loading, inputs, the run, the outputs; where the API lacks a type a comment says what to do."""
    end = ";" if language.java else ""
    lines = [f"import {name}{end}" for name in _imports(card, language)]
    lines += ["", f"// path: {comment(file)}, copied out of the assets into a file."]
    lines.append(language.declare("Module", "module", "LiteModuleLoader.load(path)"))
    for number, value in enumerate(card.inputs):
        lines += _input(number, value, language)
    if lacking := [value for value in (*card.inputs, *card.outputs) if not value.java]:
        return (*lines, *map(_lacks, lacking))
    arguments = ", ".join(f"IValue.from(tensor{number})" for number in range(len(card.inputs)))
    lines.append(language.declare("IValue", "output", f"module.forward({arguments})"))
    return (*lines, *_read(parts_of(card), "output", language), *(f"// {comment(note)}" for note in card.notes))


def _imports(card: AppCard, language: Language) -> Iterator[str]:
    if language.java:
        yield from sorted({f"java.nio.{_TYPES[v.dtype][0]}Buffer" for v in card.inputs if v.dtype in _TYPES})
        if any(value.kind == "dict" for value in card.outputs):
            yield "java.util.Map"
    yield from ("org.pytorch.IValue", "org.pytorch.LiteModuleLoader")
    if language.java:
        yield "org.pytorch.Module"
    if card.inputs or (language.java and any(value.kind == "tensor" for value in card.outputs)):
        yield "org.pytorch.Tensor"


def _lacks(value: AppValue) -> str:
    return f"// {comment(f'{value.path} is {value.dtype or value.kind}: the Java API has no such type.')} {value.cast}"


def _input(number: int, value: AppValue, language: Language) -> Iterator[str]:
    if value.dtype not in _TYPES:
        return
    buffer = _TYPES[value.dtype][0]
    allocated = f"Tensor.allocate{buffer}Buffer({elements(value)})"
    yield language.declare(f"{buffer}Buffer", f"input{number}", allocated, f"put {told(value)} here, row by row")
    make = "fromBlobUnsigned" if value.dtype == "uint8" else "fromBlob"
    blob = f"Tensor.{make}(input{number}, {language.longs(value.shape)})"
    yield language.declare("Tensor", f"tensor{number}", blob)


def _read(part: Part, expression: str, language: Language, *, unboxed: bool = False) -> Iterator[str]:
    """The lines that read a part; ``unboxed``: it has left its IValue, as an item of an array of its own type."""
    value, name = part.value, part.name
    if value.kind == "tensor":
        yield from _tensor(part, expression if unboxed else f"{expression}.toTensor()", language)
    elif value.kind in _PLAIN:
        reader, kind = _PLAIN[value.kind]
        yield language.declare(kind, f"{name}Value", expression if unboxed else f"{expression}.{reader}()")
    elif value.kind in ("tuple", "list", "dict"):
        yield from _container(part, expression, language)
    else:
        yield language.declare("boolean", f"{name}IsNull", f"{expression}.isNull()", "None on the inputs that were run")


def _tensor(part: Part, expression: str, language: Language) -> Iterator[str]:
    value, name = part.value, part.name
    _, reader, kind = _TYPES[value.dtype]
    yield language.declare("Tensor", f"{name}Tensor", expression, told(value))
    yield language.declare(kind, f"{name}Values", f"{name}Tensor.{reader}()", order_of(value))


def _container(part: Part, expression: str, language: Language) -> Iterator[str]:
    value, items = part.value, f"{part.name}Items"
    if not value.keys:
        yield f"// {comment(value.path)} is an empty {value.kind} on the inputs that were run"
        return
    if value.kind == "dict":
        of = {type(key_of(key)) for key in value.keys}
        reader, boxed = ("toDictLongKey", "Long") if of == {int} else ("toDictStringKey", "String")
        yield language.declare(f"Map<{boxed}, IValue>", items, f"{expression}.{reader}()")
        for key, child in part.children:
            found = key_of(key)
            if found is not None:
                yield from _read(child, language.item(items, found), language)
        return
    whole = len(part.kinds) == 1 and len(part.children) == len(value.keys)
    own = _LISTS.get(next(iter(part.kinds))) if value.kind == "list" and whole else None
    reader, kind = own or (("toTuple" if value.kind == "tuple" else "toList"), "IValue")
    yield language.declare(f"{kind}[]", items, f"{expression}.{reader}()")
    for index, (_, child) in enumerate(part.children):
        yield from _read(child, f"{items}[{index}]", language, unboxed=own is not None)
