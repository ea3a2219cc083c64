"""Lockfiles: what a resolution came to. Gradle's `gradle.lockfile` and CocoaPods' `Podfile.lock`, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ptmobile.runtimes.detection.model import ANDROID_ARTIFACTS, GROUP, PODS, Declaration
from ptmobile.runtimes.detection.walking import Notices, Source

_GRADLE: Final = re.compile(r"([^:=\s]+):([^:=\s]+):([^:=\s]+)(?:=(.*))?")
# `  - LibTorch-Lite/Core (1.13.0.1):` in the section PODS; deeper lines are requirements of the pod above.
_POD: Final = re.compile(r" {2}- [\"']?([A-Za-z][\w+-]*)(?:/[^\s(]+)? \(([^()]+)\)[\"']?:?")
_FIXED: Final = re.compile(r"\d[\w.+-]{0,100}")


def gradle_lock(source: Source, notices: Notices) -> Iterator[Declaration]:
    """The artifacts of PyTorch Mobile that Gradle has locked."""
    for number, line in enumerate(source.text.split("\n"), 1):
        text = line.strip()
        if not text.startswith(f"{GROUP}:"):
            continue
        place = f"{source.path}:{number}"
        match = _GRADLE.fullmatch(text)
        if match is None or not _FIXED.fullmatch(match[3]):
            notices.add(place, f"{text[:120]!r} is no line of a lockfile (group:artifact:version=configurations)")
        elif match[2] in ANDROID_ARTIFACTS:
            yield _locked(source, number, f"{GROUP}:{match[2]}", match[3])


def pod_lock(source: Source, notices: Notices) -> Iterator[Declaration]:
    """The pods of PyTorch Mobile that CocoaPods has installed."""
    section, seen = "", set[tuple[str, str]]()
    sections: set[str] = set()
    for number, line in enumerate(source.text.split("\n"), 1):
        header = re.fullmatch(r"([A-Z][A-Z ]+):.*", line)
        if header is not None:
            section = header[1]
            sections.add(section)
            continue
        if section != "PODS" or not line.startswith("  - "):
            continue
        name = re.split(r"[/\s(:]", line[4:].lstrip("\"'"), maxsplit=1)[0]
        if name not in PODS:
            continue
        match = _POD.fullmatch(line.rstrip())
        if match is None or not _FIXED.fullmatch(match[2]):
            notices.add(f"{source.path}:{number}", f"{line.strip()[:120]!r} is no pod with a version")
        elif (name, match[2]) not in seen:
            seen.add((name, match[2]))
            yield _locked(source, number, name, match[2])
    if "PODS" not in sections and source.text.strip():
        notices.add(source.path, "it has no section PODS, so it is no lockfile of CocoaPods")


def _locked(source: Source, line: int, artifact: str, version: str) -> Declaration:
    # The files of a folder dependency-locks speak for the project two folders up (gradle/dependency-locks).
    folder = source.folder
    if folder.endswith("dependency-locks"):
        folder = re.sub(r"/?(?:gradle/)?dependency-locks$", "", folder) or "."
    return Declaration(
        folder=folder,
        platform="ios" if artifact in PODS else "android",
        role=PODS[artifact] if artifact in PODS else ANDROID_ARTIFACTS[artifact.partition(":")[2]],
        artifact=artifact,
        version=version,
        declared=version,
        certainty="resolved",
        file=source.path,
        line=line,
    )
