"""What `ptmobile runtimes list` prints: each release, what is known of it, and how well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ptmobile.runtimes.limits import Evidence, Tables, load_tables
from ptmobile.runtimes.releases import Platform, Release, load_releases

MEANING: Final[dict[Evidence, str]] = {
    "run": "seen when the release's own library ran a file",
    "asked": "answered by the release's own library",
    "desktop": "PyTorch's desktop build or sources of the same number; phones have fewer operators",
    "inferred": "from neighbouring releases, sister libraries or reports",
}
_TITLES: Final[dict[Platform, str]] = {"android": "Android", "ios": "iOS"}
_HEADER: Final = ("release", "published", "bytecode", "archive", "limits", "operators", "by", "lacks", "pages")


def render_runtimes(tables: Tables | None = None) -> str:
    """All releases as text for a terminal, 110 columns or so, ending with a line feed."""
    tables = tables or load_tables()
    blocks = []
    for platform, title in _TITLES.items():
        releases = [release for release in load_releases() if release.platform == platform]
        rows = [_HEADER, *(_row(release, tables) for release in releases)]
        blocks.append("\n".join([f"{title}: {releases[0].artifact}", *_aligned(rows), *_notes(releases)]))
    boundary = tables.facts.boundary
    blocks.append(
        "Java and the library exchange tensors of "
        f"{', '.join(boundary.dtypes)}, and these values:\n  {', '.join(boundary.values)}"
    )
    blocks.append("\n".join(["How it is known", *(f"  {kind:<9} {text}" for kind, text in MEANING.items())]))
    return "\n\n".join(blocks) + "\n"


def _row(release: Release, tables: Tables) -> tuple[str, ...]:
    limits = tables.limits_of(release)
    answers = tables.answers_of(release)
    total = len(tables.schemas.get(tables.line_of(release), ("", {}))[1])
    page = tables.page_size_of(release)
    if answers is not None:
        operators, known = f"{total - sum(map(answers.lacks, _names(release, tables))):,}", "asked"
    else:
        sure = release.platform == "android" and limits.evidence != "inferred"
        operators, known = f"up to {total:,}", "desktop" if sure else "inferred"
    return (
        release.version,
        release.date or "",
        f"{limits.bytecode_min} to {limits.bytecode_max}",
        f"up to {limits.archive_max}",
        limits.evidence,
        operators,
        known,
        _lacks(release, tables),
        f"{page.size_bytes // 1024} KB ({page.evidence})" if page else "",
    )


def _names(release: Release, tables: Tables) -> Iterator[str]:
    yield from tables.schemas.get(tables.line_of(release), ("", {}))[1]


def _lacks(release: Release, tables: Tables) -> str:
    """Parts that are not built in; of iOS nothing is known."""
    if release.platform != "android":
        return ""
    kernels = tables.facts.kernels
    return ", ".join(
        f"{kernel.name} ({kernel.absent[release.version]})" for kernel in kernels if release.version in kernel.absent
    )


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    filled = [column for column in range(len(rows[0])) if any(row[column] for row in rows[1:])]
    widths = {column: max(len(row[column]) for row in rows) for column in filled}
    for row in rows:
        yield "  " + "  ".join(f"{row[column]:<{widths[column]}}" for column in filled).rstrip()


def _notes(releases: list[Release]) -> Iterator[str]:
    """Each note once, with the releases it is about."""
    about: dict[str, list[str]] = {}
    for release in releases:
        for note in release.notes:
            about.setdefault(note, []).append(release.version)
    for note, versions in about.items():
        yield f"  - {', '.join(versions)}: {note}"
