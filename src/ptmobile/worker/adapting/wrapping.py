"""TorchScript modules around others, written as source text: they put inputs and outputs into another form."""

# ruff: noqa: SLF001 - torch has no public names for building a module from source text

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch

#: Not all of it is in torch's type annotations.
_C: Final[Any] = torch._C


def wrapped(model: torch.jit.ScriptModule, source: str, methods: Sequence[str] = ()) -> torch.jit.ScriptModule:
    """A module that has another one as ``self.model``, and ``source`` as its code; in evaluation mode.

    ``methods`` are those of ``model`` that it hands through. Its class is a new one each time: modules that
    ``torch.jit.script`` makes share theirs, and a method cannot be defined twice in a class.

    Raises:
        RuntimeError: the source does not compile.
    """
    root = _C.ScriptModule("__torch__.ptmobile.Adapted", torch.jit._state._python_cu, True)
    root._register_attribute("training", _C.BoolType.get(), False)
    root._register_attribute("model", model._c._type(), model._c)
    module: torch.jit.ScriptModule = torch.jit._recursive.wrap_cpp_module(root)
    for name in methods:
        module.define(_handed_through(model, name))
    module.define(source)
    return module


def source_of(arguments: Sequence[str], lines: Sequence[str], result: str) -> str:
    """The source of a ``forward`` with these arguments, which are tensors."""
    body = "".join(f"    {line}\n" for line in [*lines, f"return {result}"])
    return f"def forward({', '.join(['self', *arguments])}):\n{body}"


def handed_through(model: torch.jit.ScriptModule, methods: Sequence[str]) -> torch.jit.ScriptModule:
    """A module around another one that adds nothing: what was frozen becomes an ordinary module again."""
    return wrapped(model, _handed_through(model, "forward"), methods)


def _handed_through(model: torch.jit.ScriptModule, name: str) -> str:
    """A method that calls that of the same name: its arguments, without their defaults."""
    arguments = [(a.name, a.type.annotation_str) for a in model._c._get_method(name).schema.arguments[1:]]
    written = ", ".join(["self", *(f"{argument}: {kind}" for argument, kind in arguments)])
    return f"def {name}({written}):\n    return self.model.{name}({', '.join(name for name, _ in arguments)})\n"
