"""The page's templates, style sheet and script put together, under a policy that lets nothing else in.

Autoescape is on, and every text that is written goes through `visible` first: control characters, and marks that turn
the direction of a line, are shown instead of obeyed. The style sheet and the script are ours and stand in the page
as they are; the policy names their hashes, so that nothing that a model says could ever be style or script.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup, escape

from ptmobile.report.model import Report
from ptmobile.report.page.view import page_of
from ptmobile.report.templating import page_templates
from ptmobile.visible import visible

_BREAKS = re.compile(r"(?<=[/_])(?=.)|(?<=::)(?=.)|(?<=\.)(?=[^\W\d])")


def report_html(report: Report) -> bytes:
    """The page, in UTF-8."""
    style, script = _asset("report.css"), _asset("report.js")
    values = {"page": page_of(report), "style": style, "script": script, "policy": _policy(style, script)}
    text = _templates().get_template("report.html.j2").render(values)
    return text.encode()


def _policy(style: str, script: str) -> str:
    """Nothing is loaded, sent or framed; what runs is named by its hash."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _asset(name: str) -> Markup:
    """One of our own files. In a page nothing but the end of its element ends it, which none of them has."""
    text = resources.files("ptmobile.report").joinpath("templates", name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - a file of this package


@cache
def _templates() -> jinja2.Environment:
    return page_templates(_shown, ticked=_ticked, breakable=_breakable)


def _shown(value: object) -> object:
    return visible(value, keep="\n\t") if isinstance(value, str) and not isinstance(value, Markup) else value


def _ticked(text: str) -> Markup:
    """A sentence with what stands between backticks as code."""
    return Markup().join(_code_between(text))


def _code_between(text: str) -> Iterator[Markup]:
    parts = visible(text, keep="\n\t").split("`")
    paired = len(parts) % 2 == 1
    for number, part in enumerate(parts):
        if number % 2 and paired:
            yield Markup("<code>{}</code>").format(part)
        else:
            yield escape(part if paired or not number else f"`{part}")


def _breakable(text: str) -> Markup:
    """A path or a dotted name with places where a line may end; a version number stays whole."""
    parts = _BREAKS.split(visible(text))
    return Markup("<wbr>").join(parts)
