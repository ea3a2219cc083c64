"""The Markdown summary: a head over all models, a block per model, a foot; it can be cut between the blocks."""

from __future__ import annotations

import re

from ptmobile.report.model import Report
from ptmobile.report.templating import markdown_templates
from ptmobile.report.view import view_of


def summary_blocks(report: Report) -> list[str]:
    """The summary's blocks in order: the head, then one per model, then what made them, and of what."""
    view = view_of(report)
    head = render("summary_head.md.j2", view=view)
    models = [render("summary_model.md.j2", model=model) for model in view.models]
    return [head, *models, render("summary_foot.md.j2", view=view)]


def render(template: str, **values: object) -> str:
    """A block of Markdown, without its superfluous empty lines."""
    text = markdown_templates().get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
