"""What an expression in a Gradle script comes to, as far as plain assignments tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ptmobile.runtimes.detection.tokens import Language, Token, tokenize
from ptmobile.runtimes.detection.variables import CLOSING, MAX_VALUE, OPENING, Variable
from ptmobile.runtimes.detection.walking import Source

#: Variables may name each other in a circle,
MAX_DEPTH: Final = 8
#: and a few of them, naming each other twice, may ask for any amount of work.
MAX_LOOK_UPS: Final = 5_000
MAX_TEXT: Final = 500
_REFERENCE: Final = re.compile(r"\$(?:\{(?P<code>[^\n]*?)\}(?=[^}]|\Z)|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*))")


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression comes to: `text`, or None and the reason in `problem`; `places`: where its parts are set."""

    text: str | None
    places: tuple[str, ...] = ()
    problem: str = ""


@dataclass
class Scope:
    """The variables of one Gradle project.

    `catalog_version` answers a reference to a version of a catalog (`libs.versions.torch`), or returns None.
    """

    variables: list[Variable] = field(default_factory=list)
    catalog_version: Callable[[str], Value | None] = lambda _: None
    _by_name: dict[str, list[Variable]] = field(default_factory=dict)
    _look_ups: int = 0

    def add(self, variables: Sequence[Variable]) -> None:
        """Make variables known."""
        for variable in variables:
            self.variables.append(variable)
            self._by_name.setdefault(variable.path[-1], []).append(variable)

    def evaluate(self, words: Sequence[Token], source: Source, line: int, depth: int = 0) -> Value:
        """What a `+` of strings and variables comes to, read at a line of a file."""
        texts: list[str] = []
        places: list[str] = []
        for part in _summands(words):
            value = self._part(part, source, line, depth)
            if value.text is None:
                return value
            texts.append(value.text)
            places += value.places
        return _joined(texts, places)

    def expand(self, string: Token, source: Source, depth: int = 0) -> Value:
        """A string with its `$name` and `${expression}` replaced."""
        if string.plain or "$" not in string.text:
            return Value(string.text)
        if depth > MAX_DEPTH or len(string.text) > MAX_TEXT:
            return Value(None, problem=f"{string.text[:20]}… is too intricate")
        texts: list[str] = []
        places: list[str] = []
        position = 0
        for match in _REFERENCE.finditer(string.text):
            code, dotted = match["code"], match["name"] or ""
            end = match.end()
            if code is None and language_of(source) == "kotlin":
                dotted, _, rest = dotted.partition(".")
                end -= len(rest) + 1 if rest else 0
            value = self.evaluate(tokenize(code or dotted, language_of(source)), source, string.line, depth + 1)
            if value.text is None:
                return value
            texts += [string.text[position : match.start()], value.text]
            places += value.places
            position = end
        return _joined([*texts, string.text[position:]], places)

    def _part(self, words: Sequence[Token], source: Source, line: int, depth: int) -> Value:
        first = words[0]
        if first.kind == "string":
            return self.expand(first, source, depth)
        if first.kind == "number":
            return Value(first.text)
        if first.kind != "name" or depth >= MAX_DEPTH:
            return Value(None, problem=f"{_shown(words)} is not understood")
        from_catalog = self.catalog_version(first.text)
        if from_catalog is not None:
            return from_catalog
        strings = [word for word in words[1:MAX_VALUE] if word.kind == "string"]
        path = tuple(re.split(r"\W+", first.text))
        if strings:
            # project.property("x"), extra["x"], safeExtGet("x", "1.9.0"): a name, and what is taken without it.
            path = (*path, *re.split(r"\W+", strings[0].text))
        found = self._look_up(path, source, line, depth)
        if found.text is None and len(strings) > 1 and "ambiguous" not in found.problem:
            return self.expand(strings[1], source, depth)
        return found

    def _look_up(self, path: tuple[str, ...], source: Source, line: int, depth: int) -> Value:
        """The variable whose full name fits best; of those in the same file the last one before `line`."""
        self._look_ups += 1
        if self._look_ups > MAX_LOOK_UPS:
            return Value(None, problem="the variables of the project refer to each other too often")
        named = self._by_name.get(path[-1], [])
        best = max((_agreement(variable.path, path) for variable in named), default=0)
        fitting = [variable for variable in named if _agreement(variable.path, path) == best]
        here = [variable for variable in fitting if variable.source.path == source.path and variable.line <= line]
        values: dict[str, Value] = {}
        problem = f"{'.'.join(path[-2:])} is set nowhere in the project"
        for variable in here[-1:] or fitting[:MAX_VALUE]:
            value = self.evaluate(variable.value, variable.source, variable.line - 1, depth + 1)
            if value.text is None:
                problem = value.problem
            # A version is wanted; the coordinates of a library may be kept under the same name elsewhere.
            elif ":" not in value.text:
                values.setdefault(value.text, Value(value.text, (variable.place, *value.places)))
        if len(values) > 1:
            choices = ", ".join(f"{text} ({value.places[0]})" for text, value in list(values.items())[:4])
            return Value(None, problem=f"{path[-1]} is ambiguous: {choices}")
        return next(iter(values.values()), Value(None, problem=problem))


def language_of(source: Source) -> Language:
    """The language of a script by its name."""
    return "kotlin" if source.name.endswith((".kts", ".kt")) else "groovy"


def _joined(texts: Sequence[str], places: Sequence[str]) -> Value:
    text = "".join(texts)
    if len(text) > MAX_TEXT:
        return Value(None, problem=f"{text[:20]}… is too long for a version")
    return Value(text, tuple(dict.fromkeys(places)))


def _agreement(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    """How many names two paths share at their ends."""
    count = 0
    for one, other in zip(reversed(left), reversed(right), strict=False):
        if one != other:
            break
        count += 1
    return count


def _shown(words: Sequence[Token]) -> str:
    return " ".join(word.text for word in words[:4]) or "an empty value"


def _summands(words: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The operands of a `+`, each with its call or index behind it."""
    start, depth = 0, 0
    for position, word in enumerate(words):
        depth += word.is_sign(*OPENING) - word.is_sign(*CLOSING)
        if depth == 0 and word.is_sign("+") and position > start:
            yield words[start:position]
            start = position + 1
    if start < len(words):
        yield words[start:]
    elif not words:
        yield (Token("sign", "", 0),)
