"""From the file that ``weights`` names to an open :class:`TensorFile`, whatever kind of file it is."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from ptmobile.errors import LoadError
from ptmobile.worker.loading.file_kinds import ADVICE, FileKind, file_kind
from ptmobile.worker.loading.imports import prepare_path
from ptmobile.worker.loading.tensor_files import LoadedFile, OldCheckpoint, TensorFile, ZipCheckpoint
from ptmobile.worker.loading.user_code import user_code

PICKLED = (FileKind.CHECKPOINT, FileKind.OLD_CHECKPOINT)


def open_tensor_file(path: Path, shown: str) -> TensorFile:
    """Open a file of tensors without running anything in it. ``shown`` names it in messages.

    Raises:
        LoadError: the file holds no tensors, is damaged, or is of another kind; the message says which.
    """
    kind = kind_of(path, shown)
    try:
        match kind:
            case FileKind.CHECKPOINT:
                return ZipCheckpoint(path)
            case FileKind.OLD_CHECKPOINT:
                return OldCheckpoint(path)
            case FileKind.SAFETENSORS:
                return LoadedFile(load_file(path, device="cpu"))
            case FileKind.TORCHSCRIPT:
                return LoadedFile(torch.jit.load(str(path), map_location="cpu").state_dict())
    except Exception as error:
        # DamagedFileError and SafetensorError, and whatever zip archives and TorchScript raise when they are damaged.
        raise damaged(shown, error) from error
    advice = ADVICE.get(kind, "Give a checkpoint written by torch.save, or a .safetensors file.")
    raise LoadError(f"{shown} {kind.value}", advice=advice)


def open_with_full_pickle(path: Path, shown: str, workspace: Path) -> TensorFile:
    """Open a checkpoint by running its pickle. Only where the user has allowed it.

    Raises:
        LoadError: the pickle fails, for example because it needs a module that is not there.
    """
    advice = "Classes in the checkpoint must be importable from the workspace, as they were where it was saved."
    prepare_path(workspace)
    with user_code(f"Reading {shown} with the full pickle", workspace, advice=advice):
        return LoadedFile(torch.load(path, map_location="cpu", weights_only=False))


def kind_of(path: Path, shown: str) -> FileKind:
    """The kind of a file that must be there.

    Raises:
        LoadError: it cannot be read.
    """
    try:
        return file_kind(path)
    except OSError as error:
        raise LoadError(f"{shown} cannot be read: {error.strerror or type(error).__name__}") from error


def damaged(shown: str, error: Exception) -> LoadError:
    """What to say about a file whose kind was recognised but which cannot be read."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return LoadError(
        f"{shown} cannot be read: {reason[:500]}",
        advice="The file is damaged or cut off: compare its size with the original, and copy or download it again.",
    )
