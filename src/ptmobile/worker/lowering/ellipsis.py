"""An einsum whose equation has an ellipsis, as TorchScript text: its dimensions, how many there may be, become one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_letters
from typing import Final

from ptmobile.worker.lowering.einsum import HEAD, einsum_text

_DOTS: Final = "..."
_SIDE: Final = re.compile(r"[A-Za-z]*(?:\.\.\.)?[A-Za-z]*")
_HELPERS: Final = """
def front(x: Tensor, before: int, letters: int) -> Tensor:
    # The dimensions of the ellipsis first; ``before`` letters stand before it.
    order: List[int] = []
    for i in range(x.dim() - letters):
        order.append(before + i)
    for i in range(before):
        order.append(i)
    for i in range(before + x.dim() - letters, x.dim()):
        order.append(i)
    return x.permute(order)


def common(first: List[int], second: List[int]) -> List[int]:
    # The shape to which two shapes are broadcast.
    size = max(len(first), len(second))
    result: List[int] = []
    for i in range(size):
        a = len(first) - size + i
        b = len(second) - size + i
        one = first[a] if a >= 0 else 1
        other = second[b] if b >= 0 else 1
        result.append(other if one == 1 else one)
    return result


def folded(x: Tensor, shape: List[int], letters: int) -> Tensor:
    own = x.shape[x.dim() - letters :]
    count = 1
    for size in shape:
        count *= size
    return x.expand(shape + own).reshape([count] + own)


def unfolded(x: Tensor, shape: List[int], before: int) -> Tensor:
    # From one dimension in front to the shape, behind ``before`` letters.
    x = x.reshape(shape + x.shape[1:])
    order: List[int] = []
    for i in range(before):
        order.append(len(shape) + i)
    for i in range(len(shape)):
        order.append(i)
    for i in range(len(shape) + before, x.dim()):
        order.append(i)
    return x.permute(order)
"""


def einsum_with_ellipsis(equation: str, path: Sequence[int] | None = None) -> str | None:
    """The text of a function with the operator's arguments; None if the equation has no ellipsis, or makes no sense.

    The dimensions of the ellipsis are brought to the front of each operand, broadcast, and taken as one, for which a
    letter stands that the equation does not have.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    operands = left.split(",")
    if _DOTS not in left or not all(_SIDE.fullmatch(side) for side in (*operands, right)):
        return None
    letter = next((one for one in ascii_letters if one not in equation), None)
    if letter is None:
        return None
    output = right if arrow else _DOTS + _once(left)
    sides = [_folded(side, letter) for side in (*operands, output)]
    plain = einsum_text(f"{','.join(sides[:-1])}->{sides[-1]}", path)
    if plain is None:
        return None
    return "\n".join([_HELPERS, plain.replace("def einsum", "def plain", 1), _whole(operands, output)])


def _once(operands: str) -> str:
    """What the output of an equation without arrow has behind the ellipsis."""
    letters = [letter for letter in operands if letter.isalpha()]
    return "".join(sorted(letter for letter in letters if letters.count(letter) == 1))


def _folded(side: str, letter: str) -> str:
    return letter + side.replace(_DOTS, "") if _DOTS in side else side


def _whole(operands: list[str], output: str) -> str:
    lines = [HEAD, "shape: List[int] = []"]
    for number, side in enumerate(operands):
        before, dots, after = side.partition(_DOTS)
        letters = len(before + after)
        lines.append(f"x{number} = tensors[{number}]")
        if dots:
            lines.append(f"x{number} = front(x{number}, {len(before)}, {letters})")
            lines.append(f"shape = common(shape, x{number}.shape[: x{number}.dim() - {letters}])")
    for number, side in enumerate(operands):
        if _DOTS in side:
            lines.append(f"x{number} = folded(x{number}, shape, {len(side) - len(_DOTS)})")
    lines.append(f"y = plain(equation, [{', '.join(f'x{number}' for number in range(len(operands)))}], None)")
    lines.append(f"return unfolded(y, shape, {output.index(_DOTS)})" if _DOTS in output else "return y")
    return "\n    ".join(lines) + "\n"
