"""Markdown as GitHub shows it, as far as tests need that: CommonMark with tables and strikethrough."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def structure(source: str) -> list[tuple[str, str]]:
    """Everything but the text: blocks, rows, cells, and the tags in between."""
    return [
        (token.type, " ".join(re.findall(r"</?\w+", token.content)) if token.type == "html_block" else "")
        for token in MARKDOWN.parse(source)
    ]
