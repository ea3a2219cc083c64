"""The records of a `.ptl`: where they lie in its zip archive, and their bytes, for untrusted files.

Python's `zipfile` is made to read whatever it can (data before the archive, a comment after it, two records of one
name), and so are the runtimes; where readers may disagree about what a file contains, we refuse it instead.
Facts: caffe2/serialize/inline_container.cc.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from ptmobile.litefile.model import LiteFileError
from ptmobile.litefile.zipdirectory import (
    DEFLATED,
    FLAG_DESCRIPTOR,
    LOCAL,
    LOCAL_MAGIC,
    SATURATED_32,
    Entry,
    read_at,
    read_directory,
)

CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Record:
    """One member of the archive; `name` is without the top folder, sizes and offsets are bytes."""

    name: str
    crc32: int
    deflated: bool
    stored_bytes: int
    size_bytes: int
    header_offset: int
    data_offset: int


@dataclass(frozen=True, slots=True)
class Container:
    """The archive's top folder (the file's stem when it was saved) and its members in the directory's order."""

    folder: str
    records: tuple[Record, ...]
    size_bytes: int


def read_container(stream: BinaryIO) -> Container:
    """Read the directory and every local header of a seekable `.ptl`; no record's data are read.

    Raises:
        LiteFileError: the archive is truncated, contradicts itself, or uses what PyTorch's writer never uses.
    """
    directory, entries = read_directory(stream)
    folder = _only_folder(entries)
    records = tuple(locate(stream, entry, entry.path[len(folder) + 1 :], directory.offset) for entry in entries)
    _refuse_ambiguous(records)
    _refuse_overlap(records, directory.offset)
    return Container(folder, records, stream.seek(0, os.SEEK_END))


def read_record(stream: BinaryIO, record: Record, limit: int) -> bytes:
    """The whole content of a record, inflated and its checksum compared; `limit` bounds it, in bytes.

    Raises:
        LiteFileError: it is larger than `limit`, or damaged.
    """
    if max(record.size_bytes, record.stored_bytes) > limit:
        raise LiteFileError(f"The record {record.name} is larger than {limit} bytes.")
    data = read_at(stream, record.data_offset, record.stored_bytes)
    if record.deflated:
        # One byte more than promised shows that the promise was wrong without inflating all of it.
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = inflater.decompress(data, record.size_bytes + 1)
        except zlib.error as problem:
            raise LiteFileError(f"The record {record.name} is damaged: {problem}.") from None
    if len(data) != record.size_bytes or zlib.crc32(data) != record.crc32:
        raise _damaged(record)
    return data


def stored_chunks(stream: BinaryIO, record: Record) -> Iterator[bytes]:
    """The bytes of a record as they lie in the file, in chunks; those of a stored record are checked at the end.

    A deflated record is handed on without inflating it: nobody bounds what it would become.

    Raises:
        LiteFileError: the file ends early, or a stored record's checksum is wrong.
    """
    stream.seek(record.data_offset)
    left = record.stored_bytes
    checksum = 0
    while left:
        chunk = stream.read(min(left, CHUNK_BYTES))
        if not chunk:
            raise LiteFileError(f"The file is truncated: it ends inside the record {record.name}.")
        left -= len(chunk)
        checksum = zlib.crc32(chunk, checksum)
        yield chunk
    if not record.deflated and checksum != record.crc32:
        raise _damaged(record)


def _damaged(record: Record) -> LiteFileError:
    return LiteFileError(f"The record {record.name} is damaged: its content does not fit its checksum or size.")


def _only_folder(entries: list[Entry]) -> str:
    folder = entries[0].path.partition("/")[0]
    for entry in entries:
        top, slash, rest = entry.path.partition("/")
        if not slash or top != folder or not top:
            raise LiteFileError(
                f"The zip archive holds {entries[0].path!r} and {entry.path!r}: PyTorch puts all records in one folder."
            )
        parts = [top, *rest.removesuffix("/").replace("\\", "/").split("/")]
        if {".", ".."} & set(parts) or ("" in parts and rest):
            raise LiteFileError(f"The record name {entry.path!r} leaves its folder or has empty parts.")
    return folder


def locate(stream: BinaryIO, entry: Entry, name: str, limit: int) -> Record:
    """Check the local header against the directory's entry and find where the data begin, which is before `limit`.

    Raises:
        LiteFileError: it lies elsewhere, or the two contradict each other.
    """
    if entry.header_offset + LOCAL.size > limit:
        raise LiteFileError(f"The record {entry.path} lies outside of the archive.")
    header = read_at(stream, entry.header_offset, LOCAL.size)
    magic, _, flags, method, _, _, crc, stored, size, name_length, extra_length = LOCAL.unpack(header)
    raw_name = stream.read(name_length)
    if magic != LOCAL_MAGIC or raw_name != entry.path.encode() or method != entry.method:
        raise LiteFileError(f"The record {entry.path} has two headers that contradict each other.")
    if not flags & FLAG_DESCRIPTOR:
        pairs = ((crc, entry.crc32, entry.crc32), (stored, entry.stored_bytes, SATURATED_32))
        for found, expected, wide in (*pairs, (size, entry.size_bytes, SATURATED_32)):
            if found not in {expected, wide}:
                raise LiteFileError(f"The record {entry.path} has two headers that contradict each other.")
    data_offset = entry.header_offset + LOCAL.size + name_length + extra_length
    return Record(
        name=name,
        crc32=entry.crc32,
        deflated=entry.method == DEFLATED,
        stored_bytes=entry.stored_bytes,
        size_bytes=entry.size_bytes,
        header_offset=entry.header_offset,
        data_offset=data_offset,
    )


def _refuse_ambiguous(records: tuple[Record, ...]) -> None:
    """Two records of one name; the runtimes' own look-up ignores case, so one of them would be read for the other.

    Source files and extra files may differ by case alone: the lite interpreter reads no code, and extra files are the
    app's own.
    """
    seen: set[str] = set()
    for record in records:
        name = record.name if record.name.startswith(("code/", "extra/")) else record.name.lower()
        if name in seen:
            raise LiteFileError(f"The zip archive has two records named {record.name}.")
        seen.add(name)


def _refuse_overlap(records: tuple[Record, ...], limit: int) -> None:
    spans = sorted((record.header_offset, record.data_offset + record.stored_bytes) for record in records)
    if spans[0][0] != 0:
        raise LiteFileError("Something was put before the zip archive.")
    if spans[-1][1] > limit or any(end > start for (_, end), (start, _) in pairwise(spans)):
        raise LiteFileError("The zip archive has records that overlap.")
