"""An einsum with a constant equation, as TorchScript text in permute, reshape, matmul, mul and sum.

Operands are taken two by two: what only one of them has and nobody needs later is summed away at once, what both have
and somebody needs becomes the batch of a matrix product, what both have and nobody needs is summed by that product.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

#: Letters to both sides of an arrow; "..." is not among them (see ``ellipsis.py``).
_EQUATION: Final = re.compile(r"([A-Za-z]*(?:,[A-Za-z]*)*)(?:->([A-Za-z]*))?")
#: The first line of the text, with the operator's own arguments.
HEAD: Final = "def einsum(equation: str, tensors: List[Tensor], path: Optional[List[int]]) -> Tensor:"


def einsum_text(equation: str, path: Sequence[int] | None = None) -> str | None:
    """The text of a function with the operator's arguments (equation, tensors, path); None if it cannot be written.

    ``path`` lists the positions of the two operands of each product, which go to the end of the list when multiplied;
    without it they are multiplied from left to right.
    """
    match = _EQUATION.fullmatch(equation.replace(" ", ""))
    if match is None:
        return None
    operands = match[1].split(",")
    output = _implied(match[1]) if match[2] is None else match[2]
    if len(set(output)) != len(output) or not set(output) <= set(match[1]):
        return None
    writer = _Writer()
    terms = [writer.operand(number, labels) for number, labels in enumerate(operands)]
    pairs = list(path) if path else [0, 1] + [-1, 0] * (len(terms) - 2)
    for first, second in zip(pairs[::2], pairs[1::2], strict=False):
        if len(terms) > max(first, second, 1):
            terms = _multiply(writer, terms, first, second, output)
    if len(terms) != 1:
        return None
    writer.finish(terms[0], output)
    return "\n    ".join(writer.lines) + "\n"


@dataclass(frozen=True)
class _Term:
    """A tensor in the text: its variable, and the label of each of its dimensions."""

    name: str
    labels: str


def _implied(operands: str) -> str:
    letters = operands.replace(",", "")
    return "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))


def _multiply(writer: _Writer, terms: list[_Term], first: int, second: int, output: str) -> list[_Term]:
    left, right = terms[first], terms[second]
    rest = [term for term in terms if term is not left and term is not right]
    needed = set(output).union(*(term.labels for term in rest))
    product = writer.product(left, right, needed)
    return [*rest, product]


@dataclass
class _Writer:
    """Writes the function line by line, with a variable per step."""

    lines: list[str] = field(default_factory=lambda: [HEAD])

    def put(self, expression: str) -> str:
        """Write a step; returns the variable that holds its result."""
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {expression}")
        return name

    def operand(self, number: int, labels: str) -> _Term:
        """An operand; a label that it has twice takes the diagonal."""
        name = self.put(f"tensors[{number}]")
        while repeated := next((label for label in labels if labels.count(label) > 1), None):
            first = labels.index(repeated)
            second = labels.index(repeated, first + 1)
            name = self.put(f"{name}.diagonal(0, {first}, {second})")
            labels = labels[:first] + labels[first + 1 : second] + labels[second + 1 :] + repeated
        return _Term(name, labels)

    def summed(self, term: _Term, needed: set[str]) -> _Term:
        """Sum over the labels that nobody needs."""
        dims = [at for at, label in enumerate(term.labels) if label not in needed]
        if not dims:
            return term
        return _Term(self.put(f"{term.name}.sum({dims})"), "".join(label for label in term.labels if label in needed))

    def ordered(self, term: _Term, labels: str) -> str:
        """A variable with the dimensions in this order."""
        if labels == term.labels:
            return term.name
        return self.put(f"{term.name}.permute({[term.labels.index(label) for label in labels]})")

    def finish(self, term: _Term, output: str) -> None:
        """Return a term as the result."""
        self.lines.append(f"return {self.ordered(self.summed(term, set(output)), output)}")

    def product(self, left: _Term, right: _Term, needed: set[str]) -> _Term:
        """The product of two terms, summed over what both have and nobody needs."""
        left = self.summed(left, needed | set(right.labels))
        right = self.summed(right, needed | set(left.labels))
        both = [label for label in left.labels if label in right.labels]
        batch = "".join(label for label in both if label in needed)
        inner = "".join(label for label in both if label not in needed)
        rows = "".join(label for label in left.labels if label not in both)
        columns = "".join(label for label in right.labels if label not in both)
        multiply = self._by_matmul if inner else self._by_elements
        return _Term(multiply(left, right, (batch, rows, inner, columns)), batch + rows + columns)

    def _by_elements(self, left: _Term, right: _Term, groups: tuple[str, str, str, str]) -> str:
        batch, rows, _, columns = groups
        first = self.ordered(left, batch + rows) + ".unsqueeze(-1)" * len(columns)
        second = self.ordered(right, batch + columns) + f".unsqueeze({len(batch)})" * len(rows)
        return self.put(f"{first} * {second}")

    def _by_matmul(self, left: _Term, right: _Term, groups: tuple[str, str, str, str]) -> str:
        batch, rows, inner, columns = groups
        # A label may have one element in one operand and many in the other.
        sizes = {label: self._common_size(left, right, label) for label in batch + inner}
        sizes |= {label: self.put(f"{left.name}.size({left.labels.index(label)})") for label in rows}
        sizes |= {label: self.put(f"{right.name}.size({right.labels.index(label)})") for label in columns}
        first = self._matrix(left, (batch, rows, inner), sizes)
        second = self._matrix(right, (batch, inner, columns), sizes)
        product = self.put(f"torch.matmul({first}, {second})")
        return self.put(f"{product}.reshape({_listed(sizes[label] for label in batch + rows + columns)})")

    def _common_size(self, left: _Term, right: _Term, label: str) -> str:
        mine = self.put(f"{left.name}.size({left.labels.index(label)})")
        return self.put(f"{right.name}.size({right.labels.index(label)}) if {mine} == 1 else {mine}")

    def _matrix(self, term: _Term, groups: tuple[str, str, str], sizes: dict[str, str]) -> str:
        labels = "".join(groups)
        whole = f"{self.ordered(term, labels)}.expand({_listed(sizes[label] for label in labels)})"
        kept = groups if groups[0] else groups[1:]  # a matrix product without batch is one of matrices
        return self.put(f"{whole}.reshape({_listed(_size(sizes, group) for group in kept)})")


def _size(sizes: dict[str, str], labels: str) -> str:
    return " * ".join(sizes[label] for label in labels) or "1"


def _listed(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"
