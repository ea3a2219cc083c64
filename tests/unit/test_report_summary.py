"""The summary as it is laid out: what went wrong first, and lists without gaps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace
from page_support import PAGES, full
from report_support import failure, model, report

from ptmobile.baseline.comparing import measures_of
from ptmobile.baseline.model import FileDifference
from ptmobile.report.comment import Origin, comment_body
from ptmobile.report.escape import markdown_text
from ptmobile.report.model import Report
from ptmobile.report.summary import summary_blocks

MARKDOWN = MarkdownIt("commonmark").enable("table")


def markdown(of: Report) -> str:
    return "\n".join(summary_blocks(of))


def comment(of: Report) -> str:
    return comment_body(of, Origin("https://github.com/owner/models/actions/runs/1", "a" * 40), 60_000)


@pytest.mark.parametrize("shown", [markdown, comment])
@pytest.mark.parametrize("name", PAGES)
def test_no_list_has_gaps(name: str, shown: Callable[[Report], str]) -> None:
    """A list whose items are parted by empty lines is shown with the distances of paragraphs."""
    inside, gaps = 0, []
    for token in MARKDOWN.parse(shown(PAGES[name]())):
        inside += {"list_item_open": 1, "list_item_close": -1}.get(token.type, 0)
        if inside and token.type == "paragraph_open" and not token.hidden:
            gaps.append(token.map)
    assert gaps == []


@pytest.mark.parametrize("shown", [markdown, comment])
def test_why_it_failed_comes_before_what_the_libraries_say(shown: Callable[[Report], str]) -> None:
    found = full().models[0].result
    problem = failure("runtime", "device", "The library computes something else", "out differs", advice="Look.")
    text = shown(report(model(found=replace(found, failure=problem))))
    assert text.index("**The library computes something else**") < text.index("pytorch")
    assert text.index("- ❌ pytorch") < text.index("- ✅ pytorch")


@pytest.mark.parametrize("shown", [markdown, comment])
def test_what_has_changed_since_the_baseline(shown: Callable[[Report], str]) -> None:
    of = model()
    assert of.file is not None
    now = measures_of(of.file, of.result)
    before = replace(now, sha256="b" * 64, size_bytes=now.size_bytes * 2, operators=(*now.operators, "aten::gone|`x`"))
    text = shown(report(replace(of, differences=(FileDifference(before=before, now=now),))))
    assert "| Size |" in text
    assert "\N{MINUS SIGN}50\N{NO-BREAK SPACE}%" in text
    assert f"- ⚖️ {markdown_text('Gone: aten::gone|`x`.')}" in text


@pytest.mark.parametrize("shown", [markdown, comment])
def test_hashes_in_a_table_are_not_wider_than_it(shown: Callable[[Report], str]) -> None:
    of = full().models[0]
    edition = of.editions[0]
    digest = "c" * 12 + "d" * 52
    edition = replace(edition, content=replace(edition.content, sha256=digest))
    text = shown(report(replace(of, editions=(edition,))))
    assert f"`{digest[:12]}…`" in text
    assert digest not in text
