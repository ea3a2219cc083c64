"""The summary as it is laid out: what went wrong first, and lists without gaps."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace
from page_support import PAGES, full
from report_support import failure, model, report

from ptmobile.report.model import Report
from ptmobile.report.summary import summary_blocks

MARKDOWN = MarkdownIt("commonmark").enable("table")


def markdown(of: Report) -> str:
    return "\n".join(summary_blocks(of))


@pytest.mark.parametrize("name", PAGES)
def test_no_list_has_gaps(name: str) -> None:
    """A list whose items are parted by empty lines is shown with the distances of paragraphs."""
    inside, gaps = 0, []
    for token in MARKDOWN.parse(markdown(PAGES[name]())):
        inside += {"list_item_open": 1, "list_item_close": -1}.get(token.type, 0)
        if inside and token.type == "paragraph_open" and not token.hidden:
            gaps.append(token.map)
    assert gaps == []


def test_why_it_failed_comes_before_what_the_libraries_say() -> None:
    found = full().models[0].result
    problem = failure("runtime", "device", "The library computes something else", "out differs", advice="Look.")
    text = markdown(report(model(found=replace(found, failure=problem))))
    assert text.index("**The library computes something else**") < text.index("pytorch")
