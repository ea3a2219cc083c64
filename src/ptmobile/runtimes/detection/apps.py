"""Put together what the files of one app say: a lock before a range, one entry for what agrees, a word on conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ptmobile.runtimes.detection.model import Certainty, Declaration, DeclaredRuntime
from ptmobile.runtimes.detection.versions import admits
from ptmobile.runtimes.detection.walking import Notices

_ORDER: Final[tuple[Certainty, ...]] = ("resolved", "exact", "range", "dynamic", "unknown")
#: Parts of one runtime: they must have one version.
_TOGETHER: Final = frozenset({"lite", "full", "torchvision"})


def settle(app: str, declarations: Sequence[Declaration], notices: Notices) -> list[DeclaredRuntime]:
    """The runtimes of one app, sorted by artifact, file and line."""
    found: list[DeclaredRuntime] = []
    for artifact in sorted({declaration.artifact for declaration in declarations}):
        found += _of_artifact(app, artifact, [one for one in declarations if one.artifact == artifact], notices)
    _compare_parts(app, found, notices)
    return found


def _of_artifact(app: str, artifact: str, declarations: list[Declaration], notices: Notices) -> list[DeclaredRuntime]:
    """What is known best counts; what contradicts it is said."""
    best = min(_ORDER.index(declaration.certainty) for declaration in declarations)
    chosen = [declaration for declaration in declarations if _ORDER.index(declaration.certainty) == best]
    kinds: dict[str, list[Declaration]] = {}
    for declaration in chosen:
        kinds.setdefault(declaration.version or declaration.declared, []).append(declaration)
    if len(kinds) > 1:
        places = ", ".join(f"{text or 'any version'} ({same[0].place})" for text, same in kinds.items())
        notices.add(app, f"conflicting versions of {artifact} in this app: {places}")
        return [_merged(app, same) for same in kinds.values()]
    if not (chosen[0].version or chosen[0].declared) and chosen[0].platform == "android":
        notices.add(chosen[0].place, f"{artifact} has no version here, and none was found elsewhere in the app")
    _contradictions(chosen[0], declarations, notices)
    return [_merged(app, chosen, declarations)]


def _contradictions(chosen: Declaration, declarations: list[Declaration], notices: Notices) -> None:
    """Say which declarations do not admit the version that another file fixes."""
    version = chosen.version
    if version is None:
        return
    for other in declarations:
        known = other.certainty in {"exact", "range", "dynamic"} and other.declared
        if known and other.version != version and not admits(other.platform, other.declared, version):
            verb = "has resolved" if chosen.certainty == "resolved" else "says"
            notices.add(
                other.place,
                f"conflict: {other.artifact} is {other.declared} here, but {chosen.place} {verb} {version} and counts",
            )


def _merged(app: str, same: list[Declaration], others: list[Declaration] | None = None) -> DeclaredRuntime:
    first = min(same, key=lambda one: (one.file, one.line))
    return DeclaredRuntime(
        app=app,
        platform=first.platform,
        role=first.role,
        artifact=first.artifact,
        version=first.version,
        declared=first.declared or ("any version" if first.platform == "ios" else "no version"),
        certainty=first.certainty,
        file=first.file,
        line=first.line,
        version_from=first.version_from,
        also=tuple(sorted({one.place for one in others or same} - {first.place})),
    )


def _compare_parts(app: str, found: list[DeclaredRuntime], notices: Notices) -> None:
    """Parts of one runtime with different versions, and both interpreters at once."""
    parts = [one for one in found if one.role in _TOGETHER and one.platform == "android"]
    runtimes = {one.version: one for one in parts if one.role in {"lite", "full"} and one.version}
    for part in parts:
        if part.role == "torchvision" and part.version and runtimes and part.version not in runtimes:
            other = next(iter(runtimes.values()))
            notices.add(
                part.place,
                f"conflicting versions in this app: {part.artifact} {part.version}, {other.artifact} {other.version}",
            )
    roles = {one.role: one for one in parts}
    if {"lite", "full"} <= roles.keys():
        notices.add(
            app,
            f"the app declares both {roles['lite'].artifact} ({roles['lite'].place}) and "
            f"{roles['full'].artifact} ({roles['full'].place}), which hold the same classes",
        )
