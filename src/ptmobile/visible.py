"""Text from strangers, made so that what is shown is all there is.

A terminal, a log viewer and a browser act upon characters that nobody sees: escape sequences, bells, line separators,
marks that turn the direction of the rest of the line. Here each of them becomes something to look at.
"""

from __future__ import annotations

import unicodedata

_CONTROL_PICTURES = 0x2400
_DELETE = 0x7F
ELLIPSIS = "…"


def visible(text: str, *, keep: str = "") -> str:
    """Replace control and format characters, line separators, lone surrogates and unassigned characters.

    The ASCII control characters become their pictures (`␛`, `␀`), others their number (`<U+202E>`); spaces of every
    kind stay, and so do the characters in `keep`. The result can always be encoded, and `str.splitlines` finds no line
    end in it but those kept.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _show(c) for c in text)


def shorten(text: str, limit: int, *, middle: bool = False) -> str:
    """Cut a text to at most `limit` characters; an ellipsis stands where it was cut.

    With `middle` both ends are kept: of a long dotted name they tell most.
    """
    if len(text) <= limit:
        return text
    kept = max(limit - 1, 0)
    tail = kept // 2 if middle else 0
    return text[: kept - tail] + ELLIPSIS[:limit] + text[len(text) - tail :]


def _show(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    if code == _DELETE:
        return "␡"
    if unicodedata.category(character) == "Zs":
        return character
    return f"<U+{code:04X}>"
