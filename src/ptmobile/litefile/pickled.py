"""A pickle reader that builds nothing but numbers, strings and tuples, and calls nothing.

`bytecode.pkl` needs no more than that: PyTorch writes its tables as nested tuples. Tensors, classes, lists and dicts
occur among a function's constants only, and we do not look at those, so all of them become one inert value. Python's
own unpickler is no base for this: with `find_class` overridden it still calls what it is given, and one opcode (a memo
index of 2**31) makes it reserve gigabytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from ptmobile.litefile.model import LiteFileError

#: Upper bounds for what is read. A quantised mobilenet_v2 needs 70 thousand opcodes in 130 kB; hostile input of the
#: greatest length is read in seconds and held in about 400 MB.
MAX_PICKLE_BYTES: Final = 32 * 2**20
MAX_OPCODES: Final = 6_000_000
MAX_DEPTH_OF_MARKS: Final = 1000


class Inert:
    """Stands for a tensor, an object, a list or a dict in the pickle; there is one instance and it holds nothing."""

    def __repr__(self) -> str:
        return "<inert>"


INERT: Final = Inert()


def load_plain(data: bytes, what: str) -> object:
    """Read a pickle of protocol 2 as PyTorch's C++ `Pickler` writes it (torch/csrc/jit/serialization/pickler.cpp).

    Returns numbers, strings, None and tuples of such; everything else is `INERT`. `what` names it in messages.

    Raises:
        LiteFileError: the data end early, are too large, or use an opcode that PyTorch never writes.
    """
    if len(data) > MAX_PICKLE_BYTES:
        raise LiteFileError(f"{what} is larger than {MAX_PICKLE_BYTES} bytes: no bytecode of a model.")
    return _Machine(data, what).run()


class _Machine:
    """The pickle virtual machine, reduced to data."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._what = what
        self._position = 0
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: list[object] = []

    def run(self) -> object:
        data = self._data
        stop = ord(".")
        for _ in range(MAX_OPCODES):
            if self._position >= len(data):
                raise self._damage("ends early")
            opcode = data[self._position]
            self._position += 1
            if opcode == stop:
                return self._result()
            action = _ACTIONS.get(opcode)
            if action is None:
                raise self._damage(f"uses the opcode 0x{opcode:02x}, which PyTorch never writes,")
            action(self)
        raise self._damage(f"has more than {MAX_OPCODES} opcodes")

    def _damage(self, problem: str) -> LiteFileError:
        return LiteFileError(f"{self._what} is damaged: it {problem} (at byte {self._position}).")

    def _result(self) -> object:
        if self._marks or len(self._stack) != 1:
            raise self._damage("stops in the middle of a value")
        return self._stack[0]

    def take(self, count: int) -> bytes:
        """The next `count` bytes of the pickle."""
        end = self._position + count
        if end > len(self._data):
            raise self._damage("ends early")
        chunk = self._data[self._position : end]
        self._position = end
        return chunk

    def take_line(self) -> None:
        """Skip to the end of the line."""
        end = self._data.find(b"\n", self._position)
        if end < 0:
            raise self._damage("ends early")
        self._position = end + 1

    def push(self, value: object) -> None:
        self._stack.append(value)

    def pop(self, count: int) -> list[object]:
        """The topmost values, never reaching below the last mark."""
        floor = self._marks[-1] if self._marks else 0
        start = len(self._stack) - count
        if start < floor:
            raise self._damage("takes more values than there are")
        taken = self._stack[start:]
        del self._stack[start:]
        return taken

    def mark(self) -> None:
        if len(self._marks) >= MAX_DEPTH_OF_MARKS:
            raise self._damage("is nested too deeply")
        self._marks.append(len(self._stack))

    def pop_to_mark(self) -> list[object]:
        if not self._marks:
            raise self._damage("closes a group that was never opened")
        taken = self._stack[self._marks[-1] :]
        del self._stack[self._marks.pop() :]
        return taken

    def remember(self, index: int) -> None:
        """Store the topmost value; the pickler numbers its memo one by one, so a gap means damage."""
        if not self._stack or index > len(self._memo):
            raise self._damage("numbers its memo wrongly")
        if index == len(self._memo):
            self._memo.append(self._stack[-1])
        else:
            self._memo[index] = self._stack[-1]

    def recall(self, index: int) -> None:
        if index >= len(self._memo):
            raise self._damage("asks for a value it has not stored")
        self._stack.append(self._memo[index])


_Action = Callable[[_Machine], None]


def _protocol(machine: _Machine) -> None:
    machine.take(1)


def _constant(value: object) -> _Action:
    return lambda machine: machine.push(value)


def _number(layout: str, then: Callable[[_Machine, Any], None] = _Machine.push) -> _Action:
    form = struct.Struct(layout)
    return lambda machine: then(machine, form.unpack(machine.take(form.size))[0])


def _text(machine: _Machine, length: int) -> None:
    # A constant may hold any bytes; names are checked where they are used.
    machine.push(machine.take(length).decode("utf-8", "replace"))


def _long(machine: _Machine, length: int) -> None:
    machine.push(int.from_bytes(machine.take(length), "little", signed=True))


def _tuple(count: int) -> _Action:
    return lambda machine: machine.push(tuple(machine.pop(count)))


def _inert_from(count: int) -> _Action:
    """An operation on `count` values whose outcome we never look at: calling, building, appending."""

    def act(machine: _Machine) -> None:
        machine.pop(count)
        machine.push(INERT)

    return act


def _global(machine: _Machine) -> None:
    machine.take_line()
    machine.take_line()
    machine.push(INERT)


def _items(machine: _Machine) -> None:
    # APPENDS and SETITEMS leave the container below the mark where it is.
    machine.pop_to_mark()


_ACTIONS: Final[dict[int, _Action]] = {
    0x80: _protocol,
    ord("("): _Machine.mark,
    ord("N"): _constant(None),
    0x88: _constant(value=True),
    0x89: _constant(value=False),
    ord("K"): _number("<B"),
    ord("M"): _number("<H"),
    ord("J"): _number("<i"),
    ord("G"): _number(">d"),
    0x8A: _number("<B", _long),  # LONG1
    ord("X"): _number("<I", _text),  # BINUNICODE
    ord(")"): _constant(()),
    ord("t"): lambda machine: machine.push(tuple(machine.pop_to_mark())),
    0x85: _tuple(1),
    0x86: _tuple(2),
    0x87: _tuple(3),
    ord("]"): _constant(INERT),
    ord("}"): _constant(INERT),
    ord("a"): _inert_from(2),  # APPEND
    ord("e"): _items,
    ord("s"): _inert_from(3),  # SETITEM
    ord("u"): _items,
    ord("c"): _global,
    ord("R"): _inert_from(2),  # REDUCE: a callable and its arguments; neither is anything here
    0x81: _inert_from(2),  # NEWOBJ
    ord("b"): _inert_from(2),  # BUILD
    ord("Q"): _inert_from(1),  # BINPERSID: a tensor's storage
    ord("q"): _number("<B", _Machine.remember),
    ord("r"): _number("<I", _Machine.remember),
    ord("h"): _number("<B", _Machine.recall),
    ord("j"): _number("<I", _Machine.recall),
}
