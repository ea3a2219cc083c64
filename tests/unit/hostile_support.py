"""Texts that try to be more than text, put wherever a report may have any: each may be of a model or of a stranger."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import strategies as st

from ptmobile.report.model import Report

HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *("|", "\\|", "`", "```", "~~~", "\n", "\r\n", "\n\n", "</details>", "<details>", "<script>", "<!--"),
                *(
                    "</sub>",
                    "<b>",
                    "&lt;",
                    "# ",
                    "## ✅ all good",
                    "> ",
                    "- ",
                    "* ",
                    "1. ",
                    "---",
                    "|---|",
                    "| a | b |",
                ),
                *(
                    "[x](http://y)",
                    "![x](http://y)",
                    "<http://x.y>",
                    "[^1]",
                    "@user",
                    "#1",
                    "GH-1",
                    "::error::x",
                    "${{ x }}",
                ),
                *(
                    "<img src=x onerror=alert(1)>",
                    '"><svg onload=alert(1)>',
                    "' onmouseover='alert(1)",
                    "]]>",
                    "&quot;",
                ),
                *("</script><script>alert(1)</script>", "</style>", "</title>", "javascript:alert(1)", "\ufffe"),
                *(
                    "{{ 7 * 7 }}",
                    "{% endif %}",
                    "\x00",
                    "\x1b[2J",
                    "\u202e",
                    "\u2028",
                    "\ufeff",
                    "    ",
                    "\t",
                    "$$",
                    "a",
                ),
            ]
        ),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    ),
    max_size=12,
).map("".join)
# Where a text stands in a document: the keys and indices that lead there.
Place = tuple[str | int, ...]


def with_texts(of: Report, text: str, *, whole: bool = False) -> Report:
    """The report with a text in every place that its schema leaves to whoever writes it; nothing there stays empty.

    It stands behind the first letter of what was there, or ``whole`` instead of it.
    """
    data = msgspec.json.encode(of)
    document = msgspec.json.decode(data)
    for place in _free(data):
        _put(document, place, text if whole else ((_at(document, place) or "x")[:1] + text)[:300])
    return msgspec.convert(document, Report, strict=False)


def harmless(text: str) -> str:
    """As many lines of nothing remarkable: one line is shown as text, several as a block."""
    return "\n".join("harmless" for _ in ("x" + text)[:300].strip().splitlines())


@functools.cache
def _free(data: bytes) -> tuple[Place, ...]:
    """The places of a report, as JSON, that may hold any text."""
    document = msgspec.json.decode(data)
    return tuple(place for place in _places(document) if _is_free(document, place))


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    if isinstance(value, str):
        yield place
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(item, (*place, key))


def _is_free(document: Any, place: Place) -> bool:
    old = _at(document, place)
    _put(document, place, old[:1] + "~ ~")
    try:
        msgspec.convert(document, Report, strict=False)
    except msgspec.ValidationError:
        return False
    finally:
        _put(document, place, old)
    return True


def _at(document: Any, place: Place) -> str:
    return str(functools.reduce(operator.getitem, place, document))


def _put(document: Any, place: Place, text: str) -> None:
    functools.reduce(operator.getitem, place[:-1], document)[place[-1]] = text
