"""Ways to provoke errors of torch, and to change files so that they are refused as by a library that lacks things."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.jit.mobile import _load_for_lite_interpreter

#: Provokes an error in an empty folder; gives the text where the error is one that is only printed.
Provocation = Callable[[Path], object]
PROVOCATIONS: dict[str, list[Provocation]] = {}

_HEAD = "from typing import *\nimport torch\nfrom torch import nn, Tensor\n\nclass Net(nn.Module):\n"


def provokes(name: str) -> Callable[[Provocation], Provocation]:
    """Note a function as one that provokes a known error."""

    def note(function: Provocation) -> Provocation:
        PROVOCATIONS.setdefault(name, []).append(function)
        return function

    return note


def provoked_by(name: str, *functions: Callable[[], object]) -> None:
    """Note functions that need no folder."""
    for function in functions:
        PROVOCATIONS.setdefault(name, []).append(lambda _, function=function: function())


def model(folder: Path, body: str, **attributes: str) -> nn.Module:
    """A model whose methods are ``body``, from a file, since scripting reads it; attributes are Python expressions."""
    made = "".join(f"        self.{name} = {value}\n" for name, value in attributes.items())
    methods = "".join(f"    {line}\n" for line in body.strip().splitlines())
    file = folder / "net.py"
    text = f"{_HEAD}    def __init__(self):\n        super().__init__()\n{made}\n{methods}"
    file.write_text(text)
    scope: dict[str, Any] = {"__name__": "net"}
    exec(compile(text, str(file), "exec"), scope)
    net = scope["Net"]().eval()
    assert isinstance(net, nn.Module)
    return net


def trace(net: nn.Module, *arguments: Any, **options: Any) -> Any:
    """A trace as ptmobile makes it: no gradients, no check."""
    with torch.no_grad():
        return torch.jit.trace(net.eval(), arguments or (torch.rand(2, 4),), **{"check_trace": False, **options})


def script(net: nn.Module) -> Any:
    return torch.jit.script(net.eval())


def saved(module: Any, folder: Path) -> Path:
    """A file for the lite interpreter."""
    file = folder / "net.ptl"
    module._save_for_lite_interpreter(str(file))
    return file


def load(file: Path) -> Any:
    return _load_for_lite_interpreter(str(file))


def changed(file: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A copy of a file in which each record went through ``change``; None leaves it out."""
    target = file.with_name(f"changed-{file.name}")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            data = change(name, source.read(name))
            if data is not None:
                archive.writestr(name, data)
    return target


def operators_changed(file: Path, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Path:
    """A copy in which each operator (name, overload, number of arguments) of the bytecode went through ``change``."""

    def walk(value: Any) -> Any:
        if isinstance(value, tuple) and len(value) == 2 and value[0] == "operators":
            return "operators", tuple(change(operator) for operator in value[1])
        return tuple(map(walk, value)) if isinstance(value, tuple) else value

    def record(name: str, data: bytes) -> bytes:
        if not name.endswith("bytecode.pkl"):
            return data
        return pickle.dumps(walk(pickle.loads(data)), protocol=2)

    return changed(file, record)
