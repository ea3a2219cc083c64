"""Where the files of a report come from, for people: rows of what it was, which one, and its hash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from ptmobile.report.model import Report, UsedFile
from ptmobile.visible import shorten

_ROLES = {
    "config": "Config file",
    "model": "Model",
    "requirements": "Requirements",
    "weights": "Weights",
    "inputs": "Example inputs",
    "library": "App's library",
}
_NAME, _HASH = 200, 64
_PACKAGES = 100


@dataclass(frozen=True)
class OriginRow:
    """One thing that a file comes from; ``digest`` is a commit or a SHA-256, empty where there is none."""

    what: str
    name: str
    digest: str = ""


def origin_rows(report: Report) -> tuple[OriginRow, ...]:
    """The run first, then our code, then every file, library and package that went in, each once."""
    rows = [*_run(report), *_ours(report), *map(_file, dict.fromkeys(file for m in report.models for file in m.used))]
    rows += islice(dict.fromkeys(_packages(report)), _PACKAGES)
    return tuple(OriginRow(row.what, shorten(row.name, _NAME), row.digest[:_HASH]) for row in rows)


def _run(report: Report) -> Iterator[OriginRow]:
    source = report.source
    if source.repository or source.sha:
        yield OriginRow("Commit", " ".join(filter(None, (source.repository, source.ref))), source.sha)
    if source.workflow:
        yield OriginRow("Workflow", source.workflow)
    if source.run_id:
        attempt = f", attempt {source.run_attempt}" if source.run_attempt else ""
        event = f", on {source.event}" if source.event else ""
        yield OriginRow("Run", f"{source.run_id}{attempt}{event}")


def _ours(report: Report) -> Iterator[OriginRow]:
    tool, libraries = report.tool, next((m.result.environment for m in report.models if m.result.environment), None)
    if tool.code_sha256:
        named = f" ({report.source.action})" if report.source.action else ""
        yield OriginRow("Action", f"{tool.name} {tool.version}{named}", tool.code_sha256)
    if libraries is not None:
        versions = (("Python", libraries.python), ("torch", libraries.torch), ("torchvision", libraries.torchvision))
        yield OriginRow("Versions", ", ".join(f"{name} {version}" for name, version in versions))


def _file(file: UsedFile) -> OriginRow:
    return OriginRow(_ROLES[file.role], file.path, file.sha256)


def _packages(report: Report) -> Iterator[OriginRow]:
    for model in report.models:
        for package in model.packages.installed if model.packages else ():
            yield OriginRow("Package", f"{package.name} {package.version}", package.sha256)
