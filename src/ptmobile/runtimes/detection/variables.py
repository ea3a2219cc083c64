"""Variables of Gradle scripts and `gradle.properties`: where they are set.

Only plain assignments are understood (`def x = '1.9.0'`, `ext.x = …`, `val x by extra("…")`, `versions = [x: '…']`,
`"x" to "…"`, `set("x", "…")`); what a script computes is left unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ptmobile.runtimes.detection.tokens import Token
from ptmobile.runtimes.detection.walking import Source

#: Tokens of one value; longer ones are computations.
MAX_VALUE: Final = 24
#: Names that the notation of a dependency gives a meaning of its own.
_NOTATION: Final = frozenset({"group", "name", "version", "module", "classifier", "url", "exclude"})
_SETTERS: Final = frozenset({"set", "put", "version", "setProperty", "property"})
_EXTRA: Final = frozenset({"ext", "extra", "properties"})
OPENING, CLOSING = "{[(", "}])"


@dataclass(frozen=True, slots=True)
class Variable:
    """One assignment: the name with the names around it (`ext`, `versions`, `torch`), and the value's words."""

    path: tuple[str, ...]
    value: tuple[Token, ...]
    source: Source
    line: int

    @property
    def place(self) -> str:
        """`file:line`."""
        return f"{self.source.path}:{self.line}"


def value_at(tokens: Sequence[Token], start: int) -> tuple[Token, ...]:
    """The words of the value that begins at `start`, up to the comma, bracket or line end that closes it."""
    depth = 0
    position = start
    while position < len(tokens) and position - start < MAX_VALUE:
        word = tokens[position]
        depth += word.is_sign(*OPENING) - word.is_sign(*CLOSING)
        if depth < 0 or (depth == 0 and (word.kind == "newline" or word.is_sign(",", ";", "{", "}"))):
            break
        position += 1
    return tuple(word for word in tokens[start:position] if word.kind != "newline")


def variables_of(source: Source, tokens: Sequence[Token]) -> list[Variable]:
    """Every assignment in a script."""
    found: list[Variable] = []
    around: list[str] = []
    for position, word in enumerate(tokens):
        if word.is_sign(*OPENING):
            around.append(_label(tokens, position))
        elif word.is_sign(*CLOSING) and around:
            around.pop()
        elif word.kind in {"name", "string"}:
            assigned = _assigned(tokens, position, in_call=bool(around) and around[-1] == "(")
            if assigned is not None:
                name, start = assigned
                value = value_at(tokens, start)
                if value:
                    path = (*(label for label in around if label.isidentifier()), *re.split(r"\W+", name))
                    found.append(Variable(path, value, source, word.line))
    return found


def _label(tokens: Sequence[Token], position: int) -> str:
    """What names inside of a bracket belong to: `versions` for `versions = [`, `Versions` for `object Versions {`."""
    before = [token for token in tokens[max(0, position - 4) : position] if token.kind != "newline"]
    if before and before[-1].kind == "name":
        if tokens[position].text == "{":
            return before[-1].text
        before.pop()  # mapOf(…)
        if not (before and before[-1].is_sign("=")):
            return "("
    if len(before) > 1 and before[-1].is_sign("=") and before[-2].kind == "name":
        return re.split(r"\W+", before[-2].text)[-1]
    return tokens[position].text


def _assigned(tokens: Sequence[Token], position: int, *, in_call: bool) -> tuple[str, int] | None:
    """The name that is set at `position` and where its value begins; None if nothing is set there."""
    name = tokens[position].text
    following = tokens[position + 1 : position + 4]
    texts = [token.text for token in following]
    if tokens[position].kind == "string":
        return _assigned_to_string(tokens, position)
    last = re.split(r"\W+", name)[-1]
    if texts[:1] == ["="] and following[0].kind == "sign" and not (in_call and last in _NOTATION):
        return name, position + 2
    if texts[:1] == [":"] and following[0].kind == "sign":
        # `val x: String = …` and `val x: String by project`; otherwise an entry of a Groovy map.
        if len(texts) == 3 and following[1].kind == "name" and texts[2] == "=":
            return name, position + 4
        delegated = texts[1:] == [texts[1], "by"] if len(texts) == 3 else False
        return None if last in _NOTATION or delegated else (name, position + 2)
    if texts[:2] == ["by", "extra"] and len(following) == 3 and following[2].is_sign("(", "{"):
        return name, position + 4
    return None


def _assigned_to_string(tokens: Sequence[Token], position: int) -> tuple[str, int] | None:
    """`extra["x"] = …`, `set("x", …)`, `"x" to …`, `'x': …`."""
    name = tokens[position].text
    if not re.fullmatch(r"[\w.-]{1,100}", name):
        return None
    before = tokens[position - 1] if position else None
    owner = re.split(r"\W+", tokens[position - 2].text)[-1] if position > 1 else ""
    texts = [token.text for token in tokens[position + 1 : position + 3]]
    if before is not None and before.is_sign("[") and texts == ["]", "="] and owner in _EXTRA:
        return name, position + 3
    if before is not None and before.is_sign("(") and texts[:1] == [","] and owner in _SETTERS:
        return name, position + 2
    if texts[:1] == ["to"] or (texts[:1] == [":"] and name not in _NOTATION):
        return name, position + 2
    return None


def properties_of(source: Source) -> list[Variable]:
    """The entries of a `gradle.properties`."""
    found: list[Variable] = []
    for number, line in enumerate(source.text.split("\n"), 1):
        match = re.fullmatch(r"\s*([\w.-]{1,200})\s*[=:]\s*(.*?)\s*", line)
        if match is not None and match[2] and not line.lstrip().startswith(("#", "!")):
            path = tuple(re.split(r"\W+", match[1]))
            found.append(Variable(path, (Token("string", match[2], number),), source, number))
    return found
