"""What the runtime has that a file is made for, and how a call in a graph measures up to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
#: The operators of torchvision are in a library of their own, which an app may ship or not.
TORCHVISION: Final = "torchvision"


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


def _has_type(node: Any) -> bool:
    """Whether a call that makes a tensor says of which type; that is the fourth argument from the end."""
    kind: str = node.inputsAt(node.inputsSize() - 4).type().kind()
    return kind == "IntType"


def _never(_: Any) -> bool:
    return False


@dataclass(frozen=True)
class _Change:
    """A change behind a name and a schema that stayed, which no archive version tells.

    ``since`` is the first line of PyTorch that computes as the one which writes the file does, ``known_from`` the first
    that does not. ``is_alike`` says of which calls that makes no difference.
    """

    since: tuple[int, int]
    is_alike: Callable[[Any], bool] = _never
    why: str = "computes something else under its name"
    known_from: tuple[int, int] = (1, 0)


#: floor_divide truncated (pytorch pull request 78411), where did not promote (issues 9190 and 73298), and the encoder
#: layer of 1.12 raises for norm_first; each seen with the interpreters of PyTorch 1.9.1, 1.10.2 and 1.12.1. Windows and
#: conj: seen on the libraries of 1.9.0 and 1.12.2 (tests/device/small_modules).
_CHANGED: Final = (
    {
        "aten::floor_divide": _Change((1, 13)),
        "aten::floor_divide.Scalar": _Change((1, 13)),
        "aten::floor_divide_.Tensor": _Change((1, 13)),
        "aten::floor_divide_.Scalar": _Change((1, 13)),
        "aten::where.self": _Change((1, 12), _is_of_one_type),
        "aten::where.ScalarSelf": _Change((1, 12)),
        "aten::where.ScalarOther": _Change((1, 12)),
        "aten::_transformer_encoder_layer_fwd": _Change((1, 13), _normalises_last),
    }
    | {
        name: _Change((1, 13), why="conjugates lazily, and can do nothing with the result", known_from=(1, 10))
        for name in ("aten::conj", "aten::_conj")
    }
    | {
        f"aten::{name}": _Change((1, 13), _has_type, "makes it of integers unless it is given a type")
        for name in (
            *("bartlett_window", "bartlett_window.periodic", "blackman_window", "blackman_window.periodic"),
            *("hamming_window", "hamming_window.periodic", "hamming_window.periodic_alpha"),
            *("hamming_window.periodic_alpha_beta", "hann_window", "hann_window.periodic"),
            *("kaiser_window", "kaiser_window.periodic", "kaiser_window.beta"),
        )
    }
)


@dataclass(frozen=True)
class Target:
    """A runtime, and the bytecode of the file made for it.

    ``operators`` maps the name of each operator that it has (``namespace::name.overload``) to the number of its
    arguments. ``archive_version`` is the highest that it reads. ``torch`` is the line of PyTorch that it was built
    from. ``bytecode_version`` is that of the file after backporting. ``unable`` are operators that it has and cannot
    compute, with what they would need and it was not built with. ``supplied`` are namespaces of operators that the app
    takes from other libraries.
    """

    release: str
    operators: Mapping[str, int]
    bytecode_version: int
    archive_version: int
    torch: tuple[int, int]
    unable: Mapping[str, str] = field(default_factory=dict)
    supplied: frozenset[str] = frozenset()

    def lack(self, node: Any) -> str | None:
        """Why the runtime cannot run a node of a graph as it stands, in words; None if it can, or it is no operator."""
        schema = schema_of(node)
        if schema is None or schema.operator in _INSTRUCTIONS:
            return None
        name = schema.operator
        has = self.operators.get(name)
        if has is None:
            # Operators of libraries that nobody here knows are the app's to supply.
            namespace = name.partition("::")[0]
            known = namespace in self._namespaces or namespace == TORCHVISION
            return f"{self.release} does not have it" if known and namespace not in self.supplied else None
        if (raised := _archive_versions().get(name, 0)) > self.archive_version:
            return f"it raises the archive version to {raised}, and {self.release} reads up to {self.archive_version}"
        if name in self.unable:
            return f"{self.release} is built without {self.unable[name]}"
        change = _CHANGED.get(name)
        if change and change.known_from <= self.torch < change.since and not change.is_alike(node):
            return f"{self.release} {change.why}"
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
