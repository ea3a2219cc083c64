"""A pickle reader that calls nothing: what a checkpoint describes becomes plain containers and records.

A pickle is a program: "import this name, call it with that". ``torch.load(weights_only=True)`` runs a restricted form
of it, but the one of torch 1.13 refuses every Python float, so the checkpoint of an ordinary training loop cannot be
read with it. A :class:`pickle.Unpickler` with a ``find_class`` of its own still calls what that returns, sets
attributes on it and asks it for methods. Here no name is ever looked up and no attribute ever set: a global becomes a
``Named``, a tensor a record that says where its bytes are, every other object an ``Unread``
(:mod:`~ptmobile.worker.loading.pickle_records`). The opcodes are decoded by :func:`pickletools.genops`, the standard
library's disassembler.
"""

from __future__ import annotations

import itertools
import pickletools
from collections import OrderedDict
from collections.abc import Callable
from typing import IO, Any, Final

from ptmobile.worker.loading.pickle_records import (
    DamagedFileError,
    Named,
    StoredStorage,
    Unread,
    call_record,
    persistent_record,
)

# A state dict of a thousand tensors has 50,000; this many take about a minute.
MAX_OPCODES: Final = 50_000_000
_MARK: Final = object()


def load(file: IO[bytes], storage_kinds: dict[str, str] | None = None) -> object:
    """Read one pickle; the file is left at the byte behind it.

    ``storage_kinds`` receives the kind of every storage that is named, also of those in objects that are not built.

    Raises:
        DamagedFileError: the data are no pickle, break off, or use an opcode that no checkpoint uses.
    """
    machine = _Machine({} if storage_kinds is None else storage_kinds)
    try:
        for opcode, argument, _position in itertools.islice(pickletools.genops(file), MAX_OPCODES):
            if opcode.name == "STOP":
                return machine.result()
            _ACTIONS.get(opcode.name, _refuse)(machine, argument)
    except DamagedFileError:
        raise
    except Exception as error:
        # Whatever damaged data make the decoder or an action raise: IndexError, KeyError, UnicodeDecodeError, ...
        raise DamagedFileError(f"it breaks off or is no pickle ({type(error).__name__})") from error
    raise DamagedFileError(f"it has more than {MAX_OPCODES} opcodes")


class _Machine:
    """The pickle machine, reduced to data: a stack and a memo. Marks lie on the stack."""

    def __init__(self, storage_kinds: dict[str, str]) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, object] = {}
        self.storage_kinds = storage_kinds

    def push(self, value: object) -> None:
        self.stack.append(value)

    def take(self, count: int) -> list[Any]:
        """The topmost values."""
        if len(self.stack) < count:
            raise DamagedFileError("it takes more values than there are")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def take_to_mark(self) -> list[Any]:
        """Everything above the topmost mark."""
        index = next(i for i in range(len(self.stack) - 1, -1, -1) if self.stack[i] is _MARK)
        items = self.stack[index + 1 :]
        del self.stack[index:]
        return items

    def result(self) -> object:
        """What STOP returns: the one value that is left."""
        (value,) = self.stack
        if value is _MARK:
            raise DamagedFileError("it ends in the middle of a value")
        return value

    def put(self, index: int | None) -> None:
        """PUT has an index; MEMOIZE counts by itself."""
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def stack_global(self, _: object) -> None:
        module, name = self.take(2)
        self.push(Named(f"{module}.{name}"))

    def call(self, count: int) -> None:
        """REDUCE and NEWOBJ take a target and its arguments, NEWOBJ_EX keyword arguments too."""
        target, args, *_keywords = self.take(count)
        self.push(call_record(target, args))

    def obj(self, _: object) -> None:
        """OBJ, the protocol 1 form of a call."""
        target, *args = self.take_to_mark()
        self.push(call_record(target, tuple(args)))

    def inst(self, names: str) -> None:
        """INST, the protocol 0 form of a call."""
        self.push(call_record(_named(names), tuple(self.take_to_mark())))

    def persistent(self, _: object) -> None:
        """BINPERSID: a storage (not PERSID, whose text form torch.save cannot write)."""
        record = persistent_record(*self.take(1))
        if isinstance(record, StoredStorage):
            self.storage_kinds.setdefault(record.key, record.kind)
        self.push(record)

    def build(self, _: object) -> None:
        """State for the object below. Two things in it matter: a state dict's versions, and signs of an nn.Module."""
        (state,) = self.take(1)
        target = self.stack[-1]
        if not isinstance(state, dict):
            return
        if type(target) is Unread:
            target.is_module = target.is_module or {"_modules", "_parameters"} <= state.keys()
        elif type(target) is OrderedDict and isinstance(state.get("_metadata"), dict):
            vars(target)["_metadata"] = state["_metadata"]

    def extend(self, items: list[Any]) -> None:
        """More elements for the list or set below them."""
        target = self.stack[-1]
        if type(target) is list:
            target.extend(items)
        elif type(target) is set:
            target.update(items)
        elif type(target) is not Unread:
            raise DamagedFileError(f"it appends to a {type(target).__name__}")

    def set_items(self, items: list[Any]) -> None:
        """More keys and values for the dict below them."""
        target = self.stack[-1]
        if type(target) in (dict, OrderedDict):
            target.update(_pairs(items))
        elif type(target) is not Unread:
            raise DamagedFileError(f"it sets items of a {type(target).__name__}")


