"""A card for each file that was written: what it is, what is in it, for whom."""

from __future__ import annotations

from dataclasses import dataclass

from ptmobile.report.files import operators_name, release_name
from ptmobile.report.model import ModelReport, ShippedFile
from ptmobile.report.numbers import count, size
from ptmobile.visible import shorten

_NAME = 120
_MAX_OPERATORS, _MAX_SECTIONS, _MAX_EXTRA = 1000, 20, 50


@dataclass(frozen=True)
class FileCard:
    """One file. ``sections`` have name, size and percentage of the largest; ``facts`` are key and value."""

    status: str
    said: str
    edition: str
    path: str
    size: str
    size_bytes: int
    sha256: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[tuple[str, str, float], ...]
    operators: tuple[str, ...]
    operators_title: str
    operators_file: str
    operators_more: int


def file_cards(model: ModelReport) -> tuple[FileCard, ...]:
    """The main file's card first."""
    return tuple(_card(model, file) for file in model.files)


def _card(model: ModelReport, file: ShippedFile) -> FileCard:
    content = file.content
    sections = [s for s in content.sections if s.size_bytes][:_MAX_SECTIONS]
    largest = max((section.size_bytes for section in sections), default=1)
    return FileCard(
        status="aside" if not file.method else "passed" if file.verified else "failed",
        said="as it was" if not file.method else "verified" if file.verified else "not verified",
        edition=file.edition,
        path=file.path,
        size=size(content.size_bytes),
        size_bytes=content.size_bytes,
        sha256=content.sha256,
        facts=tuple((key, value) for key, value in _facts(file) if value),
        sections=tuple((s.name, size(s.size_bytes), round(100 * s.size_bytes / largest, 1)) for s in sections),
        operators=tuple(shorten(name, _NAME) for name in content.operators[:_MAX_OPERATORS]),
        operators_title=count(len(content.operators), "operator"),
        operators_file=operators_name(model, file) if file.method else "",
        operators_more=max(len(content.operators) - _MAX_OPERATORS, 0),
    )


def _facts(file: ShippedFile) -> tuple[tuple[str, str], ...]:
    content = file.content
    how = f"{file.method}, {'optimised' if file.optimised else 'not optimised'}" if file.method else ""
    grown = "" if file.grown_bytes is None else f"{file.grown_bytes:+,} bytes"
    return (
        ("Exact size", f"{content.size_bytes:,} bytes"),
        ("Bytecode version", str(content.bytecode_version)),
        ("Conversion", how),
        ("Made for", ", ".join(map(release_name, file.releases))),
        ("By backporting", grown),
        ("Methods", shorten(", ".join(content.methods), _NAME)),
        ("Extra files", shorten(", ".join(content.extra_files[:_MAX_EXTRA]), 3 * _NAME)),
    )
