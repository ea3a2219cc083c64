"""``package.module:factory`` and ``path/file.py:factory``: finding the class or function, calling it, checking it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from ptmobile.errors import LoadError
from ptmobile.spec.model_reference import FileFactory, ModuleFactory
from ptmobile.spec.problems import shown, suggestion
from ptmobile.worker.loading.imports import import_file, import_module
from ptmobile.worker.loading.user_code import user_code

Arguments = Mapping[str, Any] | list[Any]


def build_from_factory(
    reference: ModuleFactory | FileFactory, arguments: Arguments, workspace: Path
) -> torch.nn.Module:
    """Import, call, and return the model.

    Raises:
        LoadError: the module cannot be imported, has no such attribute, or it raises or returns no model.
    """
    if isinstance(reference, FileFactory):
        module, where = import_file(reference, workspace), reference.path
    else:
        module, where = import_module(reference, workspace), reference.module
    factory = _attribute(module, reference.attribute, where, workspace)
    if isinstance(factory, torch.nn.Module) and not arguments:
        return factory  # a model that the module has made already
    name = f"{where}:{reference.attribute}"
    if not callable(factory) or isinstance(factory, torch.nn.Module):
        raise LoadError(f"{name} is {_kind(factory)}, not a class or function that makes a model")
    made = _call(factory, arguments, name, workspace)
    if not isinstance(made, torch.nn.Module):
        raise LoadError(f"{name} returned {_kind(made)}, not a torch.nn.Module", advice=_advice(made, name))
    return made


def _attribute(module: ModuleType, dotted: str, where: str, workspace: Path) -> Any:
    found: Any = module
    with user_code(f"Looking {dotted} up in {where}", workspace):
        for part in dotted.split("."):
            try:
                found = getattr(found, part)
            except AttributeError:
                there = _makers(found)
                listed = ", ".join(there[:20]) or "nothing that can be called"
                raise LoadError(
                    f"{where} has no {dotted!r}{suggestion(part, there)}; there is: {listed}",
                    advice="" if there else "Is it the right file?",
                ) from None
    return found


def _makers(container: Any) -> list[str]:
    """Classes and functions, those that the module defines itself before those it imports; models first."""
    names = [name for name in dir(container) if not name.startswith("_") and callable(getattr(container, name, None))]
    own = getattr(container, "__name__", None)

    def rank(name: str) -> tuple[bool, bool]:
        value = getattr(container, name)
        is_model = isinstance(value, type) and issubclass(value, torch.nn.Module)
        return getattr(value, "__module__", None) != own, not is_model

    return sorted(names, key=rank)


def _call(factory: Any, arguments: Arguments, name: str, workspace: Path) -> Any:
    positional = () if isinstance(arguments, Mapping) else tuple(arguments)
    keywords = {str(key): value for key, value in arguments.items()} if isinstance(arguments, Mapping) else {}
    _check_signature(factory, positional, keywords, name)
    with user_code(name, workspace):
        return factory(*positional, **keywords)


def _check_signature(factory: Any, positional: tuple[Any, ...], keywords: dict[str, Any], name: str) -> None:
    """Tell missing and unknown arguments from errors inside the factory."""
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return  # built-in or unusual: the call itself will tell
    try:
        signature.bind(*positional, **keywords)
    except TypeError as error:
        unknown = next((key for key in keywords if key not in signature.parameters), "")
        near = suggestion(unknown, signature.parameters) if unknown else ""
        raise LoadError(
            f"{name} cannot be called with these model-args: {error}{near}",
            advice=f"Its arguments are {shown(str(signature), 300)}; give them in `model-args`.",
        ) from error


def _kind(value: object) -> str:
    """What a value is: a class by its name, anything else by its type's."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    article = "an" if name[0] in "aeiou" else "a"
    return f"{article} {name}" + (f" of length {len(value)}" if isinstance(value, tuple | list | dict) else "")


def _advice(made: object, name: str) -> str:
    if made is None:
        return "Does the function lack a return?"
    if isinstance(made, type):
        return f"Name the class itself in `model`, or return an instance from {name}."
    if isinstance(made, Mapping) and any(isinstance(value, torch.Tensor) for value in made.values()):
        return "That is a state dict: save it to a file, name that in `weights`, and the class in `model`."
    if isinstance(made, tuple | list) and any(isinstance(value, torch.nn.Module) for value in made):
        return "There is a model among its elements: write a function that returns only that."
    if inspect.iscoroutine(made) or inspect.isgenerator(made):
        made.close()  # else Python prints a warning about it later
        return "The function is asynchronous or a generator; write a plain one."
    return ""
