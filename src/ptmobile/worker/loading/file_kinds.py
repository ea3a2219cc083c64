"""What a file is, by its first bytes and, for zip archives, by its members: never by its name."""

from __future__ import annotations

import tarfile
import zipfile
from enum import Enum
from pathlib import Path

_HEAD = 512


class FileKind(Enum):
    """Kinds of file that people give as a model or as weights. The value describes the file in a sentence."""

    TORCHSCRIPT = "is a TorchScript file"
    LITE = "is a file for the mobile runtime (.ptl) already"
    CHECKPOINT = "is a checkpoint written by torch.save"
    OLD_CHECKPOINT = "is a checkpoint written by torch.save in its old form"
    SAFETENSORS = "is a safetensors file"
    EMPTY = "is empty"
    GIT_LFS_POINTER = "is a Git LFS pointer, not the file itself"
    HTML = "is a web page, not a model; a download went wrong"
    BROKEN_ZIP = "is cut off or damaged: it begins like a zip archive but has no readable directory"
    OTHER_ZIP = "is a zip archive that PyTorch has not written"
    TAR = "is a tar archive; PyTorch wrote such checkpoints until 2016"
    COMPRESSED = "is compressed (gzip, bzip2, xz or zstd); PyTorch reads no compressed files"
    OTHER = "is no file of PyTorch"


ADVICE = {
    FileKind.GIT_LFS_POINTER: "Check the repository out with its large files: `lfs: true` for actions/checkout.",
    FileKind.BROKEN_ZIP: "Compare its size with the original, and copy or download it again.",
    FileKind.TAR: "Load it where it was made, and save it again with torch.save.",
    FileKind.COMPRESSED: "Unpack it in an earlier step.",
}


def file_kind(path: Path) -> FileKind:
    """Look at a file without loading it.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PK"):
        return _zip_kind(path)
    if head[:2] in (b"\x1f\x8b", b"BZ") or head.startswith((b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
        return FileKind.COMPRESSED
    if head[4:8] == b"PTMF":  # a lite file in its flatbuffer form (torch/csrc/jit/serialization/mobile_bytecode.fbs)
        return FileKind.LITE
    if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= path.stat().st_size:
        return FileKind.SAFETENSORS
    return _other_kind(path, head)


def _other_kind(path: Path, head: bytes) -> FileKind:
    text = head.lstrip().lower()
    if not head:
        return FileKind.EMPTY
    if text.startswith(b"version https://git-lfs"):
        return FileKind.GIT_LFS_POINTER
    if text.startswith((b"<!doctype html", b"<html")):
        return FileKind.HTML
    if head.startswith(b"\x80") and head[1:2] <= b"\x05":  # PROTO, the first opcode of every pickle since protocol 2
        return FileKind.OLD_CHECKPOINT
    if head[257:262] == b"ustar" or tarfile.is_tarfile(path):
        return FileKind.TAR
    return FileKind.OTHER


def _zip_kind(path: Path) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return FileKind.BROKEN_ZIP
    # Every member lies in one folder, which is named after the file that was first written.
    members = {name.partition("/")[2] for name in names}
    if "bytecode.pkl" in members:
        return FileKind.LITE
    if "constants.pkl" in members:
        return FileKind.TORCHSCRIPT
    return FileKind.CHECKPOINT if "data.pkl" in members else FileKind.OTHER_ZIP
