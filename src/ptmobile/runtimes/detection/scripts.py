"""Dependencies on PyTorch Mobile in a Gradle script, in all notations: string, map, named arguments, positions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ptmobile.runtimes.detection.model import ANDROID_ARTIFACTS, GROUP, Certainty, Declaration
from ptmobile.runtimes.detection.scope import Scope, Value
from ptmobile.runtimes.detection.tokens import Token
from ptmobile.runtimes.detection.variables import value_at
from ptmobile.runtimes.detection.versions import gradle_certainty
from ptmobile.runtimes.detection.walking import Notices, Source

_COORDINATES: Final = re.compile(rf"{re.escape(GROUP)}:([\w.-]+)(?::([^@]*?))?(?::[^:@{{}}]*)?(?:@\w+)?")
#: Words between a dependency's name and the block with its version, and inside of that block.
_REACH: Final = 40
_RICH: Final = frozenset({"strictly", "require", "prefer"})
_CALLS: Final = frozenset({"version", "versionRef"})
_APPLICATION: Final = re.compile(
    r"com\.android\.application|plugins\.(?:\w+\.)*(?:android\.?)?application", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Mention:
    """An artifact in a script and the words of its version, not yet evaluated; empty where none is given."""

    artifact: str
    line: int
    version: tuple[Token, ...]
    forced: bool = False


@dataclass(frozen=True, slots=True)
class CatalogUse:
    """A reference to a catalog such as `libs.pytorch.lite`, or the alias given to `findLibrary` (accessor empty)."""

    accessor: str
    alias: str
    line: int


def is_application(tokens: Sequence[Token]) -> bool:
    """Whether the script applies the plugin that builds an Android app."""
    for position, token in enumerate(tokens):
        if token.kind in {"name", "string"} and len(token.text) < 100 and _APPLICATION.search(token.text):
            line = {following.text for following in tokens[position : position + 8] if following.line == token.line}
            # The root project of most builds only says which version of the plugin its modules shall apply.
            if not {"apply", "false"} <= line:
                return True
    return False


def mentions(tokens: Sequence[Token]) -> Iterator[Mention]:
    """Every artifact of PyTorch Mobile that a script names as a dependency."""
    for position, token in enumerate(tokens):
        if token.kind != "string" or len(token.text) > 500:
            continue
        if token.text == GROUP:
            yield from _by_position(tokens, position)
        elif token.text in ANDROID_ARTIFACTS:
            yield from _by_name(tokens, position)
        elif match := _COORDINATES.fullmatch(token.text):
            yield from _by_coordinates(tokens, position, match)


def catalog_uses(tokens: Sequence[Token], accessors: Sequence[str]) -> Iterator[CatalogUse]:
    """Every reference to one of the catalogs that the script can see."""
    for position, token in enumerate(tokens):
        if token.kind != "name":
            continue
        first, _, rest = token.text.partition(".")
        if first in accessors and rest:
            yield CatalogUse(first, rest, token.line)
        following = tokens[position + 1 : position + 3]
        if token.text.endswith(("findLibrary", "findBundle")) and len(following) == 2 and following[0].is_sign("("):
            prefix = "bundles." if token.text.endswith("findBundle") else ""
            yield CatalogUse("", prefix + following[1].text, token.line)


def unfinished(source: Source, tokens: Sequence[Token], notices: Notices) -> None:
    """Say where a string or comment never ends, if a dependency may be hidden in it."""
    for token in tokens:
        swallowed = token.kind == "sign" or GROUP in token.text
        if not token.closed and swallowed and GROUP in source.text:
            kind = "comment" if token.kind == "sign" else "string"
            notices.add(f"{source.path}:{token.line}", f"a {kind} begins here and never ends")


def declaration(mention: Mention, source: Source, scope: Scope, notices: Notices) -> Declaration:
    """A mention with its version evaluated; a version that cannot be told is said in `notices`."""
    value = Value("") if not mention.version else scope.evaluate(mention.version, source, mention.line)
    certainty: Certainty
    artifact = f"{GROUP}:{mention.artifact}"
    if value.text is None:
        notices.add(f"{source.path}:{mention.line}", f"the version of {artifact} is not known: {value.problem}")
        certainty, version = "unknown", None
    else:
        certainty, version = gradle_certainty(value.text)
        if certainty == "unknown" and value.text:
            notices.add(f"{source.path}:{mention.line}", f"{value.text[:80]!r} is no version of {artifact}")
    if mention.forced and certainty == "exact":
        certainty = "resolved"
    return Declaration(
        folder=source.folder,
        platform="android",
        role=ANDROID_ARTIFACTS[mention.artifact],
        artifact=artifact,
        version=version,
        declared=value.text or "".join(word.text for word in mention.version)[:80],
        certainty=certainty,
        file=source.path,
        line=mention.line,
        version_from=value.places[-1] if value.places else "",
    )


def _by_coordinates(tokens: Sequence[Token], position: int, match: re.Match[str]) -> Iterator[Mention]:
    """`'org.pytorch:pytorch_android_lite:1.9.0'`, and the version behind it where the string has none."""
    artifact, version = match[1], match[2]
    if artifact not in ANDROID_ARTIFACTS:
        return
    token = tokens[position]
    forced = position > 0 and _is_force(tokens, position)
    if version:
        inner = Token("string", version, token.line, token.plain)
        yield Mention(artifact, token.line, (inner,), forced)
        return
    following = tokens[position + 1] if position + 1 < len(tokens) else None
    if following is not None and following.is_sign("+"):
        yield Mention(artifact, token.line, value_at(tokens, position + 2), forced)
    else:
        yield Mention(artifact, token.line, _version_behind(tokens, position), forced)


def _is_force(tokens: Sequence[Token], position: int) -> bool:
    before = tokens[position - 1]
    if before.is_sign("(") and position > 1:
        before = tokens[position - 2]
    return before.kind == "name" and before.text.rpartition(".")[2] == "force"


def _by_position(tokens: Sequence[Token], position: int) -> Iterator[Mention]:
    """`implementation("org.pytorch", "pytorch_android_lite", "1.9.0")`."""
    following = [token for token in tokens[position + 1 : position + 8] if token.kind != "newline"]
    if len(following) < 2 or not following[0].is_sign(",") or following[1].text not in ANDROID_ARTIFACTS:
        return
    start = tokens.index(following[1], position) + 1
    if start < len(tokens) and tokens[start].is_sign(","):
        yield Mention(following[1].text, tokens[position].line, value_at(tokens, start + 1))
    else:
        yield Mention(following[1].text, tokens[position].line, _version_behind(tokens, start))


def _by_name(tokens: Sequence[Token], position: int) -> Iterator[Mention]:
    """`group: 'org.pytorch', name: 'pytorch_android_lite', version: '1.9.0'`, in any order, `=` in Kotlin."""
    if _key(tokens, position) != "name":
        return
    start, end = _statement(tokens, position)
    keys = {_key(tokens, place): place for place in range(start, end)}
    group = keys.get("group")
    if group is None or tokens[group].text != GROUP:
        return
    version = value_at(tokens, keys["version"]) if "version" in keys else _version_behind(tokens, end - 1)
    yield Mention(tokens[position].text, tokens[position].line, version)


def _key(tokens: Sequence[Token], position: int) -> str:
    """The name in front of a value: `group` for `group: …` and `group = …`."""
    if position < 2 or not tokens[position - 1].is_sign(":", "="):
        return ""
    return tokens[position - 2].text


def _statement(tokens: Sequence[Token], position: int) -> tuple[int, int]:
    """The words around `position` that belong to one call: a line that ends in a comma goes on in the next one."""
    start = end = position
    while start > 0 and position - start < _REACH and not _breaks(tokens, start - 1):
        start -= 1
    while end < len(tokens) and end - position < _REACH and not _breaks(tokens, end):
        end += 1
    return start, end


def _breaks(tokens: Sequence[Token], position: int) -> bool:
    token = tokens[position]
    if token.kind == "newline":
        before = tokens[position - 1] if position else token
        after = tokens[position + 1] if position + 1 < len(tokens) else token
        return not (before.is_sign(",", "(", "[") or after.is_sign(")", "]", ",") or before.kind == "newline")
    return token.is_sign("{", "}", ";")


def _version_behind(tokens: Sequence[Token], position: int) -> tuple[Token, ...]:
    """The version in the block or call behind a dependency: `{ version { strictly("1.9.0") } }`, `.version("…")`."""
    found: dict[str, tuple[Token, ...]] = {}
    depth, opened = 0, False
    for place in range(position + 1, min(len(tokens), position + _REACH)):
        token = tokens[place]
        opened = opened or token.is_sign("{")
        depth += token.is_sign("{") - token.is_sign("}")
        if (token.kind == "newline" and not opened) or (opened and depth <= 0):
            break
        if token.kind == "name" and token.text in (_RICH if opened else _CALLS):
            start = place + 1
            start += start < len(tokens) and tokens[start].is_sign("(", "=", ":")
            if value := value_at(tokens, start):
                found[token.text] = value
    return _effective(found)


def _effective(found: dict[str, tuple[Token, ...]]) -> tuple[Token, ...]:
    """What of a version in several parts is built: the preferred one of a range, in Gradle's short form."""
    if "versionRef" in found:
        return (Token("name", found["versionRef"][0].text, found["versionRef"][0].line),)
    required = found.get("strictly") or found.get("require") or found.get("version") or ()
    preferred = found.get("prefer", ())
    if not required:
        return preferred
    if len(required) == len(preferred) == 1 and required[0].kind == preferred[0].kind == "string":
        return (Token("string", f"{required[0].text}!!{preferred[0].text}", required[0].line, required[0].plain),)
    return required
