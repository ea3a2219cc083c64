"""Of an AAR only what is ever used: the classes, the manifest, and the libraries of the ABIs that can be run.

The members are copied as they are, compressed as they were: no compressor of ours has a say in the bytes, so that the
same AAR gives the same copy on every machine, whose hash can be recorded beside that of the published file.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import BinaryIO, Final

from ptmobile.litefile.zipdirectory import (
    CENTRAL,
    CENTRAL_MAGIC,
    DEFLATED,
    END,
    END_MAGIC,
    LOCAL,
    LOCAL_MAGIC,
    SATURATED_16,
    SATURATED_32,
    STORED,
)

#: The ABIs that some machine can run, by itself or emulated; an AAR has two more.
KEPT_ABIS: Final = ("arm64-v8a", "x86_64")
_KEPT: Final = re.compile(
    rf"AndroidManifest\.xml|classes\.jar|jni/(?:{'|'.join(map(re.escape, KEPT_ABIS))})/[\w.+-]+\.so", re.ASCII
)
# The first day that a zip archive can name, at midnight.
_TIME, _DATE, _VERSION = 0, 0x0021, 20
_ENCRYPTED: Final = 0x0001
_CHUNK_BYTES: Final = 2**20


class NoArchiveError(ValueError):
    """The file is no archive that can be copied from."""


def keep_needed(source: Path, target: Path) -> None:
    """Write a copy of an AAR with what is ever used of it.

    Raises:
        NoArchiveError: `source` is no zip archive, or one of an odd kind.
        OSError: a file cannot be read or written.
    """
    try:
        with source.open("rb") as stream, zipfile.ZipFile(stream) as archive, target.open("xb") as sink:
            members = [member for member in archive.infolist() if _KEPT.fullmatch(member.filename)]
            _check(members)
            _write(stream, sorted(members, key=lambda member: member.filename), sink)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as problem:
        raise NoArchiveError(str(problem)) from problem


def _check(members: list[zipfile.ZipInfo]) -> None:
    if len({member.filename for member in members}) < len(members) or len(members) >= SATURATED_16:
        raise NoArchiveError("it holds two members of one name, or too many")
    # With room for both headers of each member, whose names are shorter than this.
    if sum(member.compress_size + 2 * SATURATED_16 for member in members) >= SATURATED_32:
        raise NoArchiveError("it is too large")
    for member in members:
        if member.compress_type not in {STORED, DEFLATED} or member.flag_bits & _ENCRYPTED:
            raise NoArchiveError(f"{member.filename} is compressed or encrypted in an unusual way")


def _write(stream: BinaryIO, members: list[zipfile.ZipInfo], sink: BinaryIO) -> None:
    directory = b""
    for member in members:
        name = member.filename.encode("ascii")
        sizes = (member.CRC, member.compress_size, member.file_size)
        common = (_VERSION, 0, member.compress_type, _TIME, _DATE, *sizes, len(name), 0)
        directory += CENTRAL.pack(CENTRAL_MAGIC, _VERSION, *common, 0, 0, 0, 0, sink.tell()) + name
        sink.write(LOCAL.pack(LOCAL_MAGIC, *common) + name)
        _copy_data(stream, member, sink)
    start = sink.tell()
    sink.write(directory)
    sink.write(END.pack(END_MAGIC, 0, 0, len(members), len(members), len(directory), start, 0))


def _copy_data(stream: BinaryIO, member: zipfile.ZipInfo, sink: BinaryIO) -> None:
    stream.seek(member.header_offset)
    header = stream.read(LOCAL.size)
    if len(header) < LOCAL.size or header[:4] != LOCAL_MAGIC:
        raise NoArchiveError(f"{member.filename} is not where the directory says")
    *_, name_length, extra_length = LOCAL.unpack(header)
    stream.seek(name_length + extra_length, 1)
    left = member.compress_size
    while left:
        chunk = stream.read(min(left, _CHUNK_BYTES))
        if not chunk:
            raise NoArchiveError(f"it ends inside {member.filename}")
        sink.write(chunk)
        left -= len(chunk)
