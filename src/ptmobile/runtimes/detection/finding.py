"""`find_declared_runtimes`: from a workspace to the runtimes that its apps declare."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ptmobile.runtimes.detection.apps import settle
from ptmobile.runtimes.detection.locks import pod_lock
from ptmobile.runtimes.detection.model import GROUP, Declaration, DeclaredRuntime, Detection
from ptmobile.runtimes.detection.podfiles import read_podfile
from ptmobile.runtimes.detection.projects import Project, enclosing, group_into_projects
from ptmobile.runtimes.detection.walking import Notices, Source, read_sources


def find_declared_runtimes(root: Path) -> Detection:
    """Find every PyTorch Mobile artifact that the apps below `root` declare.

    Build files are read as text and never run. Nothing is raised for what they hold: files that are malformed, too
    large or unreadable are named in the notices.
    """
    notices = Notices()
    sources = read_sources(root, notices)
    apps: dict[str, list[Declaration]] = {}
    for app, declaration in [*_in_gradle(sources, notices), *_in_pods(sources, notices)]:
        apps.setdefault(app, []).append(declaration)
    found: list[DeclaredRuntime] = []
    for app in sorted(apps):
        found += settle(app, apps[app], notices)
    return Detection(found=tuple(found), notices=tuple(notices.lines))


def _in_gradle(sources: list[Source], notices: Notices) -> Iterable[tuple[str, Declaration]]:
    projects = group_into_projects(sources)
    for project in projects:
        outer = enclosing(project, projects)
        if not _concerns(project) and not (outer is not None and outer.catalogs):
            continue
        declared = list(project.declarations(outer, notices))
        applications = project.applications()
        project.scripts.clear()
        for declaration in declared:
            yield _app(project, applications, declaration), declaration


def _concerns(project: Project) -> bool:
    """Whether any file names PyTorch's group; a broken catalog may have named it."""
    return any(GROUP in source.text or source.kind == "catalog" for source in project.sources)


def _app(project: Project, applications: list[str], declaration: Declaration) -> str:
    """The app that a declaration belongs to: the project, unless it has several apps and this is in one of them."""
    if len(applications) > 1 and declaration.folder in applications:
        return declaration.folder
    return project.folder


def _in_pods(sources: list[Source], notices: Notices) -> Iterable[tuple[str, Declaration]]:
    for source in sources:
        if source.kind == "podfile":
            yield from ((source.folder, declaration) for declaration in read_podfile(source, notices))
        elif source.kind == "pod-lock":
            yield from ((source.folder, declaration) for declaration in pod_lock(source, notices))
