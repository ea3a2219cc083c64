"""The functions of ``expressions/*.torchscript``: newer operators expressed by older ones.

They are kept as TorchScript's own text because it is no Python of ours: in the dialect of torch 1.13, with the
operators' own arguments (used or not), and never run but as graphs in the place of calls.
"""

# ruff: noqa: F401 - math is looked up by the functions

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any, Final

import torch

#: Functions of one number that tensors have as methods.
OF_NUMBERS: Final = (
    *("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "erf", "erfc", "expm1", "lgamma"),
    *("log10", "log1p", "sin", "sinh", "sqrt", "tan", "tanh"),
)
_OF_NUMBER: Final = """
def {name}_of_{kind}(x: {kind}) -> float:
    return float(torch.scalar_tensor(x, dtype=torch.float64).{name}())
"""


def compiled(text: str) -> Any:
    """TorchScript functions by their names."""
    return torch.jit.CompilationUnit(text)


@cache
def _library() -> Any:
    folder = resources.files("ptmobile.worker.lowering") / "expressions"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    texts = [file.read_text("utf-8") for file in files if file.name.endswith(".torchscript")]
    texts += [_OF_NUMBER.format(name=name, kind=kind) for name in OF_NUMBERS for kind in ("int", "float")]
    return compiled("\n".join(texts))


@cache
def expression(name: str) -> Any:
    """The graph of an expression, with everything that it calls put in; not to be changed."""
    function: Callable[..., Any] = getattr(_library(), name)
    return function.inlined_graph  # type: ignore[attr-defined]
