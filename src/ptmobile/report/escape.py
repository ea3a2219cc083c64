"""Text of models and users on its way into Markdown and HTML: it is shown, and does nothing.

GitHub treats a summary or comment twice: Markdown first, then the text of the page, where it links mentions, issues and
addresses and draws emoji. A backslash or an entity stops the first only, so a zero-width space parts what the second
would find. Code is exempt from the second, therefore names that somebody may want to copy belong into `code`.

Markdown's own characters become entities, never backslash escapes: an entity means the same in a paragraph, in a table
cell (where renderers do not agree about a backslash before a pipe) and inside an HTML block.
"""

from __future__ import annotations

import re

from ptmobile.visible import ELLIPSIS, visible

_ZERO_WIDTH_SPACE = "&#8203;"
_LIVE = re.compile(
    r"""
    \A\d+[.)](?=\s|\Z)              # would begin a numbered list
  | \A[-+=]                         # a list, a rule or an underlined heading
  | (?<![^\W_])_ | _(?![^\W_])      # emphasis; not within a word such as state_dict
  | [&<>"'`*\[\]\\|~^$]
  | [:@](?=\S)                      # an emoji, an address, a mention
  | \#                              # an issue, a heading
  | (?<!\w)GH-(?=\d)                # an issue
  | www(?=\.)                       # an address without a scheme
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SPACES = re.compile(r"[ \t\r\n]+")
_LONGEST_SPAN_FENCE = 16
_LONGEST_RUN = 40


def markdown_text(text: str) -> str:
    """Escape text for one line of Markdown: a paragraph, a list item, a heading, a table cell, or HTML between them."""
    line = _one_line(text)
    return _LIVE.sub(_dead, line)


def code(text: str) -> str:
    """Return text as inline code; not for table cells."""
    return _code_span(_one_line(text))


def code_cell(text: str) -> str:
    """Return text as inline code for a table cell.

    A pipe in code in a cell is written with a backslash. Where one stands before it already renderers disagree, and the
    text is shown plain.
    """
    line = _one_line(text)
    return markdown_text(text) if "\\|" in line else _code_span(line).replace("|", "\\|")


def code_block(text: str, language: str = "") -> str:
    """Return text as a fenced code block; what stands around it has to leave an empty line on both sides.

    The fence is longer than any run of backticks inside; runs too long for any fence are cut.
    """
    body = visible(_unix_lines(text), keep="\n\t").rstrip("\n")
    body = re.sub(rf"`{{{_LONGEST_RUN},}}", "`" * (_LONGEST_RUN - 1) + ELLIPSIS, body)
    fence = "`" * max(3, _longest_run(body) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def html_text(text: str) -> str:
    """Escape text for the content of an HTML element in a page of our own (in Markdown use `markdown_text`)."""
    return _html(visible(_unix_lines(text), keep="\n\t"))


def html_attribute(text: str) -> str:
    """Escape text for a quoted HTML attribute; it comes out as one line."""
    return _html(_one_line(text))


def _dead(match: re.Match[str]) -> str:
    found = match[0]
    if found[0] in "gGwW":
        return found + _ZERO_WIDTH_SPACE
    # "[ ]" at the start of a list item would become a box to tick.
    parted = found in {"#", ":", "@"} or (found == "[" and match.start() == 0)
    return f"{found[:-1]}&#{ord(found[-1])};{_ZERO_WIDTH_SPACE if parted else ''}"


def _code_span(line: str) -> str:
    longest = _longest_run(line)
    if not line or longest >= _LONGEST_SPAN_FENCE:
        return markdown_text(line)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)


def _one_line(text: str) -> str:
    # Stripped last: Markdown drops a wide or a fixed space at an end as well.
    return _SPACES.sub(" ", visible(text, keep="\t\r\n")).strip()


def _unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _html(text: str) -> str:
    return re.sub("[&<>\"']", lambda found: f"&#{ord(found[0])};", text)
