"""One Gradle project: its scripts, variables and catalogs, and the apps in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from ptmobile.runtimes.detection.catalogs import Catalog, Entry, dotted, read_catalog
from ptmobile.runtimes.detection.locks import gradle_lock
from ptmobile.runtimes.detection.model import ANDROID_ARTIFACTS, GROUP, Declaration
from ptmobile.runtimes.detection.scope import Scope, Value, language_of
from ptmobile.runtimes.detection.scripts import catalog_uses, declaration, is_application, mentions, unfinished
from ptmobile.runtimes.detection.tokens import Token, tokenize
from ptmobile.runtimes.detection.variables import properties_of, variables_of
from ptmobile.runtimes.detection.versions import gradle_certainty
from ptmobile.runtimes.detection.walking import BUILD_CODE, Notices, Source

#: Of one project: a bound on time and memory that no honest project comes near.
MAX_SCRIPT_BYTES: Final = 4 * 2**20
_SETTINGS: Final = frozenset({"settings.gradle", "settings.gradle.kts"})


@dataclass
class Project:
    """The files below one `settings.gradle`, or what looks like a project without one."""

    folder: str
    sources: list[Source] = field(default_factory=list)
    scripts: dict[str, list[Token]] = field(default_factory=dict)
    catalogs: dict[str, Catalog] = field(default_factory=dict)

    def declarations(self, outer: Project | None, notices: Notices) -> Iterator[Declaration]:
        """Everything that the project's files declare; `outer` lends its catalogs to a build inside of a build."""
        self.catalogs = {**(outer.catalogs if outer else {}), **self._own_catalogs(notices)}
        scripts = self._scripts_within_bounds(notices)
        self.scripts = {source.path: tokenize(source.text, language_of(source)) for source in scripts}
        scope = Scope(catalog_version=self._catalog_version)
        for source in self.sources:
            if source.kind == "properties":
                scope.add(properties_of(source))
            elif source.path in self.scripts:
                scope.add(variables_of(source, self.scripts[source.path]))
            elif source.kind == "gradle-lock":
                yield from gradle_lock(source, notices)
        named: set[str] = set()
        referred = False
        for source in scripts:
            tokens = self.scripts[source.path]
            unfinished(source, tokens, notices)
            in_script = [declaration(mention, source, scope, notices) for mention in mentions(tokens)]
            by_reference = list(self._from_catalogs(source, tokens))
            referred = referred or bool(by_reference)
            named |= {found.artifact for found in in_script}
            yield from (*in_script, *by_reference)
        if not referred:
            yield from self._unused(named, notices)

    def _scripts_within_bounds(self, notices: Notices) -> list[Source]:
        """The scripts, those first that name PyTorch's group; their words take some hundred times their room."""
        scripts = [source for source in self.sources if source.kind == "script"]
        kept: list[Source] = []
        room = MAX_SCRIPT_BYTES
        for source in sorted(scripts, key=lambda source: GROUP not in source.text):
            room -= len(source.text)
            if room < 0:
                notices.add(self.folder, f"more than {MAX_SCRIPT_BYTES} bytes of scripts; some were not looked at")
                break
            kept.append(source)
        return sorted(kept, key=lambda source: source.path)

    def applications(self) -> list[str]:
        """The folders of the modules that are Android apps."""
        folders = {source.path: source.folder for source in self.sources}
        return sorted({folders[path] for path, tokens in self.scripts.items() if is_application(tokens)})

    def _own_catalogs(self, notices: Notices) -> dict[str, Catalog]:
        """The catalogs by the name that scripts use: the file's, and another one that the settings give it."""
        found: dict[str, Catalog] = {}
        for source in self.sources:
            if source.kind == "catalog":
                catalog = read_catalog(source, notices)
                for accessor in {catalog.accessor, *_renamed(self.sources, source.name)}:
                    found[accessor] = catalog
        return found

    def _catalog_version(self, reference: str) -> Value | None:
        """The version that `libs.versions.torch` or `libs.versions.torch.get` refers to."""
        accessor, _, alias = reference.removesuffix(".get").partition(".versions.")
        catalog = self.catalogs.get(accessor)
        if catalog is None or not alias:
            return None
        known = catalog.versions.get(dotted(alias))
        if known is None:
            return Value(None, problem=f"{catalog.source.path} has no version {alias}")
        return Value(known[0], (f"{catalog.source.path}:{known[1]}",))

    def _from_catalogs(self, source: Source, tokens: Sequence[Token]) -> Iterator[Declaration]:
        for use in catalog_uses(tokens, tuple(self.catalogs)):
            catalogs: Iterable[Catalog] = self.catalogs.values()
            if use.accessor:
                catalogs = (self.catalogs[use.accessor],)
            for catalog in catalogs:
                for entry in catalog.entries(use.alias):
                    yield _declared(catalog, entry, source.path, use.line)

    def _unused(self, named: set[str], notices: Notices) -> Iterator[Declaration]:
        """Libraries of the project's catalogs, whose use in scripts we seem not to understand."""
        for catalog in {id(catalog): catalog for catalog in self.catalogs.values()}.values():
            for entry in catalog.libraries.values():
                if catalog.source not in self.sources or f"{GROUP}:{entry.artifact}" in named:
                    continue
                place = f"{catalog.source.path}:{entry.line}"
                notices.add(place, f"no build script refers to {GROUP}:{entry.artifact}; it is taken as declared")
                yield _declared(catalog, entry, catalog.source.path, entry.line)


