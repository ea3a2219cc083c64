"""The table of known errors in docs/troubleshooting.md: all of them, and shown as they are written."""

from __future__ import annotations

from document_support import ROOT
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ptmobile.explaining.catalogue import GROUPS


def shown(token: Token) -> str:
    """The text of a cell, with code in backticks; anything else in it would be markup by mistake."""
    children = token.children or []
    assert {child.type for child in children} <= {"text", "text_special", "code_inline"}, token.content
    return "".join(f"`{child.content}`" if child.type == "code_inline" else child.content for child in children)


def test_every_known_error_is_in_the_document_as_it_is_written() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8").partition("<!-- known errors")[2]
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    inline = [(tokens[n - 1].type, token) for n, token in enumerate(tokens) if token.type == "inline"]
    cells = [shown(token) for before, token in inline if before == "td_open"]
    assert [token.content for before, token in inline if before == "heading_open"] == list(GROUPS)
    assert cells == [
        cell for group in GROUPS.values() for known in group for cell in (f"`{known.says}`", known.cause, known.remedy)
    ]
