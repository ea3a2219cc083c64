"""Rewrite a `.ptl` without some of its records, so that equal content gives equal bytes.

What is left out by default are the debug records: every `*.debug_pkl` holds absolute paths and the text of the model's
source, and the runtimes 1.9 to 1.11 abort on those that torch 1.12 and newer write (pytorch PR 72596). With them go the
tables that point into them, or the lite loader stops at the first missing entry. What is kept is kept byte for byte,
also the `version` record, which PyTorch's own writer would replace.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ptmobile.errors import PublishError
from ptmobile.litefile.container import Container, Record, stored_chunks
from ptmobile.litefile.reading import open_lite_file, section_of
from ptmobile.litefile.zipdirectory import (
    CENTRAL,
    CENTRAL_MAGIC,
    DEFLATED,
    END,
    END64,
    END64_MAGIC,
    END_MAGIC,
    FLAG_UTF8,
    LOCAL,
    LOCAL_MAGIC,
    LOCATOR64,
    LOCATOR64_MAGIC,
    SATURATED_16,
    SATURATED_32,
    STORED,
    ZIP64_FIELD,
)

#: PyTorch maps tensors straight from the file: kFieldAlignment in caffe2/serialize/inline_container.h.
ALIGNMENT: Final = 64
#: The first day a zip archive can name, 1980-01-01 (PyTorch writes month 0, day 0), and midnight.
DOS_DATE: Final = 0x0021
DOS_TIME: Final = 0
_VERSION_NEEDED: Final = {STORED: 10, DEFLATED: 20}
_VERSION_ZIP64: Final = 45


@dataclass(frozen=True, slots=True)
class StrippedFile:
    """What `strip_records` did; `bytes_saved` is the difference of the two files' sizes and may be negative."""

    dropped: tuple[str, ...]
    bytes_saved: int


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on the zip format needs its 64-bit fields (tests lower this)."""

    number: int = SATURATED_32
    count: int = SATURATED_16


def is_debug_record(name: str) -> bool:
    """Whether a record (its name without the top folder) serves stack traces only: source paths and text, handles."""
    return section_of(name) == "debug"


def strip_records(
    source: Path, target: Path, drop: Callable[[str], bool] = is_debug_record, *, limits: Limits | None = None
) -> StrippedFile:
    """Write `source` to `target` without the records whose name (without the top folder) `drop` picks.

    Records are written sorted by name: no reader looks at their order, and PyTorch's own depends on a hash (extra
    files) and on the order in which types were met (code). Dates are fixed, each record's data begin on 64 bytes,
    stored records stay stored and deflated ones (source code) keep their deflated bytes. Memory stays small.
    `target` appears only when it is complete, and replaces a file of that name; it may be `source`.

    Raises:
        LiteFileError: `source` is no readable `.ptl`.
        ValueError: `drop` takes a record without which no interpreter loads the file.
        PublishError: `target` cannot be written.
    """
    with open_lite_file(source) as (stream, container):
        kept = sorted((record for record in container.records if not drop(record.name)), key=lambda record: record.name)
        dropped = sorted({record.name for record in container.records} - {record.name for record in kept})
        _refuse_needed(dropped)
        partial = target.with_name(f"{target.name}.part")
        try:
            # Created anew, so that a link planted under this name leads nowhere.
            partial.unlink(missing_ok=True)
            with partial.open("xb") as sink:
                size = _Writer(sink, limits or Limits()).write_all(stream, container, kept)
            partial.replace(target)
        except OSError as problem:
            raise PublishError(f"{target} cannot be written: {problem.strerror}.") from problem
        finally:
            with suppress(OSError):
                partial.unlink()
    return StrippedFile(tuple(dropped), container.size_bytes - size)


def _refuse_needed(dropped: list[str]) -> None:
    needed = {"bytecode.pkl", "data.pkl", "constants.pkl", "version", ".data/version"} & set(dropped)
    if needed:
        raise ValueError(f"a .ptl without {', '.join(sorted(needed))} cannot be loaded")


class _Writer:
    """Writes a zip archive front to back; sizes and checksums are known beforehand, so nothing is patched later."""

    def __init__(self, sink: BinaryIO, limits: Limits) -> None:
        self._sink = sink
        self._limits = limits
        self._position = 0
        self._directory: list[bytes] = []

    def write_all(self, stream: BinaryIO, container: Container, records: list[Record]) -> int:
        """Copy the records and close the archive; returns its size in bytes."""
        for record in records:
            self._copy(stream, record, f"{container.folder}/{record.name}".encode())
        self._finish()
        return self._position

    def _put(self, data: bytes) -> None:
        self._sink.write(data)
        self._position += len(data)

    def _copy(self, stream: BinaryIO, record: Record, name: bytes) -> None:
        offset = self._position
        self._directory.append(self._central_header(record, name, offset))
        self._put(self._local_header(record, name))
        for chunk in stored_chunks(stream, record):
            self._put(chunk)

    def _is_wide(self, record: Record) -> bool:
        return max(record.stored_bytes, record.size_bytes) >= self._limits.number

    def _local_header(self, record: Record, name: bytes) -> bytes:
        sizes = (record.stored_bytes, record.size_bytes)
        extra = b""
        if self._is_wide(record):
            extra = struct.pack("<2H2Q", ZIP64_FIELD, 16, record.size_bytes, record.stored_bytes)
            sizes = (SATURATED_32, SATURATED_32)
        extra += _padding(self._position + LOCAL.size + len(name) + len(extra))
        common = self._common(record, wide=self._is_wide(record))
        return LOCAL.pack(LOCAL_MAGIC, *common, *sizes, len(name), len(extra)) + name + extra

    def _central_header(self, record: Record, name: bytes, offset: int) -> bytes:
        sizes = (record.stored_bytes, record.size_bytes)
        wide: list[int] = []
        if self._is_wide(record):
            wide = [record.size_bytes, record.stored_bytes]
            sizes = (SATURATED_32, SATURATED_32)
        if offset >= self._limits.number:
            wide.append(offset)
            offset = SATURATED_32
        extra = struct.pack(f"<2H{len(wide)}Q", ZIP64_FIELD, 8 * len(wide), *wide) if wide else b""
        common = self._common(record, wide=bool(wide))
        lengths = (len(name), len(extra), 0, 0, 0, 0)  # comment, disk, internal and external attributes: none
        return CENTRAL.pack(CENTRAL_MAGIC, common[0], *common, *sizes, *lengths, offset) + name + extra

    @staticmethod
    def _common(record: Record, *, wide: bool) -> tuple[int, int, int, int, int, int]:
        method = DEFLATED if record.deflated else STORED
        version = _VERSION_ZIP64 if wide else _VERSION_NEEDED[method]
        return version, FLAG_UTF8, method, DOS_TIME, DOS_DATE, record.crc32

    def _finish(self) -> None:
        start, count = self._position, len(self._directory)
        for header in self._directory:
            self._put(header)
        length = self._position - start
        limits = self._limits
        if count >= limits.count or max(start, length) >= limits.number:
            at = self._position
            versions = (_VERSION_ZIP64, _VERSION_ZIP64)
            self._put(END64.pack(END64_MAGIC, END64.size - 12, *versions, 0, 0, count, count, length, start))
            self._put(LOCATOR64.pack(LOCATOR64_MAGIC, 0, at, 1))
            count, length, start = SATURATED_16, SATURATED_32, SATURATED_32
        self._put(END.pack(END_MAGIC, 0, 0, count, count, length, start, 0))


def _padding(position: int) -> bytes:
    """The extra field `FB` that makes data begin on 64 bytes when the field itself begins at `position`.

    PyTorch's writer puts one into every local header, an empty one (4 bytes) when the place is right already.
    """
    filler = -(position + 4) % ALIGNMENT
    return b"FB" + struct.pack("<H", filler) + b"Z" * filler
