"""Reads a ``report.json``, which anybody may have made: in one way for baselines, for merging and for comments.

What is wrong with it is told in sentences about "it", so that whoever reads can say which report is meant.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from ptmobile import __version__
from ptmobile.errors import PtmobileError
from ptmobile.report.model import SCHEMA_VERSION, Report
from ptmobile.visible import shorten, visible

NAME: Final = "report.json"
#: A report of hundreds of models has some megabytes.
MAX_BYTES: Final = 64 * 1024 * 1024
_SAID: Final = 200
T = TypeVar("T")


class ReportError(PtmobileError):
    """A report that cannot be read."""


class _Tool(msgspec.Struct):
    name: Annotated[str, Meta(max_length=300)]


class _Head(msgspec.Struct):
    schema_version: int
    tool: _Tool


def read_report(data: bytes) -> Report:
    """The whole of a report; fields that this version does not know are passed over.

    Raises:
        ReportError: it is no report, or one that this version of ptmobile did not write.
    """
    check_head(data)
    return decoded(data, Report, f"It is damaged, or not of this version of ptmobile ({__version__})")


def bytes_of(path: Path) -> bytes:
    """The bytes of a report in the workspace.

    Raises:
        ReportError: it is not there, no plain file, or cannot be read.
    """
    try:
        if not path.is_file():
            what = "It is not a plain file." if path.exists() else "It does not exist in the workspace."
            raise ReportError(what)
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ReportError(f"It cannot be read: {error.strerror}.") from error


def check_head(data: bytes) -> None:
    """Look whether bytes are a report of a version that we read.

    Raises:
        ReportError: they are too many, no report, or one of a later schema version.
    """
    if len(data) > MAX_BYTES:
        raise ReportError(f"It is larger than {MAX_BYTES:,} bytes, which no report is.")
    head = decoded(data, _Head)
    if head.tool.name != "ptmobile-action":
        raise ReportError("It is not a report.json of ptmobile, but of another tool.")
    if not 1 <= head.schema_version <= SCHEMA_VERSION:
        raise ReportError(
            f"Its schema version is {head.schema_version}; this version of ptmobile reads up to {SCHEMA_VERSION}.",
            advice="Make it by this version of ptmobile, or use a later one here.",
        )


def decoded(data: bytes, form: type[T], wrong: str = "It is not a report.json of ptmobile") -> T:
    """The parts of a report that a form has.

    Raises:
        ReportError: it has other values than the form; the message begins with ``wrong``.
    """
    try:
        return msgspec.json.decode(data, type=form)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        # What the decoder says names a place in the document, and may quote a key of it.
        raise ReportError(f"{wrong}: {shorten(visible(str(error)), _SAID)}.") from error
