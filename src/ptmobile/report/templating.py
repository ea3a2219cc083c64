"""The templates of all that people read, and what is done to the text that is put into them.

Markdown (the summary, the comment) is not escaped by itself: its templates mark every foreign text by a filter. The
page is HTML, where every text that is not marked as ours is escaped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jinja2

from ptmobile.report.escape import code, code_block, code_cell, markdown_text


@cache
def markdown_templates() -> jinja2.Environment:
    """With the filters ``text``, ``code``, ``cell`` and ``block``, one of which every foreign text needs."""
    environment = _environment(autoescape=False, keep_trailing_newline=True)
    environment.filters.update(text=markdown_text, code=code, cell=code_cell, block=code_block)
    return environment


def page_templates(shown: Callable[[object], object], **filters: Callable[[str], str]) -> jinja2.Environment:
    """``shown`` makes every value fit to be seen, before it is escaped; what a filter returns as `Markup` stays."""
    environment = _environment(autoescape=True, finalize=shown)
    environment.filters.update(filters)
    return environment


def _environment(**settings: Any) -> jinja2.Environment:
    return jinja2.Environment(  # noqa: S701 - both kinds say above what they do about escaping
        loader=jinja2.PackageLoader("ptmobile.report"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **settings,
    )
