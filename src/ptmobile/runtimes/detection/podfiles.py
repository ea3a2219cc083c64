"""The pods of PyTorch Mobile in a `Podfile`, with their requirements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ptmobile.runtimes.detection.model import PODS, Declaration
from ptmobile.runtimes.detection.tokens import Token, tokenize
from ptmobile.runtimes.detection.versions import pod_certainty
from ptmobile.runtimes.detection.walking import Notices, Source

#: A pod that comes from somewhere else than a published version.
_ELSEWHERE: Final = ("git", "path", "podspec", "http")
_INSERTED: Final = re.compile(r"#\{\s*([A-Za-z_]\w*)\s*\}")
_KEY: Final = re.compile(r"[a-z_]+")


def read_podfile(source: Source, notices: Notices) -> Iterator[Declaration]:
    """Every pod of PyTorch Mobile that the file asks for."""
    tokens = tokenize(source.text, "ruby")
    constants = _constants(tokens)
    for position, token in enumerate(tokens):
        if not token.closed and (token.kind == "sign" or "Torch" in token.text):
            notices.add(f"{source.path}:{token.line}", "a string or comment begins here and never ends")
        if token.kind == "name" and token.text == "pod":
            yield from _pod(source, tokens, position + 1, constants, notices)


def _constants(tokens: Sequence[Token]) -> dict[str, str]:
    """`version = '1.13.0.1'`, the last one of each name."""
    return {
        name.text: value.text
        for name, sign, value in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if name.kind == "name" and sign.is_sign("=") and value.kind == "string"
    }


def _pod(
    source: Source, tokens: Sequence[Token], start: int, constants: dict[str, str], notices: Notices
) -> Iterator[Declaration]:
    start += start < len(tokens) and tokens[start].is_sign("(")
    if start >= len(tokens) or tokens[start].kind != "string":
        return
    first = tokens[start]
    name = first.text.partition("/")[0]
    if name not in PODS:
        return
    place = f"{source.path}:{first.line}"
    requirements, elsewhere = _arguments(tokens, start + 1, constants)
    certainty, version = pod_certainty(requirements)
    declared = ", ".join(requirements)
    if elsewhere:
        certainty, version, declared = "unknown", None, f"{elsewhere} instead of a version"
        notices.add(place, f"{name} comes from {elsewhere}, so its version is not known")
    elif certainty == "unknown":
        notices.add(place, f"{declared[:80]!r} is no requirement of a version of {name}")
    yield Declaration(
        folder=source.folder,
        platform="ios",
        role=PODS[name],
        artifact=name,
        version=version,
        declared=declared,
        certainty=certainty,
        file=source.path,
        line=first.line,
    )


def _arguments(tokens: Sequence[Token], position: int, constants: dict[str, str]) -> tuple[list[str], str]:
    """The requirements behind a pod's name, and the word for another origin than a published version, if it has one."""
    requirements: list[str] = []
    while position + 1 < len(tokens) and tokens[position].is_sign(",", "["):
        position += 1
        while position < len(tokens) and (tokens[position].kind == "newline" or tokens[position].is_sign("[")):
            position += 1
        if position >= len(tokens):
            break
        word = tokens[position]
        if word.kind == "string" and not _is_key(tokens, position):
            requirements.append(_expanded(word, constants))
        elif word.kind == "name" and not _is_key(tokens, position):
            requirements.append(constants.get(word.text, word.text))
        else:
            return requirements, _origin(tokens, position)
        position += 1
    return requirements, ""


def _is_key(tokens: Sequence[Token], position: int) -> bool:
    """Whether a word is a key (`git: …`, `:git => …`, `'git' => …`) rather than a value."""
    following = tokens[position + 1] if position + 1 < len(tokens) else None
    return following is not None and following.is_sign(":", "=>")


def _origin(tokens: Sequence[Token], position: int) -> str:
    keys = []
    for token in tokens[position : position + 24]:
        if token.kind == "newline":
            break
        if token.kind == "name" and _KEY.fullmatch(token.text):
            keys.append(token.text)
    return next((key for key in keys if key in _ELSEWHERE), "")


def _expanded(word: Token, constants: dict[str, str]) -> str:
    return word.text if word.plain else _INSERTED.sub(lambda match: constants.get(match[1], match[0]), word.text)
