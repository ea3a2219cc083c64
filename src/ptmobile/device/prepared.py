"""What is known of a prepared folder: plain data, read by whoever runs the libraries in it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

PREPARED_FILE: Final = "prepared.json"
#: Android's system libraries that the kit stands in for, in the order of loading.
STAND_INS: Final = ("libdl.so", "libm.so", "liblog.so", "libandroid.so", "libc.so")


class PreparedLibrary(msgspec.Struct, frozen=True, kw_only=True):
    """One library of the AAR: the hash and size of the original, the alignment of its segments in bytes."""

    name: str
    sha256: str
    size_bytes: int
    page_alignment: int


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A prepared folder: its libraries in the order of loading; those that they need and nobody provides."""

    abi: str
    runtime: str
    aar_sha256: str
    libraries: tuple[PreparedLibrary, ...]
    jars: tuple[str, ...]
    wanted: tuple[str, ...]
    missing_libraries: tuple[str, ...]
    obstacles: tuple[str, ...]

    @property
    def lite(self) -> bool:
        """Whether it is the lite interpreter's library."""
        return self.runtime == "pytorch_jni_lite"

    @property
    def page_alignment(self) -> int:
        """The largest page size, in bytes, of a device that can load all of the libraries."""
        return min(library.page_alignment for library in self.libraries)


def read_prepared(folder: Path) -> Prepared:
    """What :func:`ptmobile.device.prepare.prepare` found.

    Raises:
        OSError, msgspec.DecodeError: it is no prepared folder.
    """
    return msgspec.json.decode((folder / PREPARED_FILE).read_bytes(), type=Prepared)
