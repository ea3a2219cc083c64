"""Which runtimes a file is checked against, and which older bytecode it is written in: the options, made concrete."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from ptmobile.runtimes.detection import Certainty, DeclaredRuntime, Detection
from ptmobile.runtimes.detection.versions import admits
from ptmobile.runtimes.releases import Platform, Release, load_releases
from ptmobile.spec.problems import shown, suggestion
from ptmobile.visible import visible

#: What the pinned torch writes, and the oldest bytecode that it can backport to
#: (torch/csrc/jit/mobile/compatibility/backport_manager.cpp).
PRODUCED_BYTECODE: Final = 8
OLDEST_BACKPORT: Final = 4
OPTION: Final = "the option runtime"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A runtime to check files against.

    `release` is None for a version that is not in our list; then only the library itself can tell. `apps` are the
    folders of the apps that declare it, `places` the lines (`file:line`) where they do, or the option's name.
    `operators` is the library with torchvision's operators that all of these apps declare as well; empty if one does
    not.
    """

    platform: Platform
    artifact: str
    version: str
    release: Release | None
    certainty: Certainty
    apps: tuple[str, ...]
    places: tuple[str, ...]
    operators: str = ""

    @property
    def label(self) -> str:
        """The coordinates as written in a build file."""
        return f"{self.artifact}{':' if self.platform == 'android' else ' '}{self.version}"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The targets, in order of platform and version; a `problem` if the option means nothing.

    `notices` come on top of those of the detection.
    """

    targets: tuple[Target, ...] = ()
    notices: tuple[str, ...] = ()
    problem: str = ""


class BackportTarget(msgspec.Struct, frozen=True, kw_only=True):
    """An older bytecode version to write, and the releases it is for (none if the version itself was given)."""

    bytecode_version: int
    releases: tuple[Release, ...]


class Backports(msgspec.Struct, frozen=True, kw_only=True):
    """The versions to write, newest first, and what is wrong with the others."""

    targets: tuple[BackportTarget, ...] = ()
    problems: tuple[str, ...] = ()


def choose_runtimes(option: str, detection: Detection, *, fallback: str = "") -> Choice:
    """The runtimes that `auto`, a release or `none` mean.

    `fallback` is the Android release for `auto` when no app declares one; without it there is no target then.
    """
    text = option.strip()
    if text.lower() == "none":
        return Choice()
    if text.lower() != "auto":
        release = find_release(text)
        if release is None:
            return Choice(problem=_no_release(text, "auto, none, or a published release"))
        return Choice(targets=(_of_release(release, OPTION),))
    targets, notices = _declared(detection)
    if not targets:
        said = "No app in the workspace declares a lite runtime of PyTorch Mobile"
        release = find_release(fallback)
        if release is None:
            return Choice(notices=(*notices, f"{said}, so there is none to check against."))
        notices.append(f"{said}; {release.label} is taken.")
        targets = [_of_release(release, "default")]
    return Choice(targets=tuple(targets), notices=tuple(notices))


def backports(given: str | Sequence[object], produced: int = PRODUCED_BYTECODE) -> Backports:
    """The bytecode versions that releases and bytecode versions, in a text or a list, come to."""
    entries = re.split(r"[,\s]+", given.strip()) if isinstance(given, str) else [str(entry).strip() for entry in given]
    found: dict[int, list[Release]] = {}
    problems: list[str] = []
    for entry in filter(None, entries):
        version, release, problem = _backport(entry, produced)
        if problem:
            problems.append(problem)
            continue
        users = found.setdefault(version, [])
        if release is not None and release not in users:
            users.append(release)
    targets = [
        BackportTarget(bytecode_version=version, releases=tuple(found[version])) for version in sorted(found)[::-1]
    ]
    return Backports(targets=tuple(targets), problems=tuple(problems))


def find_release(text: str) -> Release | None:
    """A published release by version (Android's first), by `artifact:version`, or by `group:artifact:version`."""
    name, _, version = text.strip().replace(" ", ":").rpartition(":")
    for release in sorted(load_releases(), key=lambda release: release.platform):
        known_names = {"", release.artifact, release.artifact.rpartition(":")[2]}
        if release.version == version and name in known_names:
            return release
    return None


def _no_release(text: str, allowed: str) -> str:
    versions = [release.version for release in load_releases() if release.platform == "android"]
    # YAML makes 1.1 of an unquoted 1.10.
    cut = [version for version in versions if re.match(r"\d+\.\d$", text) and version.startswith(f"{text}0")]
    return (
        f"given {shown(text)}, which is no published release; allowed: {allowed} ({', '.join(versions)})"
        f"{suggestion(text, cut or versions)}"
    )


def _of_release(release: Release, place: str) -> Target:
    return Target(
        platform=release.platform,
        artifact=release.artifact,
        version=release.version,
        release=release,
        certainty="exact",
        apps=(),
        places=(place,),
    )


def _declared(detection: Detection) -> tuple[list[Target], list[str]]:
    """The lite runtimes that apps declare, one target for all apps with the same version."""
    notices: list[str] = []
    found: dict[tuple[str, str], list[tuple[DeclaredRuntime, Release | None]]] = {}
    for runtime in detection.found:
        if runtime.role == "full":
            notices.append(_full(runtime))
        elif runtime.role == "lite":
            version, release = _concrete(runtime, notices)
            if version:
                found.setdefault((runtime.artifact, version), []).append((runtime, release))
    shipped = {runtime.app: _label(runtime) for runtime in detection.found if runtime.role == "operators"}
    targets = [_merged(version, pairs, shipped) for (_, version), pairs in found.items()]
    return sorted(targets, key=_order), notices


def _order(target: Target) -> tuple[str, list[int], str]:
    return target.platform, [int(number) for number in re.findall(r"\d{1,9}", target.version)], target.version


def _merged(version: str, pairs: list[tuple[DeclaredRuntime, Release | None]], shipped: Mapping[str, str]) -> Target:
    first, release = pairs[0]
    apps = _distinct(runtime.app for runtime, _ in pairs)
    return Target(
        platform=first.platform,
        artifact=first.artifact,
        version=version,
        release=release,
        certainty=first.certainty,
        apps=apps,
        places=_distinct(runtime.place for runtime, _ in pairs),
        operators=shipped[apps[0]] if all(app in shipped for app in apps) else "",
    )


def _label(runtime: DeclaredRuntime) -> str:
    separator = ":" if runtime.platform == "android" else " "
    return visible(f"{runtime.artifact}{separator}{runtime.version or runtime.declared}")


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _concrete(runtime: DeclaredRuntime, notices: list[str]) -> tuple[str, Release | None]:
    """The version to check against, empty if there is none; and its release, if it is in our list."""
    published = [release for release in load_releases() if release.artifact == runtime.artifact]
    said = f"{runtime.place} declares {runtime.artifact} {runtime.declared}"
    if runtime.version is not None:
        release = next((one for one in published if one.version == runtime.version), None)
        if release is None:
            versions = ", ".join(one.version for one in published) or "none"
            notices.append(visible(f"{said}, which is not among the published releases we know ({versions})."))
        return runtime.version, release
    if runtime.certainty == "unknown":
        notices.append(visible(f"{said}; which version that is could not be found out."))
        return "", None
    # The list of published releases is complete: the last one is of 2023.
    text = "" if runtime.declared == "any version" else runtime.declared
    fitting = [release for release in published if admits(runtime.platform, text, release.version)]
    if not fitting:
        notices.append(visible(f"{said}, which no published release fits."))
        return "", None
    kind = "a dynamic version" if runtime.certainty == "dynamic" else "a range"
    notices.append(visible(f"{said}, {kind}; {fitting[-1].version}, the newest release that fits, is taken."))
    return fitting[-1].version, fitting[-1]


def _full(runtime: DeclaredRuntime) -> str:
    return visible(
        f"{runtime.place} declares {runtime.artifact} {runtime.declared}, the full library; it reads a file's "
        "TorchScript, not the lite interpreter's bytecode, and is not checked."
    )


def _backport(entry: str, produced: int) -> tuple[int, Release | None, str]:
    """Bytecode version and release of one entry, or a problem."""
    allowed = f"bytecode {OLDEST_BACKPORT} to {produced - 1}, or a release that reads nothing newer"
    if re.fullmatch(r"\d{1,3}", entry):
        version = int(entry)
        if version >= produced:
            return 0, None, f"given {entry}, but the file has bytecode {produced} already; allowed: {allowed}"
        if version < OLDEST_BACKPORT:
            return 0, None, f"given {entry}, but torch goes back to {OLDEST_BACKPORT} only; allowed: {allowed}"
        return version, None, ""
    release = find_release(entry)
    if release is None:
        return 0, None, _no_release(entry, allowed)
    if release.bytecode_max >= produced:
        reads = f"reads bytecode {release.bytecode_min} to {release.bytecode_max}"
        problem = (
            f"given {entry}, but {release.label} {reads} and so the file as it is ({produced}); allowed: {allowed}"
        )
        return 0, None, problem
    return release.bytecode_max, release, ""
