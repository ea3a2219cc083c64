"""What an artifact consists of: files that may be read, as a zip archive or bare."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol, cast

from ptmobile.github.artifact.errors import UnreadableFileError
from ptmobile.visible import shorten, visible

ZIP_TYPE: Final = "application/zip"
BARE_TYPE: Final = "application/octet-stream"

_PIECE: Final = 1 << 20
_SAMPLE: Final = 64 << 10
_SAMPLES: Final = 4
_WORTHWHILE: Final = 0.85
_FAST, _SMALL = 0, 6
_PLAIN_FILE: Final = stat.S_IFREG | 0o644
_UNIX: Final = 3
_HUGE: Final = 2 << 30


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int:
        """Take all of them."""

    def flush(self) -> None:
        """Nothing is kept back."""

    def abandon(self) -> None:
        """What is written from now on does not matter."""


def write_zip(files: Sequence[tuple[str, Path]], sink: Sink) -> None:
    """Write a zip archive, front to back, without ever holding a whole file.

    The same files give the same bytes (from the same zlib): sorted, with one date and mode for all. Weights shrink by
    some percent in many seconds, so a file is compressed only where samples of it shrink by a sixth. Every entry is
    of the method "deflate" all the same: readers that cannot seek find the end of such an entry, but not of a stored
    one whose size was unknown when it began.

    Raises:
        UnreadableFileError: a file cannot be read, or is none.
    """
    with zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(files):
            with _reading(path) as source:
                archive.compresslevel = _SMALL if _shrinks(source) else _FAST
                huge = os.fstat(source.fileno()).st_size > _HUGE
                with archive.open(name, "w", force_zip64=huge) as entry, _or_nothing(sink):
                    shutil.copyfileobj(source, entry, _PIECE)
            # Read when the directory at the end is written.
            info = archive.getinfo(name)
            info.external_attr, info.create_system = _PLAIN_FILE << 16, _UNIX


def write_bare(path: Path, sink: Sink) -> None:
    """Write a file as it is.

    Raises:
        UnreadableFileError: it cannot be read, or is none.
    """
    with _reading(path) as source:
        shutil.copyfileobj(source, sink, _PIECE)


def check_readable(files: Sequence[tuple[str, Path]]) -> None:
    """Open every file once, before anything is sent.

    Raises:
        UnreadableFileError: one cannot be read, or is none.
    """
    for _, path in files:
        with _reading(path):
            pass


def _shrinks(source: IO[bytes]) -> bool:
    """Whether samples from all over a file can be compressed; leaves the file at its start."""
    size = os.fstat(source.fileno()).st_size
    before = after = 0
    for number in range(_SAMPLES):
        source.seek(max(0, size - _SAMPLE) * number // (_SAMPLES - 1))
        sample = source.read(_SAMPLE)
        before += len(sample)
        after += len(zlib.compress(sample, 1))
    source.seek(0)
    return after < before * _WORTHWHILE


@contextmanager
def _or_nothing(sink: Sink) -> Iterator[None]:
    """Keep the end of an archive whose middle is missing from being uploaded: that would only take time."""
    try:
        yield
    except BaseException:
        sink.abandon()
        raise


@contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    """Open a plain file. A link is none: model code may have put it there, and it could name anything."""
    shown = shorten(visible(path.name), 80)
    try:
        with open(path, "rb", buffering=0, opener=_open_plainly) as source:
            if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
                raise UnreadableFileError(f"{shown} cannot be uploaded: it is not a plain file.")
            yield cast("IO[bytes]", source)
    except OSError as problem:
        raise UnreadableFileError(f"{shown} cannot be uploaded: {problem.strerror or problem}.") from None


def _open_plainly(path: str, _flags: int) -> int:
    # Without waiting for the other end of a pipe.
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
