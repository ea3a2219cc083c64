"""What a module of the zoo is: how it is made, captured and run; and inputs that are the same everywhere."""

from __future__ import annotations

import contextlib
import io
import math
import textwrap
import typing
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as texts of the zoo name it
from torch.utils.mobile_optimizer import optimize_for_mobile

from ptmobile.worker.stages.saving import prepare_to_save

How = Literal["trace", "script"]
Arguments = tuple[Any, ...]
_NAMES = "xyzuv"
#: What texts may name besides their arguments, in Python; TorchScript knows these words by itself.
_WORDS = {"torch": torch, "F": F, "math": math, "Tensor": torch.Tensor} | {
    name: getattr(typing, name) for name in ("Dict", "List", "Optional", "Tuple")
}


@dataclass(frozen=True)
class Entry:
    """A small module, its inputs, and how it is captured. ``make`` gives the same weights whenever it is called."""

    name: str
    family: str
    make: Callable[[], Source]
    inputs: Arguments
    how: How = "trace"
    optimised: bool = False

    @property
    def title(self) -> str:
        """The name, unique in the zoo."""
        ways = [word for word in ("scripted" * (self.how == "script"), "optimised" * self.optimised) if word]
        return f"{self.name} ({', '.join(ways)})" if ways else self.name

    def source(self) -> Source:
        """The module, or the text, in inference mode."""
        torch.manual_seed(0)
        made = self.make()
        return _settled(made) if isinstance(made, nn.Module) else made

    def expected(self) -> Any:
        """What it computes in eager mode."""
        with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return self.source()(*copied(self.inputs))

    def captured(self) -> torch.jit.ScriptModule:
        """The module in TorchScript, before lowering."""
        source = self.source()
        with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            if self.how == "script":
                return source.scripted() if isinstance(source, Text) else torch.jit.script(source)
            module = source.module() if isinstance(source, Text) else source
            return torch.jit.trace(module, copied(self.inputs), check_trace=False)

    def ready(self, captured: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
        """The captured (and perhaps lowered) module as it is saved."""
        if not self.optimised:
            prepare_to_save(captured)
            return captured
        with torch.no_grad():
            return optimize_for_mobile(torch.jit.freeze(captured))


@dataclass(frozen=True)
class Text:
    """A function's body that is Python and TorchScript at once: an expression, or statements.

    ``arguments`` are names, with types where they are no tensors.
    """

    body: str
    arguments: str

    @property
    def _function(self) -> str:
        body = textwrap.dedent(self.body.strip("\n"))
        statements = body if "return " in body else f"return {body}"
        return f"({self.arguments}):\n{textwrap.indent(statements, '    ')}\n"

    def __call__(self, *arguments: Any) -> Any:
        names = dict(_WORDS)
        exec(f"def call{self._function}", names)
        call: Any = names["call"]
        return call(*arguments)

    def module(self) -> nn.Module:
        """As a module to be traced."""
        return _Calling(self)

    def scripted(self) -> torch.jit.ScriptModule:
        """As TorchScript."""
        # torch takes modules of one class for one type, and a type has its methods once.
        module = torch.jit.script(type("Defined", (nn.Module,), {})())
        module.define(f"def forward(self, {self._function[1:]}")
        return module


Source = nn.Module | Text


class _Calling(nn.Module):
    def __init__(self, text: Text) -> None:
        super().__init__()
        self._text = text

    def forward(self, *inputs: Any) -> Any:
        return self._text(*inputs)


class Family:
    """Collects the entries of one family."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: list[Entry] = []

    def module(
        self,
        name: str,
        make: Callable[[], Source],
        *inputs: Any,
        how: How | Literal["both"] = "trace",
        optimised: bool = False,
    ) -> None:
        """Add a module."""
        ways: tuple[How, ...] = ("trace", "script") if how == "both" else (how,)
        for way in ways:
            self.entries.append(Entry(name, self.name, make, inputs, way, optimised))

    def text(
        self, name: str, body: str, *inputs: Any, how: How | Literal["both"] = "trace", arguments: str = ""
    ) -> None:
        """Add a text, whose arguments are called x, y, z, u and v."""
        text = Text(body, arguments or ", ".join(_NAMES[: len(inputs)]))
        self.module(name, lambda: text, *inputs, how=how)

    def texts(self, *inputs: Any, how: How | Literal["both"] = "trace", **bodies: str) -> None:
        """Add several texts on the same inputs, by name; an underscore stands for a space."""
        for name, body in bodies.items():
            self.text(name.replace("_", " ").strip(), body, *inputs, how=how)


def copied(value: Any) -> Any:
    """The same nested value with tensors of its own, in their memory format."""
    if isinstance(value, torch.Tensor):
        return value.clone(memory_format=torch.preserve_format)
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return type(value)(map(copied, value)) if isinstance(value, list | tuple) else value


def real(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Normally distributed numbers, the same for the same shape."""
    return torch.randn(shape, generator=_generator(shape)).to(dtype)


def positive(*shape: int) -> torch.Tensor:
    """Numbers from 0.1 to 1.1."""
    return torch.rand(shape, generator=_generator(shape)) + 0.1


def whole(*shape: int, low: int = 0, high: int = 10, dtype: torch.dtype = torch.int64) -> torch.Tensor:
    """Integers from ``low`` to ``high``, which is excluded."""
    return torch.randint(low, high, shape, generator=_generator(shape)).to(dtype)


def _generator(shape: tuple[int, ...]) -> torch.Generator:
    return torch.Generator().manual_seed(sum(size * 31**place for place, size in enumerate(shape)) % 2**31)


def _settled(module: nn.Module) -> nn.Module:
    """In inference mode, and where a parameter or a statistic is all zeros or all ones, with numbers that matter."""
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point() and tensor.numel() > 1 and bool((tensor == tensor.flatten()[0]).all()):
                tensor.uniform_(0.5, 1.5)
    return module.eval()
