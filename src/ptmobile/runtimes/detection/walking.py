"""The build files of a workspace: found and read within bounds, whatever lies there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from ptmobile.visible import visible

SourceKind = Literal["script", "catalog", "properties", "gradle-lock", "podfile", "pod-lock"]

#: Folders that hold what a build made, or what others wrote; folders whose name begins with a dot are skipped as well.
SKIPPED: Final = frozenset({"build", "node_modules", "Pods", "DerivedData", "Carthage"})
#: Kotlin, Groovy and Java in these folders are part of the build and often hold versions as constants.
BUILD_CODE: Final = ("buildSrc", "build-logic", "buildLogic")
MAX_FOLDERS: Final = 50_000
MAX_FILES: Final = 5_000
#: Larger files are not read; the locks of large apps have some hundred thousand bytes.
MAX_BYTES: Final = 2**20
MAX_TOTAL_BYTES: Final = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Source:
    """One build file; `path` is relative to the workspace, with `/` between its parts."""

    path: str
    kind: SourceKind
    text: str

    @property
    def folder(self) -> str:
        """Where it lies; `.` is the workspace itself."""
        return str(PurePosixPath(self.path).parent)

    @property
    def name(self) -> str:
        """The bare file name."""
        return PurePosixPath(self.path).name


@dataclass
class Notices:
    """What could not be read, each said once and on one line."""

    lines: list[str] = field(default_factory=list)

    def add(self, place: str, message: str) -> None:
        """Record one; `place` is `file` or `file:line`."""
        line = visible(f"{place}: {message}")
        if line not in self.lines:
            self.lines.append(line)


def read_sources(root: Path, notices: Notices) -> list[Source]:
    """All build files below `root`, sorted by path; what cannot be read is said in `notices`."""
    sources: list[Source] = []
    total = 0
    for path, kind in _candidates(root, notices):
        if len(sources) >= MAX_FILES or total > MAX_TOTAL_BYTES:
            notices.add(".", f"more than {len(sources)} build files; the rest was not looked at")
            break
        text = _read(root, path, notices)
        if text is not None:
            total += len(text)
            sources.append(Source(path, kind, text))
    return sorted(sources, key=lambda source: source.path)


def _candidates(root: Path, notices: Notices) -> Iterator[tuple[str, SourceKind]]:
    waiting = ["."]
    seen = 0
    while waiting:
        folder = waiting.pop()
        seen += 1
        if seen > MAX_FOLDERS:
            notices.add(".", f"more than {MAX_FOLDERS} folders; the rest was not looked at")
            return
        try:
            with os.scandir(root / folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as problem:
            notices.add(folder, f"this folder cannot be listed: {problem.strerror}")
            continue
        below: list[str] = []
        for entry in entries:
            path = entry.name if folder == "." else f"{folder}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED and not entry.name.startswith("."):
                    below.append(path)
            elif kind := kind_of(path):
                yield path, kind
        waiting.extend(reversed(below))


def kind_of(path: str) -> SourceKind | None:
    """What a file is by its name and place; None if it is of no interest."""
    pure = PurePosixPath(path)
    name = pure.name
    fixed: dict[str, SourceKind] = {
        "Podfile": "podfile",
        "Podfile.lock": "pod-lock",
        "gradle.properties": "properties",
        "gradle.lockfile": "gradle-lock",
    }
    if name in fixed:
        return fixed[name]
    if name.endswith((".gradle", ".gradle.kts")):
        return "script"
    if name.endswith(".versions.toml"):
        return "catalog"
    # One file for each configuration, as Gradle wrote them before version 7.
    if name.endswith(".lockfile") and pure.parent.name == "dependency-locks":
        return "gradle-lock"
    if name.endswith((".kt", ".kts", ".groovy", ".java")) and any(part in BUILD_CODE for part in pure.parts[:-1]):
        return "script"
    return None


def _read(root: Path, path: str, notices: Notices) -> str | None:
    """The text of a file; links are followed as long as they stay in the workspace."""
    try:
        target = (root / path).resolve(strict=True)
        if not target.is_relative_to(root.resolve()):
            notices.add(path, "a link that leads out of the workspace; it was not followed")
            return None
        # Without O_NONBLOCK a named pipe in the file's place would keep us waiting for ever.
        descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                notices.add(path, "no regular file; it was not read")
                return None
            data = stream.read(MAX_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        notices.add(path, f"cannot be read: {reason}")
        return None
    return _decode(path, data, notices)


def _decode(path: str, data: bytes, notices: Notices) -> str | None:
    if len(data) > MAX_BYTES:
        notices.add(path, f"larger than {MAX_BYTES} bytes; it was not read")
        return None
    if b"\0" in data:
        notices.add(path, "not text in UTF-8 (it holds zero bytes); it was not read")
        return None
    # A single wrong byte, such as an umlaut in an old comment, is no reason to overlook the rest.
    text = data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(("<<<<<<< ", ">>>>>>> ")):
            notices.add(f"{path}:{number}", "the mark of an unfinished merge; what stands there may be read wrongly")
            break
    return text
