"""The report in an artifact, which is a zip archive or the bare ``report.json``. Anybody may have made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Final

from ptmobile.baseline.reading import BaselineError
from ptmobile.litefile.container import locate, read_record
from ptmobile.litefile.model import LiteFileError
from ptmobile.litefile.zipdirectory import END_MAGIC, LOCAL_MAGIC, Entry, read_directory
from ptmobile.report.reading import MAX_BYTES, NAME

_WHICH: Final = (
    "Name the artifact that has the report: NAME-report, or with archive: zip the artifact with everything "
    "(docs/publishing.md)."
)


def report_bytes(stream: BinaryIO) -> bytes:
    """The report's bytes; of an archive nothing else is unpacked, and nothing is written.

    Raises:
        BaselineError: the archive has no report or several, is damaged, or has files that would lie outside of it.
    """
    stream.seek(0)
    magic = stream.read(4)
    if magic not in {LOCAL_MAGIC, END_MAGIC}:
        return magic + stream.read(MAX_BYTES)  # one that is larger is refused by who reads it
    try:
        directory, entries = read_directory(stream)
        entry = _report(entries)
        return read_record(stream, locate(stream, entry, entry.path, directory.offset), MAX_BYTES)
    except LiteFileError as error:
        raise BaselineError(f"Its archive cannot be read: {error.message}") from error


def _report(entries: Sequence[Entry]) -> Entry:
    """The entry that is the report: the only one of its name, or the only one that lies above all others."""
    for entry in entries:
        if entry.path.startswith("/") or "\\" in entry.path or ".." in entry.path.split("/"):
            raise BaselineError("Its archive has a file that would lie outside of the folder that it is unpacked into.")
    reports = [entry for entry in entries if entry.path.split("/")[-1] == NAME]
    if not reports:
        raise BaselineError(f"There is no {NAME} in it.", advice=_WHICH)
    top = min(entry.path.count("/") for entry in reports)
    highest = [entry for entry in reports if entry.path.count("/") == top]
    if len(highest) > 1:
        raise BaselineError(f"There are {len(highest)} files {NAME} in it, and none lies above the others.")
    return highest[0]