def _renamed(sources: Sequence[Source], file: str) -> Iterator[str]:
    """Names that settings give to a catalog's file: `create("ml") { from(files("gradle/ml.versions.toml")) }`."""
    for source in sources:
        if source.name not in _SETTINGS or file not in source.text:
            continue
        tokens = tokenize(source.text, language_of(source))
        created = ""
        for position, token in enumerate(tokens):
            if token.kind == "name" and token.text == "create" and position + 2 < len(tokens):
                created = tokens[position + 2].text
            elif token.kind == "name" and token.text not in {"from", "files"} and position + 1 < len(tokens):
                created = token.text if tokens[position + 1].is_sign("{") else created
            elif token.kind == "string" and PurePosixPath(token.text).name == file and created:
                yield created


def _place(catalog: Catalog, entry: Entry) -> str:
    return f"{catalog.source.path}:{entry.version_line or entry.line}"


def _declared(catalog: Catalog, entry: Entry, file: str, line: int) -> Declaration:
    certainty, version = gradle_certainty(entry.version)
    return Declaration(
        folder=str(PurePosixPath(file).parent),
        platform="android",
        role=ANDROID_ARTIFACTS[entry.artifact],
        artifact=f"{GROUP}:{entry.artifact}",
        version=version,
        declared=entry.version,
        certainty=certainty,
        file=file,
        line=line,
        version_from=place if (place := _place(catalog, entry)) != f"{file}:{line}" else "",
    )


def group_into_projects(sources: Sequence[Source]) -> list[Project]:
    """Gradle files by project: the nearest folder with settings, else the topmost one with a build script."""
    settings = {source.folder for source in sources if source.name in _SETTINGS}
    builds = {source.folder for source in sources if source.name in {"build.gradle", "build.gradle.kts"}}
    projects: dict[str, Project] = {}
    for source in sources:
        if source.kind in {"podfile", "pod-lock"}:
            continue
        above = [folder for folder in _above(source.folder) if PurePosixPath(folder).name not in BUILD_CODE]
        home = next((folder for folder in above if folder in settings), None)
        if home is None:
            home = next((folder for folder in reversed(above) if folder in builds), None)
        if home is None:
            home = above[1] if source.kind == "catalog" and source.folder.endswith("gradle") else source.folder
        projects.setdefault(home, Project(home)).sources.append(source)
    return [projects[folder] for folder in sorted(projects)]


def enclosing(project: Project, projects: Sequence[Project]) -> Project | None:
    """The nearest project around another one."""
    above = _above(project.folder)[1:]
    by_folder = {other.folder: other for other in projects}
    return next((by_folder[folder] for folder in above if folder in by_folder), None)


def _above(folder: str) -> list[str]:
    """A folder and those around it, up to the workspace."""
    pure = PurePosixPath(folder)
    return [str(pure), *map(str, pure.parents)]
