"""Which files a model needs: the releases that apps declare or users name, grouped by the bytecode that they read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ptmobile.editions import PRODUCED_BYTECODE
from ptmobile.runtimes.choosing import BackportTarget, Target, find_release
from ptmobile.runtimes.releases import Platform, Release, accepting, load_releases, recommend

# What the pinned torch writes, where no operator raises the archive version.
_ARCHIVE, _TORCH = 3, "1.13.1"


@dataclass(frozen=True)
class Wanted:
    """A release that a file is for, and where it was named. ``instead``: releases to take if it cannot be had.

    ``artifact``: with its name, as ``artifact:version``; empty for one that is not in our list. ``decides``: a file
    that does not work there is a failure. ``likely``: nobody named it, so nothing is done for its sake. ``operators``:
    the library with torchvision's operators that all apps on it ship too, as ``artifact:version``.
    """

    release: str
    found: str
    artifact: str = ""
    instead: tuple[str, ...] = ()
    platform: Platform = "android"
    decides: bool = True
    likely: bool = False
    operators: str = ""


@dataclass(frozen=True)
class Planned:
    """A file to make: its bytecode, and the releases that it is for."""

    bytecode_version: int
    wanted: tuple[Wanted, ...] = ()

    @property
    def rewritten_for(self) -> tuple[str, ...]:
        """The releases whose lacks are to be made up for."""
        return tuple(wanted.artifact for wanted in self.wanted if wanted.artifact and not wanted.likely)


def plan_files(declared: Sequence[Wanted], backports: Iterable[BackportTarget]) -> tuple[Planned, ...]:
    """The files to make: first the main one, for the newest declared releases, then those for older ones."""
    groups: dict[int, list[Wanted]] = {}
    for wanted in declared:
        groups.setdefault(bytecode_for(wanted), []).append(wanted)
    main = max(groups, default=PRODUCED_BYTECODE)
    groups.setdefault(main, [])
    for target in backports:
        group = groups.setdefault(target.bytecode_version, [])
        named = [_named(release) for release in target.releases] or _oldest_reader(target.bytecode_version)
        group += [wanted for wanted in named if not any(_same(wanted, other) for other in group)]
    others = sorted(groups.keys() - {main}, reverse=True)
    return tuple(Planned(version, tuple(groups[version])) for version in (main, *others))


def bytecode_for(wanted: Wanted) -> int:
    """The newest bytecode that both torch writes and the release reads."""
    release = find_release(wanted.artifact) if wanted.artifact else None
    return min(PRODUCED_BYTECODE, release.bytecode_max) if release else PRODUCED_BYTECODE


def wanted_of(target: Target, option: str) -> Wanted:
    """A release that was declared, or given by the option."""
    found = f"declared in {', '.join(target.places)}" if option == "auto" else "as asked for"
    artifact = target.release.label if target.release else ""
    return Wanted(target.version, found, artifact, platform=target.platform, operators=target.operators)


def default_wanted() -> Wanted:
    """Where no app declares a release: the one that fits this torch, else the newest older one that can be had."""
    best = recommend(PRODUCED_BYTECODE, _ARCHIVE, _TORCH).android
    accepted = [release.version for release in accepting(PRODUCED_BYTECODE, _ARCHIVE, "android")]
    version = best.version if best else accepted[-1]
    older = accepted[: accepted.index(version)] if version in accepted else accepted
    found = "no app in the workspace declares a release"
    return Wanted(
        version, found, best.label if best else "", instead=tuple(reversed(older)), decides=False, likely=True
    )


def _named(release: Release) -> Wanted:
    return Wanted(release.version, "as backport-to asks", release.label, platform=release.platform)


def _oldest_reader(bytecode_version: int) -> list[Wanted]:
    """A bytecode version names no release: the oldest one for Android that reads it is what it is good for."""
    readers = (r for r in load_releases() if r.platform == "android" and r.bytecode_max >= bytecode_version)
    found = f"the oldest release that reads bytecode {bytecode_version}"
    return [Wanted(release.version, found, release.label, decides=False) for release in list(readers)[:1]]


def _same(one: Wanted, other: Wanted) -> bool:
    return (one.release, one.platform) == (other.release, other.platform)
