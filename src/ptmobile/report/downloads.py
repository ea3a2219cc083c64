"""Where a report's files can be downloaded."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ptmobile.report.model import Report
from ptmobile.report.numbers import size

_ADDRESS = re.compile(r"https?://[A-Za-z0-9._:/-]+")


@dataclass(frozen=True)
class Download:
    """An artifact: its name, its page (empty where there is none), and how large it is."""

    name: str
    url: str
    size: str


def downloads_of(report: Report, run_url: str = "") -> tuple[Download, ...]:
    """The artifacts of a report; with the page of a run, which is trusted more than the report, below that page."""
    return tuple(
        Download(
            artifact.name,
            plain_address(f"{run_url}/artifacts/{artifact.id}" if run_url else artifact.url),
            size(max(0, artifact.size_bytes)),
        )
        for artifact in report.artifacts[:20]
    )


def plain_address(url: str) -> str:
    """An address if it is a plain one, which can do nothing in Markdown; else nothing."""
    return url if _ADDRESS.fullmatch(url) else ""
