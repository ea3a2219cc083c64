"""The files by which a library is asked: a module with a bytecode version, an archive version, and names of operators.

`forward` takes nothing and returns None. Its table may name any operators: the lite interpreter looks all of them up
when it loads the file, whether an instruction calls them or not. Nothing here needs torch; the form of the table is
described in `litefile/bytecode.py`.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from dataclasses import dataclass
from typing import Final

#: torch/csrc/jit/serialization: of an archive that holds an object without attributes, and of an empty one.
_OBJECT: Final = b"\x80\x02c__torch__\nQuestion\n)\x81}b."
_NOTHING: Final = b"\x80\x02)."
#: Drop the module itself (register 1), return the constant None.
_INSTRUCTIONS: Final = (("STOREN", 1, 1), ("DROPR", 1, 0), ("LOADC", 0, 0), ("RET", 0, 0))
_SCHEMA: Final = (
    ("arguments", ((("name", "self"), ("type", "__torch__.Question"), ("default_value", None)),)),
    ("returns", ((("name", ""), ("type", "NoneType"), ("default_value", None)),)),
)


@dataclass(frozen=True)
class Question:
    """Will you load this? Operators are written as `namespace::name.overload`."""

    bytecode: int
    archive: int
    operators: tuple[str, ...] = ()


def make_file(question: Question) -> bytes:
    """The `.ptl` that asks a question."""
    records = {
        "bytecode.pkl": pickle.dumps(_table(question), protocol=2),
        "constants.pkl": _NOTHING,
        "data.pkl": _OBJECT,
        "version": f"{question.archive}\n".encode(),
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in records.items():
            archive.writestr(zipfile.ZipInfo(f"question/{name}"), data)
    return stream.getvalue()


def _table(question: Question) -> tuple[object, ...]:
    code = (
        ("instructions", _INSTRUCTIONS),
        # Without a number of arguments, which only bytecode 6 and newer could have: all versions read this.
        ("operators", tuple(_name_and_overload(operator) for operator in question.operators)),
        ("constants", (None,)),
        ("types", ()),
        ("register_size", 1),
    )
    return (question.bytecode, ("__torch__.Question.forward", code, _SCHEMA))


def _name_and_overload(operator: str) -> tuple[str, str]:
    name, _, overload = operator.partition(".")
    return name, overload
