"""What `ptmobile runtimes list` prints: each release, what is known of it, and how well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from ptmobile.runtimes.limits import AskedLibrary, Evidence, Tables, load_tables
from ptmobile.runtimes.releases import Platform, Release, load_releases
from ptmobile.visible import visible

MEANING: Final[dict[Evidence, str]] = {
    "run": "seen when the release's own library ran a file",
    "asked": "answered by the release's own library",
    "desktop": "PyTorch's desktop build or sources of the same number; phones have fewer operators",
    "inferred": "from neighbouring releases, sister libraries or reports",
}
_TITLES: Final[dict[Platform, str]] = {"android": "Android", "ios": "iOS"}
_HEADER: Final = ("release", "published", "bytecode", "archive", "limits", "operators", "by", "lacks", "pages")


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One release. `operators` is an upper bound unless it was asked.

    Of releases for iOS it is not known what they lack; the size of pages does not matter there.
    """

    platform: Platform
    artifact: str
    version: str
    date: str | None
    bytecode_min: int
    bytecode_max: int
    archive_max: int
    limits_evidence: Evidence
    operators: int
    operators_evidence: Evidence
    lacks: dict[str, Evidence]
    page_bytes: int | None
    page_evidence: Evidence | None
    notes: tuple[str, ...]


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of the user's own probes, which the tables hold already, and the folder that they come from."""

    folder: Path
    answers: Mapping[str, AskedLibrary]


def list_releases(tables: Tables | None = None) -> tuple[Listed, ...]:
    """All published releases with what is known of them."""
    tables = tables or load_tables()
    return tuple(_listed(release, tables) for release in load_releases())


def render_json(tables: Tables, own: Own) -> bytes:
    """All of it for machines: `releases`, and `probed` with the user's own answers as in their files."""
    content = {"releases": list_releases(tables), "folder": str(own.folder), "probed": list(own.answers.values())}
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def render_runtimes(tables: Tables | None = None, own: Own | None = None) -> str:
    """All releases as text for a terminal, 110 columns or so, ending with a line feed."""
    tables = tables or load_tables()
    blocks = []
    for platform, title in _TITLES.items():
        releases = [listed for listed in list_releases(tables) if listed.platform == platform]
        rows = [_HEADER, *(_row(listed) for listed in releases)]
        blocks.append("\n".join([f"{title}: {releases[0].artifact}", *_aligned(rows), *_notes(releases)]))
    if own is not None:
        blocks.append("\n".join(_own(own)))
    boundary = tables.facts.boundary
    blocks.append(
        "Java and the library exchange tensors of "
        f"{', '.join(boundary.dtypes)}, and these values:\n  {', '.join(boundary.values)}"
    )
    blocks.append("\n".join(["How it is known", *(f"  {kind:<9} {text}" for kind, text in MEANING.items())]))
    return "\n\n".join(blocks) + "\n"


def describe(answers: AskedLibrary) -> Iterator[str]:
    """What a library answered, in a few lines."""
    yield f"bytecode {answers.bytecode_min} to {answers.bytecode_max}, archive version up to {answers.archive_max}"
    has = answers.operators_asked - len(answers.absent)
    more = f", and {len(answers.beyond)} of other builds" if answers.beyond else ""
    yield f"{has:,} of the {answers.operators_asked:,} operators of torch {answers.desktop}{more}"
    if answers.page_bytes is not None:
        yield f"for devices with pages of up to {answers.page_bytes // 1024} KB"


def _listed(release: Release, tables: Tables) -> Listed:
    limits = tables.limits_of(release)
    answers = tables.answers_of(release)
    names = tables.schemas.get(answers.line if answers else tables.line_of(release), ("", {}))[1]
    evidence: Evidence = "desktop" if release.platform == "android" and limits.evidence != "inferred" else "inferred"
    operators = len(names)
    if answers is not None:
        evidence = "asked"
        operators += len(answers.beyond) - sum(map(answers.lacks, names))
    page = tables.page_size_of(release)
    kernels = tables.facts.kernels if release.platform == "android" else ()
    return Listed(
        platform=release.platform,
        artifact=release.artifact,
        version=release.version,
        date=release.date,
        bytecode_min=limits.bytecode_min,
        bytecode_max=limits.bytecode_max,
        archive_max=limits.archive_max,
        limits_evidence=limits.evidence,
        operators=operators,
        operators_evidence=evidence,
        lacks={kernel.name: kernel.absent[release.version] for kernel in kernels if release.version in kernel.absent},
        page_bytes=page.size_bytes if page else None,
        page_evidence=page.evidence if page else None,
        notes=release.notes,
    )


def _row(listed: Listed) -> tuple[str, ...]:
    asked = listed.operators_evidence == "asked"
    return (
        listed.version,
        listed.date or "",
        f"{listed.bytecode_min} to {listed.bytecode_max}",
        f"up to {listed.archive_max}",
        listed.limits_evidence,
        f"{listed.operators:,}" if asked else f"up to {listed.operators:,}",
        listed.operators_evidence,
        ", ".join(f"{name} ({evidence})" for name, evidence in listed.lacks.items()),
        f"{listed.page_bytes // 1024} KB ({listed.page_evidence})" if listed.page_bytes else "",
    )


def _own(own: Own) -> Iterator[str]:
    yield f"Asked by yourself, in {visible(str(own.folder))}"
    listed = {f"{release.artifact}:{release.version}" for release in load_releases()}
    for name, answers in own.answers.items():
        where = "taken above" if name in listed else "of no release that we know"
        yield visible(f"  {name}, {answers.abi} ({where}): {'; '.join(describe(answers))}")
    if not own.answers:
        yield "  nothing yet: `ptmobile runtimes probe RELEASE` asks a library"


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    filled = [column for column in range(len(rows[0])) if any(row[column] for row in rows[1:])]
    widths = {column: max(len(row[column]) for row in rows) for column in filled}
    for row in rows:
        yield "  " + "  ".join(f"{row[column]:<{widths[column]}}" for column in filled).rstrip()


def _notes(releases: list[Listed]) -> Iterator[str]:
    """Each note once, with the releases it is about."""
    about: dict[str, list[str]] = {}
    for release in releases:
        for note in release.notes:
            about.setdefault(note, []).append(release.version)
    for note, versions in about.items():
        yield f"  - {', '.join(versions)}: {note}"
