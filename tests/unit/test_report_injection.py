"""A report that a stranger has made up: whatever text its schema leaves free is shown everywhere, and does nothing.

Unlike the texts of a model's code (tests of each rendering), these are in every field: names, releases, commits, times,
addresses, artifacts, what is said of the baseline, and how files differ from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hostile_support import with_texts
from markdown_support import MARKDOWN, structure
from msgspec.structs import replace
from page_support import full
from report_support import model

from ptmobile.baseline.comparing import measures_of
from ptmobile.baseline.model import BaselineSource, FileDifference
from ptmobile.report.comment import Origin, comment_body
from ptmobile.report.model import Merged, PublishedArtifact, Reason, Report, to_json
from ptmobile.report.page import report_html
from ptmobile.report.summary import summary_blocks

RUN = "https://github.com/owner/models/actions/runs/1"
HTML = {"<details>", "</details>", "<sub>", "</sub>", "<summary>", "</summary>"}
EVIL = [
    "<img src=x onerror=alert(1)><script>alert(1)</script></details></sub></table>",
    "[click](https://evil.example) ![i](https://evil.example/p.png) <https://evil.example> [^1]",
    "a | b \\| c || `x` ``y`` ```z``` ~~~ \\",
    "@everyone #1 GH-1 https://evil.example www.evil.example :tada: ${{ secrets.X }}",
    "</script></style><!-- --> {{ 7 * 7 }} {% raw %} \" onmouseover='alert(1)",
    "# heading",
    "- [ ] item",
    "::error::x",
    "javascript:alert(1)",
    "https://evil.example/runs/5",
    "\u202e\x1b[2J",
]


def everything() -> Report:
    """A report with something in each part that is shown."""
    changed = model("changed")
    assert changed.file is not None
    now = measures_of(changed.file, changed.result)
    before = replace(now, sha256="b" * 64, size_bytes=5, operators=("aten::gone",))
    differences = (
        FileDifference(before=before, now=now),
        FileDifference(edition="bytecode 5", before=before, now=replace(now, operators=("aten::new",))),
        FileDifference(edition="bytecode 7", before=now, now=now),
    )
    reason = Reason(title="title", message="message", advice="advice", location="net.py:1")
    verdict = replace(changed.verdict, reasons=(reason,), warnings=(reason,))
    of = full()
    artifact = PublishedArtifact(
        name="net-report", id=5, url=f"{RUN}/artifacts/5", digest="d", size_bytes=5, archive="zip", files=("a",)
    )
    return replace(
        of,
        models=(replace(changed, differences=differences, verdict=verdict), *of.models),
        baseline=BaselineSource(
            given="given", created="then", repository="o/n", sha="abc", run_url=RUN, gone=("gone",)
        ),
        merged=Merged(reports=("a/report.json",), planned=5),
        artifacts=(artifact, replace(artifact, url="")),
        unpublished=(reason,),
        problems=(reason,),
    )


def summary(of: Report) -> str:
    return "\n".join(summary_blocks(of))


def comment(of: Report) -> str:
    return comment_body(of, Origin(RUN, "a" * 40), 60_000)


def test_the_texts_are_everywhere() -> None:
    """Else the other tests would show nothing."""
    text = to_json(with_texts(everything(), "EVIL", whole=True)).decode()
    assert text.count('"EVIL"') > 200
    for name in (
        "name",
        "given",
        "gone",
        "created",
        "sha",
        "run_url",
        "edition",
        "url",
        "title",
        "operators",
        "release",
    ):
        assert re.search(rf'"{name}": *(\[\s*)?"EVIL"', text), name
    shown = comment(with_texts(everything(), "EVIL", whole=True))
    assert shown.count("EVIL") > 30


@pytest.mark.parametrize("shown", [summary, comment])
@pytest.mark.parametrize("text", EVIL)
def test_nothing_in_markdown_is_more_than_text(text: str, shown: Callable[[Report], str]) -> None:
    source = shown(with_texts(everything(), text, whole=True))
    assert structure(source) == structure(shown(with_texts(everything(), "harmless", whole=True)))
    for token in MARKDOWN.parse(source):
        for child in token.children or []:
            if child.type == "link_open":
                assert str(child.attrs["href"]).startswith(RUN) or shown is summary
                assert re.fullmatch(r"https?://[A-Za-z0-9._:/-]+", str(child.attrs["href"]))
            elif child.type == "html_inline":
                assert child.content in HTML
            else:
                assert child.type != "image"
    assert "@everyone" not in re.sub(r"`[^`]*`", "", source)


class _Elements(HTMLParser):
    """What a browser would make of a page: its elements, and their attributes' names and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"wbr", "code"}:
            self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]


def elements(of: Report) -> _Elements:
    parser = _Elements()
    parser.feed(report_html(of).decode())
    return parser


@pytest.mark.parametrize("text", EVIL)
def test_nothing_in_the_page_is_more_than_text(text: str) -> None:
    hostile, plain = (
        elements(with_texts(everything(), text, whole=True)),
        elements(with_texts(everything(), "harmless", whole=True)),
    )
    assert [name for name in hostile.names if name != "a"] == [name for name in plain.names if name != "a"]
    assert not {name for name in hostile.attributes if name.startswith("on")}
    assert all(re.fullmatch(r"#[\w-]*|https?://[A-Za-z0-9._:/-]+", address) for address in hostile.addresses)
