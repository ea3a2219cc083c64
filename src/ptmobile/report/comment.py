"""A report as a comment in a pull request: short, escaped as the summary is, and within what GitHub takes.

The report may be a stranger's data: addresses are taken from the job that writes the comment, never from the report.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from ptmobile.github.context import COMMIT
from ptmobile.github.summary import fit
from ptmobile.report.cutting import cut
from ptmobile.report.downloads import downloads_of, plain_address
from ptmobile.report.escape import code, markdown_text
from ptmobile.report.model import Report
from ptmobile.report.summary import render
from ptmobile.report.view import view_of

_ROWS = 30


@dataclass(frozen=True)
class Origin:
    """What is known of the run by other ways than its report: its page and the commit that it ran."""

    run_url: str
    sha: str


def comment_body(report: Report, origin: Origin, budget: int) -> str:
    """The comment's Markdown in at most so many bytes; whole models are left out where there are too many."""
    view = view_of(report)
    url = plain_address(origin.run_url)
    rows = cut(view.models if len(view.models) > _ROWS else view.rows.shown, _ROWS)
    head = render("comment.md.j2", view=view, rows=rows, downloads=downloads_of(report, url))
    models = [render("comment_model.md.j2", model=model) for model in view.models]
    run = f"[the run]({url})" if url else "the run"
    commit = f" of {code(origin.sha[:10])}" if COMMIT.fullmatch(origin.sha) else ""
    foot = f"<sub>{markdown_text(view.footer)}, {run}{commit}</sub>\n"
    room = budget - len(foot.encode()) - 2
    text, _ = fit(
        [head, *models], full_report=f"summary and artifacts of {run}", budget=room, limit="65,536 characters"
    )
    return f"{text}\n{foot}"


def fingerprint(report: Report) -> str:
    """The same for runs that found the same: verdicts, files by their bytes, reasons and warnings."""
    said = [
        [
            model.spec.name,
            model.verdict.status,
            model.verdict.title,
            [reason.title for reason in model.verdict.reasons],
            sorted(warning.message for warning in model.verdict.warnings),
            [[file.path, file.verified, file.content.sha256] for file in model.files],
        ]
        for model in report.models
    ]
    problems = [problem.message for problem in report.problems]
    return hashlib.sha256(msgspec.json.encode([report.verdict, said, problems])).hexdigest()
