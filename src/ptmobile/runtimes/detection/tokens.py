"""Words of a Groovy, Kotlin or Ruby build script: names, strings, numbers, signs, line ends; no comments.

This is no parser: build scripts are programs, and only running them would tell all they do. It is enough to tell a
dependency from a comment, and a string from a variable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

TokenKind = Literal["name", "string", "number", "sign", "newline"]
Language = Literal["groovy", "kotlin", "ruby"]


@dataclass(frozen=True, slots=True)
class Token:
    """One word; of a string its content.

    `plain`: a string in which nothing is replaced. `closed`: False for a string or comment that never ends.
    """

    kind: TokenKind
    text: str
    line: int
    plain: bool = True
    closed: bool = True

    def is_sign(self, *signs: str) -> bool:
        """Whether it is one of these signs."""
        return self.kind == "sign" and self.text in signs


_NAME: Final = r"[A-Za-z_]\w*[?!]?(?:(?:\?\.|\.|::)[A-Za-z_]\w*)*"
_NUMBER: Final = r"\d[\w.]*"
_C_COMMENT: Final = r"//[^\n]*|/\*.*?(?:\*/|(?P<open>\Z))"
_RUBY_COMMENT: Final = r"#[^\n]*|^=begin\b.*?(?:^=end\b[^\n]*|(?P<open>\Z))"
_PATTERNS: Final = {
    language: re.compile(
        rf"(?P<space>[^\S\n]+|\\\n)|(?P<comment>{comment})|(?P<newline>\n)|(?P<string>\"\"\"|'''|\"|')"
        rf"|(?P<name>{name})|(?P<number>{_NUMBER})|(?P<sign>==|=>|!=|->|.)",
        re.DOTALL | re.MULTILINE,
    )
    for language, comment, name in (
        ("groovy", _C_COMMENT, _NAME.replace("[?!]?", "")),
        ("kotlin", _C_COMMENT, _NAME.replace("[?!]?", "")),
        ("ruby", _RUBY_COMMENT, _NAME),
    )
}


def tokenize(text: str, language: Language) -> list[Token]:
    """All words of a script; never fails. What is not understood becomes signs."""
    pattern = _PATTERNS[language]
    tokens: list[Token] = []
    position, line = 0, 1
    while position < len(text):
        match = pattern.match(text, position)
        if match is None:  # cannot happen: a sign is any character
            break
        kind = match.lastgroup
        position = match.end()
        if kind == "string":
            content, end, closed = _string(text, match.end(), match[0], language)
            plain = match[0].startswith("'") and language != "kotlin"
            tokens.append(Token("string", content, line, plain, closed))
            line += text.count("\n", match.start(), end)
            position = end
            continue
        if kind == "comment" and match["open"] is not None:
            tokens.append(Token("sign", "/*", line, closed=False))
        elif kind in {"name", "number", "sign", "newline"}:
            tokens.append(Token(kind, match[0], line))  # type: ignore[arg-type]
        line += match[0].count("\n")
    return tokens


def _string(text: str, start: int, quote: str, language: Language) -> tuple[str, int, bool]:
    """Content, end and whether there is one, of a string whose opening quote ends at `start`."""
    opener = {"groovy": "${", "kotlin": "${", "ruby": "#{"}[language] if quote[0] == '"' else ""
    pieces: list[str] = []
    position = start
    while position < len(text):
        if text.startswith(quote, position):
            return "".join(pieces), position + len(quote), True
        character = text[position]
        if character == "\n" and len(quote) == 1:
            break
        if character == "\\" and not (language == "kotlin" and len(quote) == 3):
            pieces.append(text[position + 1 : position + 2])
            position += 2
        elif opener and text.startswith(opener, position):
            end = _expression_end(text, position + 2)
            pieces.append(text[position:end])
            position = end
        else:
            pieces.append(character)
            position += 1
    return "".join(pieces), min(position, len(text)), False


def _expression_end(text: str, start: int) -> int:
    """The end of `${…}` on one line, whose content begins at `start`; strings in it may hold braces."""
    depth, quote = 1, ""
    for position in range(start, len(text)):
        character = text[position]
        if character == "\n":
            return position
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "{}":
            depth += 1 if character == "{" else -1
            if depth == 0:
                return position + 1
    return len(text)
