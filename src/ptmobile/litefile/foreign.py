"""Name what was given instead of a `.ptl`, from its first bytes or its records."""

from __future__ import annotations

from collections.abc import Collection

from ptmobile.litefile.model import LiteFileError

#: Bytes of a file's start that `refuse_foreign` wants to see.
HEAD_BYTES = 64
ZIP_MAGIC = b"PK\x03\x04"

_MAKE_ONE = (
    "Save the scripted module with _save_for_lite_interpreter, or give the model to `ptmobile convert`, "
    "which makes the .ptl and checks it."
)
# PyTorch's own: torch/csrc/jit/mobile/file_format.h (PTMF), torch/serialization.py (the old magic number, pickled). The
# rest is what people have at hand when a model file is asked for.
_STARTS: tuple[tuple[int, bytes, str], ...] = (
    (4, b"PTMF", "a mobile model in flatbuffer form, which the published Android and iOS runtimes do not read"),
    (0, b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "a checkpoint in torch.save's old format"),
    (0, b"PYTORCH1", "an archive of a PyTorch preview release from before 1.0"),
    (4, b"ET1", "an ExecuTorch program (.pte)"),
    (4, b"TFL3", "a TensorFlow Lite model"),
    (0, b"version https://git-lfs", "a Git LFS pointer: the file itself was not downloaded"),
    (0, b"\x1f\x8b", "gzip-compressed data"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"\x7fELF", "a program or shared library"),
    (0, b"PK\x05\x06", "an empty zip archive"),
)
_ADVICE = {
    b"PTMF": "Save without _use_flatbuffer, or convert it with torch.jit.mobile._backport_for_mobile to bytecode 8.",
    b"version https://git-lfs": "Set `lfs: true` on actions/checkout, or run `git lfs pull`.",
}


def refuse_foreign(file: str, head: bytes) -> None:
    """Do nothing for a file that starts like a zip archive; otherwise say what it is.

    Raises:
        LiteFileError: the file is empty or starts like something else.
    """
    if not head:
        raise LiteFileError(f"{file} is empty.", advice=_MAKE_ONE)
    for offset, magic, kind in _STARTS:
        if head[offset : offset + len(magic)] == magic:
            raise LiteFileError(f"{file} is no .ptl but {kind}.", advice=_ADVICE.get(magic, _MAKE_ONE))
    if head.startswith(ZIP_MAGIC):
        return
    if head.lstrip()[:1] in {b"<", b"{"}:
        raise LiteFileError(f"{file} is no .ptl but text (HTML, XML or JSON): a failed download?")
    if head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        raise LiteFileError(f"{file} is no .ptl but a Python pickle.", advice=_MAKE_ONE)
    raise LiteFileError(f"{file} is no .ptl: it does not start like a zip archive.", advice=_MAKE_ONE)


def refuse_without_bytecode(file: str, records: Collection[str]) -> None:
    """Do nothing when there is a `bytecode.pkl`; otherwise say what kind of archive it is.

    Raises:
        LiteFileError: there is no bytecode, so the lite interpreter cannot load the file.
    """
    if "bytecode.pkl" in records:
        return
    if "constants.pkl" in records or any(name.startswith("code/") for name in records):
        raise LiteFileError(
            f"{file} is a TorchScript file without bytecode (no bytecode.pkl): it was made by torch.jit.save, "
            "or by a save for the lite interpreter that failed.",
            advice=_MAKE_ONE,
        )
    if ".data/extern_modules" in records:
        raise LiteFileError(f"{file} is no .ptl but a torch.package archive.", advice=_MAKE_ONE)
    if "data.pkl" in records:
        raise LiteFileError(
            f"{file} is no .ptl but a checkpoint made by torch.save (a state dict, or a pickled module).",
            advice=_MAKE_ONE,
        )
    if set(records) <= {"version", ".data/version"}:
        raise LiteFileError(
            f"{file} holds a version number and no model.",
            advice="torch.jit.mobile._backport_for_mobile leaves such a stub behind when it returns False.",
        )
    raise LiteFileError(f"{file} is a zip archive without bytecode.pkl: no PyTorch model.", advice=_MAKE_ONE)
