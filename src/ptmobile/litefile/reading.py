"""`read_lite_file`: everything that can be told about a `.ptl` without running or unpickling it."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from ptmobile.litefile.bytecode import read_bytecode
from ptmobile.litefile.container import CHUNK_BYTES, Container, Record, read_container, read_record, stored_chunks
from ptmobile.litefile.foreign import HEAD_BYTES, refuse_foreign, refuse_without_bytecode
from ptmobile.litefile.model import LiteFile, LiteFileError, Section
from ptmobile.litefile.pickled import MAX_PICKLE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The archive version is a small number and a line feed.
MAX_VERSION_BYTES: Final = 32
#: Sections in the order in which they are shown.
SECTIONS: Final = ("weights", "values", "bytecode", "code", "debug", "extra", "other")
#: Written beside the `*.debug_pkl` records by `_save_mobile_debug_info=True` (torch/csrc/jit/mobile/debug_info.cpp).
_DEBUG_FILES: Final = frozenset({"mobile_debug_handles.pkl", "mobile_debug.pkl", "callstack_debug_map.pkl"})


def read_lite_file(path: str | Path) -> LiteFile:
    """Read a `.ptl` as data; no torch, no pickle and no code of the model runs.

    The file is read twice (checksum of the whole, checksums of its stored records), in bounded memory.

    Raises:
        LiteFileError: the file is missing, damaged, or something else than a `.ptl`.
    """
    with open_lite_file(Path(path)) as (stream, container):
        records = {record.name: record for record in container.records}
        bytecode = read_bytecode(read_record(stream, records["bytecode.pkl"], MAX_PICKLE_BYTES))
        archive_version = _read_version(stream, records)
        _check_stored(stream, container)
        return LiteFile(
            file=Path(path).name,
            size_bytes=container.size_bytes,
            sha256=_sha256(stream),
            bytecode_version=bytecode.version,
            archive_version=archive_version,
            methods=bytecode.methods(),
            operators=tuple(sorted(bytecode.operators)),
            operator_arguments={name: count for name, count in sorted(bytecode.operators.items()) if count is not None},
            conditional=tuple(sorted(bytecode.operators.keys() - (bytecode.always or ()))),
            types=tuple(sorted(bytecode.types)),
            sections=_sections(container),
            extra_files=tuple(sorted(name[6:] for name in records if name.startswith("extra/"))),
        )


@contextmanager
def open_lite_file(path: Path) -> Iterator[tuple[BinaryIO, Container]]:
    """Open a file that should be a `.ptl` and read its container.

    Raises:
        LiteFileError: it cannot be opened, is no regular file, or is no such container; the message says what it is.
    """
    try:
        stream = os.fdopen(_open_regular(path), "rb")
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise LiteFileError(f"{path} cannot be read: {reason}.") from None
    with stream:
        refuse_foreign(path.name, stream.read(HEAD_BYTES))
        with _naming(path):
            container = read_container(stream)
        refuse_without_bytecode(path.name, {record.name for record in container.records})
        with _naming(path):
            yield stream, container


def _open_regular(path: Path) -> int:
    # Without O_NONBLOCK a named pipe in the file's place would keep us waiting for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise LiteFileError(f"{path} is {'a directory' if stat.S_ISDIR(mode) else 'no regular file'}; a .ptl is expected.")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let a message about a part of a file begin with the file's name."""
    try:
        yield
    except LiteFileError as problem:
        raise LiteFileError(f"{path.name}: {problem.message}", advice=problem.advice) from None


def _read_version(stream: BinaryIO, records: dict[str, Record]) -> int:
    # PyTorch's reader looks in this order; `.data/version` is written from version 6 on (inline_container.cc).
    record = records.get(".data/version") or records.get("version")
    if record is None:
        raise LiteFileError("The file has no version record.")
    text = read_record(stream, record, MAX_VERSION_BYTES)
    if not re.fullmatch(rb"[0-9]{1,4}\s*", text):
        raise LiteFileError(f"The file's version record is {text!r}, not a number.")
    return int(text)


def _check_stored(stream: BinaryIO, container: Container) -> None:
    for record in container.records:
        for _ in stored_chunks(stream, record):
            pass


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    stream.seek(0)
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def section_of(name: str) -> str:
    """Which `Section` a record belongs to, by its name without the top folder."""
    if name.endswith(".debug_pkl") or name in _DEBUG_FILES:
        return "debug"
    if name in {"data.pkl", "constants.pkl"}:
        return "values"
    if name == "bytecode.pkl":
        return "bytecode"
    top = name.partition("/")[0]
    if top in {"data", "constants", "bytecode"}:
        return "weights"
    return top if top in {"code", "extra"} else "other"


def _sections(container: Container) -> tuple[Section, ...]:
    sizes: dict[str, list[int]] = {name: [] for name in SECTIONS}
    for record in container.records:
        sizes[section_of(record.name)].append(record.stored_bytes)
    packing = container.size_bytes - sum(map(sum, sizes.values()))
    return (
        *(Section(name=name, records=len(found), size_bytes=sum(found)) for name, found in sizes.items()),
        Section(name="container", records=0, size_bytes=packing),
    )
