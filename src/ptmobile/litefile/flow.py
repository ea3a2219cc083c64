"""Which operators of a function run whenever it does, whatever its arguments are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

#: Instructions that may go on further down: by how much is their first operand (torch/csrc/jit/mobile/interpreter.cpp).
_JUMPS: Final = frozenset({"JF", "JMP", "LOOP"})
_CALLS: Final = frozenset({"OP", "OPN"})


def always_called(instructions: Sequence[object]) -> Iterator[int]:
    """The positions, in the table of operators, of those that no branch and no loop can leave out.

    A loop may be run through no time at all, so what is inside counts as left out.
    """
    certain_from = 0
    for position, instruction in enumerate(instructions):
        match instruction:
            case (str() as name, int() as operand, *_):
                if name in _JUMPS:
                    certain_from = max(certain_from, position + operand)
                elif name in _CALLS and position >= certain_from:
                    yield operand
