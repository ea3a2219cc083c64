"""Gradle's version catalogs, `*.versions.toml`.

Their form: "Sharing dependency versions between projects" in Gradle's user manual. An alias may be written with
`-`, `_` and `.`; scripts say `libs.` and the alias with dots.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import Final

from ptmobile.runtimes.detection.model import ANDROID_ARTIFACTS, GROUP
from ptmobile.runtimes.detection.walking import Notices, Source

_SUFFIX: Final = ".versions.toml"
_HEADER: Final = re.compile(r"\s*\[{1,2}\s*([\w.\"-]{1,200})\s*\]")
_ASSIGNED: Final = re.compile(r"\s*(?:[\"']([^\"']{1,200})[\"']|([\w-]{1,200}))\s*[.=]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A library of the catalog that is an artifact of PyTorch Mobile.

    `version` is in Gradle's short form (`[1.9,1.13)!!1.12.2` for a range with a preferred version); `version_line` is 0
    where it stands beside the library.
    """

    artifact: str
    line: int
    version: str
    version_line: int = 0


@dataclass
class Catalog:
    """What a catalog says about PyTorch Mobile; aliases are written with dots."""

    source: Source
    libraries: dict[str, Entry] = field(default_factory=dict)
    versions: dict[str, tuple[str, int]] = field(default_factory=dict)
    bundles: dict[str, list[str]] = field(default_factory=dict)

    @property
    def accessor(self) -> str:
        """The name by which scripts know it, unless the settings say otherwise."""
        return self.source.name.removesuffix(_SUFFIX)

    def entries(self, alias: str) -> list[Entry]:
        """The libraries that a reference (without the accessor) means: one, a bundle's, or none of ours."""
        alias = dotted(alias.removesuffix(".get"))
        names = self.bundles.get(alias.removeprefix("bundles."), []) if alias.startswith("bundles.") else [alias]
        return [self.libraries[name] for name in names if name in self.libraries]


def dotted(alias: str) -> str:
    """An alias as scripts write it."""
    return re.sub(r"[-_]", ".", alias)


def read_catalog(source: Source, notices: Notices) -> Catalog:
    """Read a catalog; whatever is malformed is said and left out."""
    catalog = Catalog(source)
    try:
        content = tomllib.loads(source.text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as problem:
        message = str(problem) or "nested too deeply"
        line = re.search(r"at line (\d+)", message)
        place = f"{source.path}:{line[1]}" if line else source.path
        notices.add(place, f"no valid TOML: {message}")
        return catalog
    reader = _Reader(catalog, notices)
    lines = key_lines(source.text)
    for section, read in (
        ("versions", reader.version),
        ("libraries", reader.library),
        ("bundles", reader.bundle),
    ):
        table = content.get(section, {})
        if not isinstance(table, dict):
            notices.add(f"{source.path}:{lines.get(('', section), 1)}", f"{section} is no table")
            continue
        for alias, value in table.items():
            read(alias, value, lines.get((section, alias), 1))
    return catalog


def key_lines(text: str) -> dict[tuple[str, str], int]:
    """The line of each key by its table (`key = …`, `key.x = …`, `[table.key]`); Python's TOML reader does not tell."""
    lines: dict[tuple[str, str], int] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            table, _, rest = header[1].replace('"', "").partition(".")
            lines.setdefault((table, rest.partition(".")[0]), number)
            table = header[1] if not rest else f"{table}.{rest}"
        elif key := _ASSIGNED.match(line):
            lines.setdefault((table, key[1] or key[2]), number)
    return lines


class _Reader:
    """Fills a catalog from its tables."""

    def __init__(self, catalog: Catalog, notices: Notices) -> None:
        self._catalog = catalog
        self._notices = notices

    def _complain(self, line: int, message: str) -> None:
        self._notices.add(f"{self._catalog.source.path}:{line}", message)

    def version(self, alias: str, value: object, line: int) -> None:
        """An entry of `[versions]`."""
        text = _short_form(value)
        if text is None:
            self._complain(line, f"the version {alias!r} is neither a string nor a table of require, strictly, prefer")
        else:
            self._catalog.versions[dotted(alias)] = (text, line)

    def library(self, alias: str, value: object, line: int) -> None:
        """An entry of `[libraries]`; those of others are not looked at."""
        if isinstance(value, str):
            group, artifact, version = [*value.split(":", 2), "", ""][:3]
        elif isinstance(value, dict):
            module = value.get("module", f"{value.get('group', '')}:{value.get('name', '')}")
            if not isinstance(module, str) or module.count(":") != 1 or module.startswith(":") or module.endswith(":"):
                self._complain(line, f"the library {alias!r} has neither a module nor a group and a name")
                return
            group, artifact = module.split(":")
            version = value.get("version", "")
        else:
            self._complain(line, f"the library {alias!r} is neither a string nor a table")
            return
        if group == GROUP and artifact in ANDROID_ARTIFACTS:
            self._library(alias, artifact, version, line)

    def _library(self, alias: str, artifact: str, version: object, line: int) -> None:
        text, version_line = _short_form(version), 0
        reference = version.get("ref") if isinstance(version, dict) else None
        if reference is not None:
            known = self._catalog.versions.get(dotted(str(reference)))
            if known is None:
                self._complain(
                    line, f"the library {alias!r} refers to the version {str(reference)[:80]!r}, which is missing"
                )
            text, version_line = known or ("", 0)
        elif text is None:
            self._complain(line, f"the version of the library {alias!r} is not understood")
        self._catalog.libraries[dotted(alias)] = Entry(artifact, line, text or "", version_line)

    def bundle(self, alias: str, value: object, line: int) -> None:
        """An entry of `[bundles]`."""
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            self._catalog.bundles[dotted(alias)] = [dotted(name) for name in value]
        else:
            self._complain(line, f"the bundle {alias!r} is no list of aliases")


def _short_form(version: object) -> str | None:
    """A version as Gradle's short form; None if it is no version, empty if there is none."""
    if isinstance(version, str):
        return version
    if not isinstance(version, dict):
        return None
    parts = {key: value for key, value in version.items() if key in {"strictly", "require", "prefer"}}
    if not all(isinstance(value, str) for value in parts.values()):
        return None
    required = parts.get("strictly") or parts.get("require") or ""
    preferred = parts.get("prefer", "")
    if required and preferred:
        return f"{required}!!{preferred}"
    return required or preferred
