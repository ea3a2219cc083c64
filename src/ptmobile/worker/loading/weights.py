"""The ``weights`` option: from the file to a module that has them, and what the user should know about it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import torch

from ptmobile.errors import LoadError
from ptmobile.result import Notice
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.worker.loading.checkpoints import PICKLED, damaged, kind_of, open_tensor_file, open_with_full_pickle
from ptmobile.worker.loading.fitting import StateDict, fit_keys, load_into
from ptmobile.worker.loading.pickle_records import DamagedFileError, Unread
from ptmobile.worker.loading.state_dicts import FoundStateDict, find_state_dict, is_tensor
from ptmobile.worker.loading.tensor_files import TensorFile

_SHOWN = 12


def load_weights(module: torch.nn.Module, spec: ConversionSpec, workspace: Path) -> list[Notice]:
    """Put the checkpoint that the specification names into the module.

    Raises:
        LoadError: there is no state dict in the file, or it does not fit the module.
    """
    shown = spec.weights or ""
    path = workspace / shown
    with ExitStack() as stack:
        file, found, notices = _open(stack, path, spec, workspace)
        if spec.weights_key is None and found.key:
            notices.append(_key_notice(found, shown))
        expected = module.state_dict().keys()
        state = StateDict({**found.entries}, {**found.metadata})
        state, renamed = fit_keys(state, expected)
        extras = [key for key, value in state.entries.items() if not is_tensor(value) and key not in expected]
        for key in extras:
            del state.entries[key]
        try:
            state.entries = {key: file.materialise(value) for key, value in state.entries.items()}
        except (DamagedFileError, OSError, RuntimeError, ValueError) as error:
            raise damaged(shown, error) from error
        notices += renamed
        notices += _extras_notice([*found.beside, *extras], shown)
        notices += load_into(module, state, shown)
    return notices


def _open(
    stack: ExitStack, path: Path, spec: ConversionSpec, workspace: Path
) -> tuple[TensorFile, FoundStateDict, list[Notice]]:
    """The file and the state dict in it. The full pickle runs only if it is allowed and nothing less does."""
    shown = spec.weights or ""
    may_unpickle = spec.allow_pickle and kind_of(path, shown) in PICKLED
    try:
        file = stack.enter_context(open_tensor_file(path, shown))
        found = find_state_dict(file.contents, spec.weights_key, shown)
        if not may_unpickle or not any(isinstance(value, Unread) for value in found.entries.values()):
            return file, found, []
    except LoadError:
        if not may_unpickle:
            raise
    file = stack.enter_context(open_with_full_pickle(path, shown, workspace))
    found = find_state_dict(file.contents, spec.weights_key, shown)
    message = f"{shown} was read with the full pickle, which runs code that the file names."
    return file, found, [Notice(level="notice", code="allow-pickle", message=message)]


def _key_notice(found: FoundStateDict, shown: str) -> Notice:
    message = f"The weights were found under {found.key!r} in {shown}."
    if found.others:
        message += f" There are also {', '.join(found.others)}: choose with `weights-key`."
    return Notice(level="notice", code="weights-key", message=message)


def _extras_notice(names: list[str], shown: str) -> list[Notice]:
    if not names:
        return []
    listed = ", ".join(name[:60] for name in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    message = f"{shown} also holds {listed}: not weights of this model, left alone."
    return [Notice(level="notice", code="checkpoint-extras", message=message)]
