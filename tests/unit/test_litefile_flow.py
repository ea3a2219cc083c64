"""Which operators run whenever a function does, told by its instructions."""

from __future__ import annotations

import pickle

import pytest

from ptmobile.litefile.bytecode import read_bytecode
from ptmobile.litefile.flow import always_called

LOAD, RET = ("LOAD", 1, 0), ("RET", 0, 0)


def op(number: int) -> tuple[str, int, int]:
    return ("OP", number, 0)


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ((op(0), ("OPN", 1, 2), RET), [0, 1]),
        ((op(0), ("JF", 3, 0), op(1), ("JMP", 2, 0), op(2), op(3), RET), [0, 3]),  # if, else
        ((("JF", 2, 0), op(0), op(1), RET), [1]),  # if without else
        ((("LOOP", 3, 1), op(0), ("JMP", -2, 0), op(1), RET), [1]),
        ((("JF", 5, 0), op(0), ("JF", 2, 0), op(1), op(2), op(3)), [3]),  # a branch in a branch
        ((("STORE", 7, 0), op(0)), [0]),  # another operand than a distance
        ((), []),
        (("OP", ("OP",), ("OP", "x"), None, op(2)), [2]),
    ],
)
def test_what_is_always_called(instructions: tuple[object, ...], expected: list[int]) -> None:
    assert list(always_called(instructions)) == expected


def function(name: str, *instructions: object, operators: tuple[object, ...] = (("a", ""), ("b", ""))) -> object:
    return (name, (("instructions", instructions), ("operators", operators), ("types", ())))


def always(*functions: object) -> set[str] | None:
    return read_bytecode(pickle.dumps((5, *functions), protocol=2)).always


def test_only_forward_of_the_root_counts() -> None:
    root, other = "__torch__.N.forward", "__torch__.N.feats"
    assert always(function(other, op(0)), function(root, op(1))) == {"b"}
    assert always(function(root), function("__torch__.Sub.forward", op(1))) == set()
    assert always(function(other, op(0))) is None
    assert always(function(root, op(0)), function(root, op(1))) == {"a"}


def test_positions_outside_of_the_table_are_nothing() -> None:
    assert always(function("__torch__.N.forward", op(-1), op(2), op(1))) == {"b"}
