"""A report.json that somebody else has written, hostile in every text that its schema allows: what is made of it.

Mode comment and mode merge read such reports. Everything a worker may say is a part of this.
"""

from __future__ import annotations

import re

from hostile_support import HOSTILE, harmless, with_texts
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_support import MARKDOWN, structure
from page_support import full, parse
from report_support import CASES

from ptmobile.github.outputs import entry, random_delimiter
from ptmobile.local.file_commands import parse_key_values
from ptmobile.report.comment import Origin, comment_body
from ptmobile.report.outputs import outputs_of
from ptmobile.report.page import report_html
from ptmobile.report.summary import summary_blocks

REPORTS = {**CASES, "full": full}
RUN = "https://github.com/org/app/actions/runs/1"
ORIGIN = Origin(RUN, "a" * 40)
INLINE = {
    *("text", "code_inline", "softbreak", "html_inline"),
    *("strong_open", "strong_close", "em_open", "em_close", "link_open", "link_close"),
}
HTML = {"<details>", "<details open>", "</details>", "<sub>", "</sub>", "<summary>", "</summary>"}
#: What a page may link to: places in it, and the server's pages, by addresses that were read as such.
LINK = re.compile(r"#[\w.-]*|https://[\w./-]+")
NAMES = st.sampled_from(sorted(REPORTS))
MANY = settings(max_examples=50)


def check_markdown(source: str, name: str) -> None:
    for token in MARKDOWN.parse(source):
        for child in token.children or []:
            assert child.type in INLINE, (name, child)
            assert child.type != "html_inline" or child.content in HTML
            assert child.type != "link_open" or str(child.attrs["href"]).startswith(RUN)
        if token.type == "html_block":
            assert set(re.findall(r"<[^>]*>", token.content)) <= HTML


@MANY
@given(NAMES, HOSTILE)
def test_a_comment_has_the_structure_it_has(name: str, text: str) -> None:
    source = comment_body(with_texts(REPORTS[name](), text), ORIGIN, 60_000)
    check_markdown(source, name)
    assert structure(source) == structure(comment_body(with_texts(REPORTS[name](), harmless(text)), ORIGIN, 60_000))


@MANY
@given(NAMES, HOSTILE)
def test_a_summary_has_the_structure_it_has(name: str, text: str) -> None:
    source, plain = ("\n".join(summary_blocks(with_texts(REPORTS[name](), said))) for said in (text, harmless(text)))
    check_markdown(source, name)
    assert structure(source) == structure(plain)


@settings(MANY, max_examples=20)
@given(NAMES, HOSTILE)
def test_a_page_has_no_element_of_a_strangers(name: str, text: str) -> None:
    own, root = (parse(report_html(with_texts(REPORTS[name](), said))) for said in (harmless(text), text))
    names = {element.name for element in own.walk()} | {"wbr", "code"}
    assert len(root.all("script")) == len(own.all("script"))
    for element in root.walk():
        assert element.name in names
        assert not any(attribute.startswith("on") for attribute in element.attributes)
        for attribute in ("href", "src", "action", "formaction", "xlink:href"):
            assert LINK.fullmatch(element.attributes.get(attribute) or "#")


@MANY
@given(NAMES, HOSTILE)
def test_outputs_are_read_as_they_were_written(name: str, text: str) -> None:
    given = outputs_of(with_texts(REPORTS[name](), text), "ptmobile-report/report.json")
    written = "".join(entry(key, value, random_delimiter()) for key, value in given.items())
    runner, act = parse_key_values(written), parse_key_values(written, flavour="act")
    assert runner == act
    assert list(runner) == list(given)
