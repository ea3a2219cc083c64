"""What the ``model`` option names: one of four kinds of model, or a file to be checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

ALLOWED_FORMS = (
    "torchvision:NAME, package.module:factory, path/file.py:factory (a class or a function), "
    "or the path of a TorchScript file (.pt, .pth, .ts, .torchscript)"
)
TORCHSCRIPT_SUFFIXES = (".pt", ".pth", ".ts", ".torchscript", ".jit", ".zip")
LITE_SUFFIX = ".ptl"
_DOTTED = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")


@dataclass(frozen=True)
class TorchvisionModel:
    """A builder of ``torchvision.models``; its name is checked where torchvision is."""

    name: str


@dataclass(frozen=True)
class ModuleFactory:
    """A class or function of a module that can be imported from the workspace."""

    module: str
    attribute: str


@dataclass(frozen=True)
class FileFactory:
    """A class or function of a Python file in the workspace."""

    path: str
    attribute: str


@dataclass(frozen=True)
class TorchScriptFile:
    """A file made by ``torch.jit.save``."""

    path: str


@dataclass(frozen=True)
class LiteModelFile:
    """A ``.ptl`` file, made before."""

    path: str


ModelReference = TorchvisionModel | ModuleFactory | FileFactory | TorchScriptFile | LiteModelFile


def parse_model_reference(text: str) -> ModelReference:
    """Read a model reference.

    Raises:
        ValueError: the text has none of the four forms; the message says what is wrong and what is allowed.
    """
    left, colon, right = text.partition(":")
    if not colon:
        if text.endswith(LITE_SUFFIX):
            return LiteModelFile(text)
        if PurePosixPath(text).suffix.lower() in TORCHSCRIPT_SUFFIXES:
            return TorchScriptFile(text)
        if text.endswith(".py"):
            raise ValueError(f"names a Python file but no class or function in it; write {text}:NAME")
        raise ValueError(f"is none of the allowed forms: {ALLOWED_FORMS}")
    if not _DOTTED.match(right):
        raise ValueError(f"has {right!r} after the colon, which is not the name of a class or function")
    if left == "torchvision":
        return TorchvisionModel(right)
    if left.endswith(".py"):
        return FileFactory(left, right)
    if _DOTTED.match(left):
        return ModuleFactory(left, right)
    raise ValueError(f"has {left!r} before the colon, which is neither a module nor a .py file")


def default_name(reference: ModelReference) -> str:
    """A name for the report and the file: what a person would call the model."""
    if isinstance(reference, TorchvisionModel):
        text = reference.name
    elif isinstance(reference, TorchScriptFile | LiteModelFile):
        text = PurePosixPath(reference.path).stem
    else:
        text = reference.attribute
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:100] or "model"


def referenced_path(reference: ModelReference) -> str | None:
    """The file in the workspace that the reference names, if it names one."""
    return reference.path if isinstance(reference, FileFactory | TorchScriptFile | LiteModelFile) else None
