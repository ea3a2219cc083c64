"""What `ptmobile inspect FILE` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ptmobile.litefile import LiteFile, Section
from ptmobile.runtimes import Recommendation, Release

_MEANING = {
    "weights": "tensors",
    "values": "attributes and constants other than tensors",
    "bytecode": "what the lite interpreter runs",
    "code": "TorchScript source, needed by torch.jit.load and by backporting only",
    "debug": "source paths and text for stack traces",
    "extra": "files added when it was saved",
    "other": "version and the like",
    "container": "zip headers and alignment",
}


def render_text(lite: LiteFile, recommendation: Recommendation | None = None) -> str:
    """The file as text for a terminal, 100 columns or so, ending with a line feed.

    Names come from the file; `read_lite_file` has made sure that they are printable.
    """
    blocks = [
        _facts(lite),
        _block("Sections", _section_lines(lite)),
        _block(f"Operators ({len(lite.operators)})", _operator_lines(lite)),
        _block("Extra files", lite.extra_files),
    ]
    if recommendation is not None:
        blocks.append(_block("Runtimes", _runtime_lines(recommendation)))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _facts(lite: LiteFile) -> str:
    rows = (
        ("File", lite.file),
        ("Size", f"{lite.size_bytes:,} bytes"),
        ("SHA-256", lite.sha256),
        ("Bytecode version", str(lite.bytecode_version)),
        ("Archive version", str(lite.archive_version)),
        ("Methods", ", ".join(lite.methods) or "none"),
        ("Types", ", ".join(lite.types) or "none listed"),
    )
    return "\n".join(f"{name:<17} {value}" for name, value in rows)


def _block(title: str, lines: Iterable[str]) -> str:
    body = [f"  {line}" for line in lines]
    return "\n".join([title, *body]) if body else ""


def _section_lines(lite: LiteFile) -> Iterator[str]:
    yield f"{'':<10} {'records':>8} {'bytes':>15} {'share':>7}"
    for section in lite.sections:
        if section.size_bytes:
            yield _section_line(section, lite.size_bytes)


def _section_line(section: Section, total: int) -> str:
    share = f"{100 * section.size_bytes / total:.1f} %"
    numbers = f"{section.name:<10} {section.records or '':>8} {section.size_bytes:>15,} {share:>7}"
    return f"{numbers}  {_MEANING.get(section.name, '')}".rstrip()


def _operator_lines(lite: LiteFile) -> Iterator[str]:
    width = max(map(len, lite.operators), default=0)
    for name in lite.operators:
        count = lite.operator_arguments.get(name)
        suffix = "" if count is None else f"{count} argument{'' if count == 1 else 's'}"
        yield f"{name:<{width}}  {suffix}".rstrip()


def _runtime_lines(recommendation: Recommendation) -> Iterator[str]:
    pairs = (
        ("Android", recommendation.android, recommendation.oldest_android, recommendation.gradle),
        ("iOS", recommendation.ios, recommendation.oldest_ios, recommendation.podfile),
    )
    for platform, best, oldest, lines in pairs:
        yield f"{platform}: {_versions(best, oldest)}"
        yield from (f"  {line}" for line in lines)
    yield from (f"- {note}" for note in recommendation.notes)


def _versions(best: Release | None, oldest: Release | None) -> str:
    if best is None or oldest is None:
        return "no published runtime"
    return f"{best.version} fits best, {oldest.version} is the oldest that admits the version numbers"