def _refuse(_machine: _Machine, _argument: object) -> None:
    raise DamagedFileError("it uses an opcode that no checkpoint uses")


def _named(names: str) -> Named:
    # genops joins module and name with a space; neither has one.
    return Named(names.replace(" ", ".", 1))


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return dict(zip(items[::2], items[1::2], strict=True))


_ACTIONS: dict[str, Callable[[_Machine, Any], object]] = {
    "PROTO": lambda _machine, _: None,
    "FRAME": lambda _machine, _: None,
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(value=True),
    "NEWFALSE": lambda machine, _: machine.push(value=False),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_SET": lambda machine, _: machine.push(set()),
    "LIST": lambda machine, _: machine.push(machine.take_to_mark()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.take_to_mark())),
    "DICT": lambda machine, _: machine.push(_pairs(machine.take_to_mark())),
    "FROZENSET": lambda machine, _: machine.push(frozenset(machine.take_to_mark())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.take(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.take(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.take(3))),
    "APPEND": lambda machine, _: machine.extend(machine.take(1)),
    "APPENDS": lambda machine, _: machine.extend(machine.take_to_mark()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.take_to_mark()),
    "SETITEM": lambda machine, _: machine.set_items(machine.take(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.take_to_mark()),
    "MARK": lambda machine, _: machine.push(_MARK),
    "POP": lambda machine, _: machine.take(1),
    "POP_MARK": lambda machine, _: machine.take_to_mark(),
    "DUP": lambda machine, _: machine.push(machine.stack[-1]),
    "GLOBAL": lambda machine, names: machine.push(_named(names)),
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": lambda machine, _: machine.call(2),
    "NEWOBJ": lambda machine, _: machine.call(2),
    "NEWOBJ_EX": lambda machine, _: machine.call(3),
    "INST": _Machine.inst,
    "OBJ": _Machine.obj,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent,
}
# These push the value that genops has decoded. Not NEXT_BUFFER and READONLY_BUFFER: a file has no buffers beside it.
_ACTIONS |= dict.fromkeys(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    ),
    _Machine.push,
)
_ACTIONS |= dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put)
_ACTIONS |= dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda machine, index: machine.push(machine.memo[index]))
_ACTIONS |= dict.fromkeys(("EXT1", "EXT2", "EXT4"), lambda machine, code: machine.push(Named(f"extension.{code}")))
