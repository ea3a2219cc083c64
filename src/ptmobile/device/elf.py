"""What a shared library says about itself: its needs, its symbols, its alignment, where its version tags are."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile

from ptmobile.device.errors import PrepareError

#: Of the dynamic entries that hold symbol versions (gABI and the GNU extensions to it).
VERSION_TAGS: Final = ("DT_VERSYM", "DT_VERDEF", "DT_VERDEFNUM", "DT_VERNEED", "DT_VERNEEDNUM")
DYNAMIC_ENTRY_BYTES: Final = 16
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_LIBRARY_NAME: Final = re.compile(r"[\w.+-]{1,100}", re.ASCII)
_MAX_SYMBOLS: Final = 4_000_000
_LOCAL, _WEAK = 0, 2
# What reading a damaged library has been seen to raise; OSError is a position that no file has.
_DAMAGE: Final = (
    ELFError, OSError, struct.error, ValueError, LookupError, TypeError, AttributeError, OverflowError, AssertionError,
)  # fmt: skip
# Ways to shorten relocations which only Android's loader knows: APS2, and RELR under numbers of its own.
_ANDROID_RELOCATIONS: Final = range(0x6000000F, 0x60000013)
_ANDROID_RELR: Final = range(0x6FFFE000, 0x6FFFE004)


@dataclass(frozen=True, kw_only=True)
class SharedLibrary:
    """Facts of one 64-bit shared library; ``version_entries`` are offsets of dynamic entries in the file."""

    machine: str
    needed: tuple[str, ...]
    page_alignment: int
    wanted: frozenset[str]
    defined: frozenset[str]
    version_entries: tuple[int, ...]
    obstacles: tuple[str, ...]


def read_library(path: Path) -> SharedLibrary:
    """Read a library's facts.

    Raises:
        PrepareError: it is no 64-bit shared library, or damaged.
        OSError: there is no such file, or it cannot be opened.
    """
    with path.open("rb") as stream:
        try:
            return _read(stream)
        except _DAMAGE as error:
            raise PrepareError(f"{path.name} is not a shared library that can be read: {error}") from error


def _read(stream: BinaryIO) -> SharedLibrary:
    elf = ELFFile(stream)
    if elf.elfclass != 64 or not elf.little_endian:
        raise ELFError("it is not a 64-bit little-endian file")
    dynamic = next((segment for segment in elf.iter_segments() if isinstance(segment, DynamicSegment)), None)
    if dynamic is None:
        raise ELFError("it has no dynamic section")
    tags = list(dynamic.iter_tags())
    wanted, defined = _symbols(stream, dynamic)
    loads = [int(segment["p_align"]) for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD"]
    return SharedLibrary(
        machine=str(elf["e_machine"]).removeprefix("EM_"),
        needed=tuple(_needed(tag) for tag in tags if tag.entry.d_tag == "DT_NEEDED"),
        # A system with larger pages cannot map the library as soon as one segment is aligned to less.
        page_alignment=min(loads, default=0),
        wanted=wanted,
        defined=defined,
        version_entries=tuple(
            int(dynamic["p_offset"]) + number * DYNAMIC_ENTRY_BYTES
            for number, tag in enumerate(tags)
            if tag.entry.d_tag in VERSION_TAGS
        ),
        obstacles=tuple(sorted({what for tag in tags if (what := _obstacle(tag.entry.d_tag))})),
    )


def _symbols(stream: BinaryIO, dynamic: DynamicSegment) -> tuple[frozenset[str], frozenset[str]]:
    """The names that must be found elsewhere (weak ones need not), and those that others can find here."""
    count = dynamic.num_symbols()
    _, offset = dynamic.get_table_offset("DT_SYMTAB")
    _, names_offset = dynamic.get_table_offset("DT_STRTAB")
    sizes: list[Any] = [tag.entry.d_val for tag in dynamic.iter_tags("DT_STRSZ")]
    end = stream.seek(0, os.SEEK_END)
    if offset is None or names_offset is None or len(sizes) != 1 or not 0 <= sizes[0] <= end or count > _MAX_SYMBOLS:
        raise ELFError("its table of symbols cannot be found")
    stream.seek(names_offset)
    names = stream.read(sizes[0])
    stream.seek(offset)
    wanted, defined = set(), set()
    for name_at, information, _, section, _, _ in _SYMBOL.iter_unpack(stream.read(count * _SYMBOL.size)):
        binding = information >> 4
        if name_at == 0 or binding == _LOCAL:
            continue
        name = names[name_at : names.index(b"\0", name_at)].decode("utf-8", "replace")
        if section:
            defined.add(name)
        elif binding != _WEAK:
            wanted.add(name)
    return frozenset(wanted), frozenset(defined)


def _needed(tag: Any) -> str:
    """The name of a needed library, which the entry gets as an attribute of its own."""
    name = str(tag.needed)
    if not _LIBRARY_NAME.fullmatch(name):
        raise ELFError(f"it needs a library with an odd name: {name[:100]!r}")
    return name


def _obstacle(tag: str | int) -> str:
    if isinstance(tag, int) and (tag in _ANDROID_RELOCATIONS or tag in _ANDROID_RELR):
        return "relocations packed in a way that only Android's loader reads"
    return ""
