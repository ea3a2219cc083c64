"""A file made by ``torch.jit.save``, or what else was given in its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from ptmobile.errors import LoadError
from ptmobile.result import Notice
from ptmobile.worker.loading.checkpoints import damaged, kind_of, open_tensor_file
from ptmobile.worker.loading.file_kinds import ADVICE, FileKind
from ptmobile.worker.loading.state_dicts import summary

_WEIGHTS = (FileKind.CHECKPOINT, FileKind.OLD_CHECKPOINT, FileKind.SAFETENSORS)
_SCRIPTED_AT = re.compile(r'^\s*File "([^"]+)", line (\d+)')
_TRACED_AT = re.compile(r"^(.+)\((\d+)\): ")
_NEWER = ("Unknown builtin op", "maximum supported version", "Unknown type name", "Unsupported")


def load_torchscript(path: Path, shown: str) -> torch.jit.ScriptModule:
    """Load a TorchScript file onto the CPU.

    Raises:
        LoadError: it is another kind of file, damaged, or made by a PyTorch that this one cannot read.
    """
    kind = kind_of(path, shown)
    if kind is not FileKind.TORCHSCRIPT:
        raise _not_torchscript(path, shown, kind)
    try:
        return _load(path)
    except RuntimeError as error:
        reason = _reason(str(error))
        if any(text in reason for text in _NEWER):
            raise LoadError(
                f"{shown} cannot be read by PyTorch 1.13: {reason}",
                advice="It was saved by a newer PyTorch, or uses operators of a library that is not here. Save it with "
                "torch 1.13, or give the model's class in `model` and its state dict in `weights`.",
            ) from error
        raise damaged(shown, RuntimeError(reason)) from error


def _load(path: Path) -> torch.jit.ScriptModule:
    try:
        return torch.jit.load(str(path), map_location="cpu")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        import torchvision  # noqa: F401, PLC0415 - it registers its operators; most files need none of them

        return torch.jit.load(str(path), map_location="cpu")


def cuda_constants(module: torch.jit.ScriptModule) -> list[Notice]:
    """Warn of devices that tracing on a GPU wrote into the graph: ``map_location`` does not reach them."""
    places: dict[str, None] = {}
    for submodule in module.modules():
        graph = getattr(submodule, "graph", None) if isinstance(submodule, torch.jit.ScriptModule) else None
        for node in graph.findAllNodes("prim::Constant") if graph is not None else ():
            output = node.output()
            if output.type().kind() == "DeviceObjType" and not str(output.toIValue()).startswith("cpu"):
                places[f"{output.toIValue()}{_used_at(output.uses())}"] = None
    if not places:
        return []
    message = (
        f"The TorchScript code names a device that a phone does not have: {', '.join(list(places)[:5])}. "
        "It will fail where that code runs; trace or script the model again on the CPU."
    )
    return [Notice(level="warning", code="cuda-constant", message=message)]


def _used_at(uses: list[Any]) -> str:
    """The first place in the model's source, as scripting or as tracing has written it down."""
    for use in uses:
        found = _SCRIPTED_AT.search(text := use.user.sourceRange()) or _TRACED_AT.search(text)
        if found is not None:
            return f" at {Path(found[1]).name[:100]}:{found[2]}"
    return ""


def _reason(text: str) -> str:
    """The sentence in a C++ error: without the place in PyTorch's source and without the stack of frames."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("Exception raised from", "frame #"))]
    return " ".join(kept[:3])[:500]


def _not_torchscript(path: Path, shown: str, kind: FileKind) -> LoadError:
    if kind is FileKind.LITE:
        return LoadError(
            f"{shown} {kind.value}",
            advice="It cannot be converted once more. Give the TorchScript file or the Python class it was made from.",
        )
    if kind not in _WEIGHTS:
        return LoadError(
            f"{shown} {kind.value}", advice=ADVICE.get(kind, "Give a file that torch.jit.save has written.")
        )
    with open_tensor_file(path, shown) as file:
        holds = summary(file.contents)
    return LoadError(
        f"{shown} is not a TorchScript file; it holds {holds}: weights without the code that uses them",
        advice=f"Give the class or function in `model`, such as model.py:Net, and this file in `weights: {shown}`; "
        "or save the model with torch.jit.save(torch.jit.script(model), PATH).",
    )
