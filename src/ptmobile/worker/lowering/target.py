"""What the runtime has that a file is made for, and how a call in a graph measures up to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

import torch

#: From this bytecode on, a call stores how many arguments it was given, and the runtime fills in the others by its own
#: defaults (pytorch pull request 56845); before, all arguments of the writer's schema are pushed.
FIRST_COUNTED_BYTECODE: Final = 6

#: Operators of a graph that are no operators in a file: torch/csrc/jit/runtime/interpreter/code_impl.h turns them into
#: instructions, or into nothing.
_INSTRUCTIONS: Final = frozenset({"aten::warn", "prim::unchecked_cast"})
#: Called with more arguments than an old runtime knows, it still raises, if with the wrong text.
_RAISES: Final = "prim::RaiseException"


def _is_of_one_type(node: Any) -> bool:
    """Whether a call of where surely gets two tensors of one type, so that promoting or not makes no difference."""
    dtypes = [_dtype_of(value) for value in list(node.inputs())[1:]]
    return dtypes[0] is not None and dtypes[0] == dtypes[1]


def _dtype_of(value: Any) -> object:
    """The type that a tensor has been brought to, by which value or as which constant."""
    node = value.node()
    if node.kind() == "aten::to" and node.inputsAt(1).type().kind() == "IntType":
        return node.inputsAt(1).unique()
    constant = value.toIValue() if node.kind() == "prim::Constant" else None
    return constant.dtype if isinstance(constant, torch.Tensor) else None


def _normalises_last(node: Any) -> bool:
    norm_first = node.inputsAt(8)
    return norm_first.node().kind() == "prim::Constant" and norm_first.toIValue() is False


def _never(_: Any) -> bool:
    return False


#: Operators whose meaning changed while name and schema stayed, and no archive version tells: the first release of
#: PyTorch that computes as the one which writes the file does, and which calls make no difference.
#: floor_divide truncated (pytorch pull request 78411), where did not promote (issues 9190 and 73298), and the encoder
#: layer of 1.12 raises for norm_first; each seen with the interpreters of PyTorch 1.9.1, 1.10.2 and 1.12.1.
_CHANGED: Final[dict[str, tuple[tuple[int, int], Callable[[Any], bool]]]] = {
    "aten::floor_divide": ((1, 13), _never),
    "aten::floor_divide.Scalar": ((1, 13), _never),
    "aten::floor_divide_.Tensor": ((1, 13), _never),
    "aten::floor_divide_.Scalar": ((1, 13), _never),
    "aten::where.self": ((1, 12), _is_of_one_type),
    "aten::where.ScalarSelf": ((1, 12), _never),
    "aten::where.ScalarOther": ((1, 12), _never),
    "aten::_transformer_encoder_layer_fwd": ((1, 13), _normalises_last),
}


@dataclass(frozen=True)
class Target:
    """A runtime, and the bytecode of the file made for it.

    ``operators`` maps the name of each operator that it has (``namespace::name.overload``) to the number of its
    arguments. ``archive_version`` is the highest that it reads. ``torch`` is the line of PyTorch that it was built
    from. ``bytecode_version`` is that of the file after backporting.
    """

    release: str
    operators: Mapping[str, int]
    bytecode_version: int
    archive_version: int
    torch: tuple[int, int]

    def lack(self, node: Any) -> str | None:
        """Why the runtime cannot run a node of a graph as it stands, in words; None if it can, or it is no operator."""
        schema = schema_of(node)
        if schema is None or schema.operator in _INSTRUCTIONS:
            return None
        name = schema.operator
        has = self.operators.get(name)
        if has is None:
            # Operators of other libraries, such as torchvision's, are the app's to supply.
            ours = name.partition("::")[0] in self._namespaces
            return f"{self.release} does not have it" if ours else None
        if (raised := _archive_versions().get(name, 0)) > self.archive_version:
            return f"it raises the archive version to {raised}, and {self.release} reads up to {self.archive_version}"
        since, is_alike = _CHANGED.get(name, ((0, 0), _never))
        if self.torch < since and not is_alike(node):
            return f"{self.release} computes something else under its name"
        if name == _RAISES:
            return None
        return self._lack_of_arguments(node, schema, has)

    @cached_property
    def _namespaces(self) -> frozenset[str]:
        return frozenset(name.partition("::")[0] for name in self.operators)

    def _lack_of_arguments(self, node: Any, schema: Schema, has: int) -> str | None:
        if self.bytecode_version < FIRST_COUNTED_BYTECODE:
            given, wrong = len(schema.arguments), len(schema.arguments) != has
        else:
            given = _specified(node, schema)
            wrong = given > has
        arguments = "1 argument" if has == 1 else f"{has} arguments"
        return f"{self.release} knows it with {arguments}, and it is given {given}" if wrong else None


@dataclass(frozen=True)
class Schema:
    """An operator's full name and, per argument, its default in a list of one, or an empty list."""

    operator: str
    arguments: tuple[list[Any], ...]


def schema_of(node: Any) -> Schema | None:
    """The schema of the operator that a node calls; None if it calls none."""
    text = node.schema()
    return None if text == "(no schema)" else _parsed(text)


@cache
def _parsed(text: str) -> Schema:
    arguments = torch._C.parse_schema(text).arguments  # noqa: SLF001 - torch has no public name for it
    defaults = tuple([item.default_value] if item.has_default_value() else [] for item in arguments)
    return Schema(text.partition("(")[0], defaults)


@cache
def _archive_versions() -> dict[str, int]:
    """By operator: the archive version that a file with it gets, as the writing torch says."""
    versions = torch._C._get_operator_version_map()  # noqa: SLF001
    return {name: max(entry.bumped_at_version for entry in entries) for name, entries in versions.items()}


def _specified(node: Any, schema: Schema) -> int:
    """How many arguments a call stores: up to the last one that is not its default (torch/csrc/jit/runtime/
    operator's ``CalculateNecessaryArgs``).
    """
    inputs = list(node.inputs())
    count = len(schema.arguments)
    while count and _is_default(inputs[count - 1], schema.arguments[count - 1]):
        count -= 1
    return count


def _is_default(value: Any, default: list[Any]) -> bool:
    if not default or value.node().kind() != "prim::Constant":
        return False
    given = None if value.node().mustBeNone() else value.toIValue()
    return type(given) is type(default[0]) and bool(given == default[0])
