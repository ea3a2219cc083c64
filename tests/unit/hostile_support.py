"""Texts that try to be more than text, put wherever a model's code can choose one."""

from __future__ import annotations

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
# What a worker's process can choose freely, by the name of the field; anything else is checked when it is parsed.
FREE = {
    *("title", "message", "location", "advice", "output", "kind", "dtype", "memory_format", "arguments", "choice"),
    *("path", "operators", "methods", "types", "python", "torch", "torchvision", "numpy", "machine"),
}
KINDS = {"load", "convert", "mismatch", "nondeterministic", *("container", "shape", "value", "nan", "error")}


def with_texts(of: Report, text: str) -> Report:
    """The report with a text behind the first letter of everything that a model's code can choose; nothing stays empty.

    A report without a model has nothing of that kind.
    """

    def changed(item: Any, field: str) -> Any:
        if isinstance(item, dict):
            return {
                key: value if key in ("spec", "runtimes", "tool") else changed(value, key)
                for key, value in item.items()
            }
        if isinstance(item, list | tuple):
            return [changed(entry, field) for entry in item]
        if isinstance(item, str) and field in FREE and item not in KINDS:
            return ((item or "x")[:1] + text)[:300]
        return item

    done = msgspec.convert(changed(msgspec.to_builtins(of), ""), Report)
    assert (done != of) == bool(of.models or of.problems)
    return done
