from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it.token import Token
from markdown_support import MARKDOWN

from ptmobile.report.escape import code, code_block, code_cell, html_attribute, html_text, markdown_text
from ptmobile.visible import visible

PIECES = st.sampled_from(
    [
        *("`", "``", "```", "|", "\\", "\\|", "*", "_", "__", "~~", "<b>", "</td>", "<!--", "-->", "<https://x.com>"),
        *("&amp;", "&#64;", "@user", "a@b.co", "#", "#12", "o/r#1", "GH-12", "www.x.com", "WWW.x.de", "http://x.com"),
        *(":smile:", ":+1:", "mailto:a@b.co", "- ", "+ ", "1. ", "1)", "==", "---", ":-:", "[x](y)", "![x](http://y)"),
        *("[^1]", "[x]: http://y", "[ ] ", "> [!NOTE]", "$x$", "\n", "\r\n", "\n\n", "\t", "    ", " ", "a", "b_c"),
        *(
            "\x00",
            "\u202e",
            "\u2028",
            "\x1b[31m",
            "\udcff",
            "漢",
            "</script>",
            '" onload="x',
            "{{ 7 }}",
            "%0A::error::",
        ),
    ]
)
TEXT = st.lists(st.one_of(PIECES, st.text(st.characters(exclude_categories=()), max_size=4)), max_size=12).map("".join)
HARMLESS = {"text", "code_inline"}


def plain(text: str) -> str:
    """What a reader is to see of a text in one line."""
    return visible(re.sub(r"[ \t\r\n]+", " ", text)).strip()


def shown(inline: Token) -> str:
    return "".join(child.content for child in inline.children or []).replace("\u200b", "")


def inlines(source: str) -> Iterator[Token]:
    return (token for token in MARKDOWN.parse(source) if token.type == "inline")


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3))
def test_a_table_stays_the_table_it_is(rows: list[tuple[str, str]]) -> None:
    lines = [f"| {markdown_text(name)} | {code_cell(value)} |" for name, value in rows]
    source = "\n".join(["before", "", lines[0], "| --- | --- |", *lines[1:], "", "after"])
    tokens = MARKDOWN.parse(source)
    types = [token.type for token in tokens]
    assert types.count("table_open") == 1
    assert types.count("tr_open") == len(rows)
    assert types.count("th_open") + types.count("td_open") == 2 * len(rows)
    cells = [token for token in tokens if token.type == "inline"][1:-1]
    assert [shown(cell) for cell in cells] == [plain(text) for row in rows for text in row]
    assert {child.type for cell in cells for child in cell.children or []} <= HARMLESS
    assert [shown(token) for token in tokens if token.type == "inline"][-1] == "after"


@pytest.mark.parametrize("around", ["{}", "- {}", "# {}", "> {}", "1. {}", "text\n{}", "**x** {} *y*"])
@given(TEXT)
def test_a_line_stays_the_line_it_is(around: str, text: str) -> None:
    expected = [token.type for token in MARKDOWN.parse(around.format("word"))]
    for escaped in (markdown_text(text), code(text)):
        if escaped:
            source = around.format(escaped)
            assert [token.type for token in MARKDOWN.parse(source)] == expected
            assert plain(text) in "".join(map(shown, inlines(source)))
            allowed = HARMLESS | {"softbreak", "strong_open", "strong_close", "em_open", "em_close"}
            assert {child.type for token in inlines(source) for child in token.children or []} <= allowed


@given(TEXT)
def test_nothing_is_left_for_what_github_links_and_draws_afterwards(text: str) -> None:
    page = html.unescape(markdown_text(text))
    assert not re.search(r"@\w|#\w|\bGH-\d|:[\w+-]+:|://|www\.|mailto:\w|[\r\n]", page, re.IGNORECASE)


@given(TEXT)
def test_text_between_html_tags_in_markdown_makes_no_tag(text: str) -> None:
    assert not set("<>\"'`|\\\n") & set(markdown_text(text))
    (block,) = MARKDOWN.parse(f"<details><summary>{markdown_text(text)}</summary>")
    assert block.type == "html_block"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("", ""),
        (" a\n\tb \u3000\xa0", "a b"),
        ("layer1.0.conv: state_dict (ok), 1.5 - 2", "layer1.0.conv: state_dict (ok), 1.5 - 2"),
        ("_a_ __b__ c__d", "&#95;a&#95; &#95;&#95;b&#95;&#95; c&#95;&#95;d"),
        ("@me", "&#64;&#8203;me"),
        ("1. x", "1&#46; x"),
        ("1.5", "1.5"),
        ("- x - y", "&#45; x - y"),
        ("[ ] x", "&#91;&#8203; &#93; x"),
        ("x [1, 3]", "x &#91;1, 3&#93;"),
        ("www.x.y wwww", "www&#8203;.x.y wwww"),
        ("gh-1 high-1", "gh-&#8203;1 high-1"),
        ("a|b\\", "a&#124;b&#92;"),
    ],
)
def test_escapes_markdown(text: str, escaped: str) -> None:
    assert markdown_text(text) == escaped


@pytest.mark.parametrize(
    ("text", "inline", "cell"),
    [
        ("", "", ""),
        ("a b", "`a b`", "`a b`"),
        ("a`b", "``a`b``", "``a`b``"),
        ("`a``", "``` `a`` ```", "``` `a`` ```"),
        ("a|b", "`a|b`", "`a\\|b`"),
        ("a\\|b", "`a\\|b`", "a&#92;&#124;b"),
        ("a\\", "`a\\`", "`a\\`"),
        ("<b>&amp;\n@x", "`<b>&amp; @x`", "`<b>&amp; @x`"),
        ("`" * 99, "&#96;" * 99, "&#96;" * 99),
    ],
)
def test_writes_code(text: str, inline: str, cell: str) -> None:
    assert code(text) == inline
    assert code_cell(text) == cell


@given(st.lists(st.one_of(PIECES, st.sampled_from(["````", "~~~", "`" * 300, "\n```\n", "</details>"]))).map("".join))
def test_a_code_block_ends_where_it_ends(text: str) -> None:
    tokens = MARKDOWN.parse(f"<details>\n\n{code_block(text, 'text')}\n\n</details>\n\nafter")
    assert [token.type for token in tokens] == [
        *("html_block", "fence", "html_block", "paragraph_open", "inline", "paragraph_close"),
    ]
    expected = visible(text.replace("\r\n", "\n").replace("\r", "\n"), keep="\n\t").rstrip("\n")
    if "`" * 40 not in text:
        assert tokens[1].content == expected + "\n"
    assert tokens[1].info == "text"


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert code_block("a\n````\nb\n\n") == "`````\na\n````\nb\n`````"
    assert code_block("x" + "`" * 1000) == "`" * 40 + "\nx" + "`" * 39 + "…\n" + "`" * 40


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


@given(TEXT)
def test_html_has_the_elements_it_had(text: str) -> None:
    page = _Page()
    page.feed(f'<p title="{html_attribute(text)}"></p>{html_text(text)}')
    page.close()
    lines = visible(text.replace("\r\n", "\n").replace("\r", "\n"), keep="\n\t")
    assert page.seen[0] == ("p", [("title", plain(text))])
    assert "".join(map(str, page.seen[1:])) == lines
