"""What the bytecode of a `.ptl` says: its version, its functions, their operators and types.

The table's form is described in torch/csrc/jit/mobile/import.cpp:
`(version, (qualified name, (('instructions', …), ('operators', …), ('constants', …), ('types', …),
('register_size', n)), schema), …)`; an operator is `(name, overload)`, from bytecode 6 on
`(name, overload, number of arguments)`. Files older than version 4 may lack the version in front.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ptmobile.litefile.flow import always_called
from ptmobile.litefile.model import LiteFileError, printable
from ptmobile.litefile.pickled import load_plain

#: What torch/csrc/jit/mobile/import.cpp assumes for files from before the number was written.
UNNUMBERED_VERSION: Final = 3
#: Tables may be shared between functions by the pickle's memo, so their sum is not bounded by the file's size.
MAX_TABLE_ROWS: Final = 1_000_000
#: Methods of the root that (un)pickle it; no app calls them.
_PICKLING: Final = frozenset({"__getstate__", "__setstate__"})

_WORDS = re.compile(r"[\w.]+")
# In `…P[NamedTuple, [[a, Tensor],[b, int]]]` a bracket that follows no word opens a pair of field name and type.
_FIELD_NAME = re.compile(r"(?<!\w)\[\s*\w+\s*,")


@dataclass(slots=True)
class Bytecode:
    """What all functions of a file use together; `always` are the operators that run whenever `forward` does.

    None: there is no `forward`.
    """

    version: int
    functions: list[str] = field(default_factory=list)
    operators: dict[str, int | None] = field(default_factory=dict)
    types: set[str] = field(default_factory=set)
    always: set[str] | None = None

    def methods(self) -> tuple[str, ...]:
        """The root module's methods, sorted.

        They are exported before those of submodules (torch/csrc/jit/serialization/export_module.cpp), so the first
        function's class is the root's.
        """
        if not self.functions:
            return ()
        root = self.functions[0].rpartition(".")[0]
        names = {name for owner, _, name in (full.rpartition(".") for full in self.functions) if owner == root}
        return tuple(sorted(names - _PICKLING))


def read_bytecode(data: bytes) -> Bytecode:
    """Read the content of `bytecode.pkl`.

    Raises:
        LiteFileError: it is damaged, or is not the table that PyTorch writes.
    """
    table = load_plain(data, "bytecode.pkl")
    if not isinstance(table, tuple):
        raise _unexpected("it is no tuple")
    version: object = UNNUMBERED_VERSION
    if table and isinstance(table[0], int):
        version, *table = table
    if not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 1000:
        raise _unexpected(f"its version is {version!r}")
    bytecode = Bytecode(version)
    rows_left = MAX_TABLE_ROWS
    for function in table:
        rows_left -= _read_function(function, bytecode)
        if rows_left < 0:
            raise _unexpected(f"its tables have more than {MAX_TABLE_ROWS} rows")
    return bytecode


def _unexpected(why: str) -> LiteFileError:
    return LiteFileError(f"bytecode.pkl is not the table that PyTorch writes: {why}.")


def _read_function(function: object, bytecode: Bytecode) -> int:
    """Add what one function uses; returns the number of table rows that took."""
    match function:
        case (str() as name, tuple() as code, *_):
            pass
        case _:
            raise _unexpected("a function is not a name with a code table")
    bytecode.functions.append(printable(name, "function name"))
    operators = _rows(code, "operators")
    types = _rows(code, "types")
    names = [_read_operator(operator, bytecode) for operator in operators]
    if bytecode.always is None and name == f"{bytecode.functions[0].rpartition('.')[0]}.forward":
        instructions = _table(code, "instructions") or ()
        bytecode.always = {names[at] for at in always_called(instructions) if 0 <= at < len(names)}
    for entry in types:
        if not isinstance(entry, str):
            raise _unexpected("a type is not a string")
        bytecode.types |= contained_types(printable(entry, "type", limit=100_000))
    return 1 + len(operators) + len(types)


def _rows(code: tuple[object, ...], wanted: str) -> tuple[object, ...]:
    rows = _table(code, wanted)
    if rows is None:
        raise _unexpected(f"a function has no table of {wanted}")
    return rows


def _table(code: tuple[object, ...], wanted: str) -> tuple[object, ...] | None:
    for row in code[:16]:  # five are written; the bound keeps a hostile table from being searched for every function
        match row:
            case (str() as key, tuple() as values) if key == wanted:
                return values
    return None


def _read_operator(operator: object, bytecode: Bytecode) -> str:
    arguments: int | None = None
    match operator:
        case (str() as name, str() as overload):
            pass
        case (str() as name, str() as overload, int() as arguments):
            pass
        case _:
            raise _unexpected("an operator is not a name with an overload")
    full = printable(f"{name}.{overload}" if overload else name, "operator name")
    known = bytecode.operators.get(full)
    # The most demanding call decides what a runtime must offer.
    bytecode.operators[full] = arguments if known is None else max(known, arguments or 0)
    return full


def contained_types(text: str) -> set[str]:
    """The atomic types of a type's text: `Dict[int, Tuple[Tensor]]` gives Dict, int, Tuple, Tensor.

    As torch/csrc/jit/mobile/type_parser.cpp counts them, and in addition the names of classes.
    """
    return set(_WORDS.findall(_FIELD_NAME.sub("[", text)))
