"""The Markdown summary: a head over all models, a block per model, a foot; it can be cut between the blocks."""

from __future__ import annotations

import re
from functools import cache

import jinja2

from ptmobile.report.escape import code, code_block, code_cell, markdown_text
from ptmobile.report.model import Report
from ptmobile.report.view import view_of


def summary_blocks(report: Report) -> list[str]:
    """The summary's blocks in order: the head, then one per model, then what made them."""
    view = view_of(report)
    head = render("summary_head.md.j2", view=view)
    models = [render("summary_model.md.j2", model=model) for model in view.models]
    return [head, *models, f"<sub>{markdown_text(view.footer)}</sub>\n"]


def render(template: str, **values: object) -> str:
    """A block of Markdown, without its superfluous empty lines."""
    text = _environment().get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def _environment() -> jinja2.Environment:
    """Templates mark every foreign text by a filter; there is no HTML in them for autoescape to know."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ptmobile.report"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown: escaped by the filters below
    )
    environment.filters.update(text=markdown_text, code=code, cell=code_cell, block=code_block)
    return environment
