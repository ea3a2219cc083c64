"""The zip format: its structures, and a strict reader of the directory at an archive's end, for untrusted files.

Source: the zip specification, APPNOTE.TXT 6.3; what PyTorch's writer (caffe2/serialize/inline_container.cc, miniz) uses
of it: 64-bit end records in every file, no comment, no encryption, deflate for source code and nothing else.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, Final, NamedTuple

from ptmobile.litefile.model import LiteFileError, printable

MAX_RECORDS: Final = 100_000
MAX_DIRECTORY_BYTES: Final = 32 * 2**20

STORED: Final = 0
DEFLATED: Final = 8
SATURATED_16: Final = 0xFFFF
SATURATED_32: Final = 0xFFFFFFFF
#: General purpose flags: sizes follow the data (bit 3), the name is UTF-8 (bit 11).
FLAG_DESCRIPTOR: Final = 0x0008
FLAG_UTF8: Final = 0x0800
#: Bits 1 and 2 only say how hard the compressor tried.
_HARMLESS_FLAGS: Final = FLAG_DESCRIPTOR | FLAG_UTF8 | 0x0006

LOCAL: Final = struct.Struct("<4s5H3L2H")
CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
END64: Final = struct.Struct("<4sQ2H2L4Q")
LOCATOR64: Final = struct.Struct("<4sLQL")
END: Final = struct.Struct("<4s4H2LH")
LOCAL_MAGIC, CENTRAL_MAGIC, END_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END64_MAGIC, LOCATOR64_MAGIC = b"PK\x06\x06", b"PK\x06\x07"
ZIP64_FIELD: Final = 1


class Directory(NamedTuple):
    """Where the list of members lies and how many they are; bytes."""

    offset: int
    length: int
    records: int


class Entry(NamedTuple):
    """One member as the directory describes it; sizes and offsets in bytes."""

    path: str
    flags: int
    method: int
    crc32: int
    stored_bytes: int
    size_bytes: int
    header_offset: int


def read_directory(stream: BinaryIO) -> tuple[Directory, list[Entry]]:
    """Read the list of members of a seekable zip archive.

    Raises:
        LiteFileError: the archive is truncated, contradicts itself, or uses what PyTorch's writer never uses.
    """
    size = stream.seek(0, os.SEEK_END)
    directory = _find_directory(stream, size)
    return directory, _read_entries(read_at(stream, directory.offset, directory.length), directory.records)


def read_at(stream: BinaryIO, offset: int, count: int) -> bytes:
    """Exactly `count` bytes at `offset`, or a `LiteFileError`."""
    stream.seek(offset)
    data = stream.read(count)
    if len(data) != count:
        raise LiteFileError(f"The file is truncated: it ends inside the {count} bytes at {offset}.")
    return data


def _find_directory(stream: BinaryIO, size: int) -> Directory:
    if size < END.size:
        raise LiteFileError(f"The file is truncated: {size} bytes are too few for a zip archive.")
    magic, disk, start_disk, here, count, length, offset, comment = END.unpack(
        read_at(stream, size - END.size, END.size)
    )
    if magic != END_MAGIC or comment:
        raise LiteFileError(
            "The file is truncated, or something was appended to it: no zip directory ends where the file ends.",
            advice="Compare its size or SHA-256 with the original; a partial download or upload looks like this.",
        )
    directory = Directory(offset, length, count)
    end = size - END.size
    wide = _find_zip64(stream, end)
    if wide is not None:
        narrow_limits = (SATURATED_32, SATURATED_32, SATURATED_16)
        for narrow, value, limit in zip(directory, wide, narrow_limits, strict=True):
            if narrow not in {value, limit}:
                raise LiteFileError("The zip archive has two end records that contradict each other.")
        directory = wide
        end -= LOCATOR64.size + END64.size
        here = count  # compared within the zip64 record already
    if disk or start_disk or here != count or directory.offset + directory.length != end:
        raise LiteFileError("The zip archive's end record does not fit the file.")
    if not 0 < directory.records <= MAX_RECORDS or directory.length > MAX_DIRECTORY_BYTES:
        raise LiteFileError(f"The zip archive lists {directory.records} records in {directory.length} bytes.")
    return directory


def _find_zip64(stream: BinaryIO, end: int) -> Directory | None:
    start = end - LOCATOR64.size - END64.size
    if start < 0:
        return None
    magic, disk, offset, disks = LOCATOR64.unpack(read_at(stream, end - LOCATOR64.size, LOCATOR64.size))
    if magic != LOCATOR64_MAGIC:
        return None
    fields = END64.unpack(read_at(stream, start, END64.size))
    magic, record_size, _, _, this_disk, start_disk, here, count, length, directory_offset = fields
    if magic != END64_MAGIC or offset != start or record_size != END64.size - 12:
        raise LiteFileError("The zip archive's 64-bit end record is damaged.")
    if disk or disks != 1 or this_disk or start_disk or here != count:
        raise LiteFileError("The zip archive claims to be one part of several.")
    return Directory(directory_offset, length, count)


def _read_entries(data: bytes, count: int) -> list[Entry]:
    entries: list[Entry] = []
    position = 0
    for _ in range(count):
        if position + CENTRAL.size > len(data):
            raise LiteFileError("The zip directory ends before its last record.")
        fields = CENTRAL.unpack_from(data, position)
        position += CENTRAL.size
        name_end = position + fields[10]
        extra_end = name_end + fields[11]
        entries.append(_entry(fields, data[position:name_end], data[name_end:extra_end]))
        position = extra_end + fields[12]
        if position > len(data):
            raise LiteFileError("The zip directory ends before its last record.")
    if position != len(data):
        raise LiteFileError("The zip directory has bytes that belong to no record.")
    return entries


def _entry(fields: tuple[bytes | int, ...], raw_name: bytes, extra: bytes) -> Entry:
    magic, _, _, flags, method, _, _, crc, stored, size, *_, disk, _, _, offset = fields
    if magic != CENTRAL_MAGIC:
        raise LiteFileError("The zip directory is damaged.")
    path = _decode(raw_name)
    numbers = [int(size), int(stored), int(offset)]  # in the order the zip64 field lists them
    if SATURATED_32 in numbers:
        numbers = _widened(path, numbers, extra)
    size, stored, offset = numbers
    if disk or int(flags) & ~_HARMLESS_FLAGS or method not in {STORED, DEFLATED}:
        raise LiteFileError(f"The record {path} is encrypted, split or packed in a way PyTorch never uses.")
    if method == STORED and stored != size:
        raise LiteFileError(f"The record {path} has two sizes: {stored} bytes stored, {size} bytes long.")
    return Entry(path, int(flags), int(method), int(crc), stored, size, offset)


def _widened(path: str, numbers: list[int], extra: bytes) -> list[int]:
    """Replace saturated 32-bit numbers by those of the zip64 extra field."""
    field = _extra_field(extra, ZIP64_FIELD)
    wanted = numbers.count(SATURATED_32)
    if field is None or len(field) < 8 * wanted:
        raise LiteFileError(f"The record {path} lacks its 64-bit sizes.")
    wide = iter(struct.unpack_from(f"<{wanted}Q", field))
    return [next(wide) if number == SATURATED_32 else number for number in numbers]


def _extra_field(extra: bytes, wanted: int) -> bytes | None:
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        position += 4
        if kind == wanted:
            return extra[position : position + length]
        position += length
    return None


def _decode(raw_name: bytes) -> str:
    try:
        return printable(raw_name.decode("utf-8"), "record name")
    except UnicodeDecodeError:
        raise LiteFileError(f"The record name {raw_name[:80]!r} is not UTF-8.") from None
