"""A report.json that somebody else has written, hostile in every text that its schema allows: what is made of it.

Mode comment and mode merge read such reports. Everything a worker may say is a part of this.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
from hostile_support import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_support import MARKDOWN, structure
from page_support import full, parse
from report_support import CASES

from ptmobile.github.outputs import entry, random_delimiter
from ptmobile.local.file_commands import parse_key_values
from ptmobile.report.comment import Origin, comment_body
from ptmobile.report.junit import junit_xml
from ptmobile.report.model import Report
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
Key = tuple[str | int, ...]
NAMES = st.sampled_from(sorted(REPORTS))
MANY = settings(max_examples=50)


def leaves(value: Any, at: Key = ()) -> Iterator[tuple[Key, str]]:
    if isinstance(value, str):
        yield at, value
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from leaves(item, (*at, key))


def put(document: Any, at: Key, text: str) -> None:
    for key in at[:-1]:
        document = document[key]
    document[at[-1]] = text


@functools.cache
def _free(name: str) -> tuple[bytes, tuple[tuple[Key, str], ...]]:
    """A report as JSON, and the texts in it that its schema leaves to whoever writes it."""
    data = msgspec.json.encode(REPORTS[name]())
    document = msgspec.json.decode(data)
    free = []
    for at, text in list(leaves(document)):
        put(document, at, text[:1] + "~ ~")
        try:
            msgspec.convert(document, Report, strict=False)
        except msgspec.ValidationError:
            pass
        else:
            free.append((at, text))
        put(document, at, text)
    assert free
    return data, tuple(free)


def estranged(name: str, text: str) -> Report:
    """The report with a text behind the first letter of every text that is free."""
    data, free = _free(name)
    document = msgspec.json.decode(data)
    for at, old in free:
        put(document, at, ((old or "x")[:1] + text)[:300])
    return msgspec.json.decode(msgspec.json.encode(document), type=Report)


def harmless(text: str) -> str:
    """As many lines of nothing remarkable."""
    return "\n".join("harmless" for _ in ("x" + text)[:300].strip().splitlines())


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
    source = comment_body(estranged(name, text), ORIGIN, 60_000)
    check_markdown(source, name)
    assert structure(source) == structure(comment_body(estranged(name, harmless(text)), ORIGIN, 60_000))


@MANY
@given(NAMES, HOSTILE)
def test_a_summary_has_the_structure_it_has(name: str, text: str) -> None:
    source, plain = ("\n".join(summary_blocks(estranged(name, said))) for said in (text, harmless(text)))
    check_markdown(source, name)
    assert structure(source) == structure(plain)


@settings(MANY, max_examples=20)
@given(NAMES, HOSTILE)
def test_a_page_has_no_element_of_a_strangers(name: str, text: str) -> None:
    own, root = (parse(report_html(estranged(name, said))) for said in (harmless(text), text))
    names = {element.name for element in own.walk()} | {"wbr", "code"}
    assert len(root.all("script")) == len(own.all("script"))
    for element in root.walk():
        assert element.name in names
        assert not any(attribute.startswith("on") for attribute in element.attributes)
        for attribute in ("href", "src", "action", "formaction", "xlink:href"):
            assert LINK.fullmatch(element.attributes.get(attribute) or "#")


@MANY
@given(NAMES, HOSTILE)
def test_test_results_are_well_formed(name: str, text: str) -> None:
    tags = [element.tag for element in ET.fromstring(junit_xml(estranged(name, text))).iter()]
    assert tags == [element.tag for element in ET.fromstring(junit_xml(estranged(name, harmless(text)))).iter()]


@MANY
@given(NAMES, HOSTILE)
def test_outputs_are_read_as_they_were_written(name: str, text: str) -> None:
    given = outputs_of(estranged(name, text), "ptmobile-report/report.json")
    written = "".join(entry(key, value, random_delimiter()) for key, value in given.items())
    runner, act = parse_key_values(written), parse_key_values(written, flavour="act")
    assert runner == act
    assert list(runner) == list(given)
