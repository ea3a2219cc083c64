"""The published lite runtimes, what they accept by version number, and which one fits a file.

The facts, with their origin and how well each is known, are in `releases.json` beside this module.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final, Literal

import msgspec

Platform = Literal["android", "ios"]
#: How a release's limits are known: asked of the library itself, read in PyTorch's sources, or a guess.
Evidence = Literal["measured", "documented", "unsure"]

#: Goes with every answer of this module.
CAVEAT: Final = (
    "Judged by the file's two version numbers only: "
    "whether the runtime has every operator that the model calls was not checked."
)
_PLATFORM_NAMES: Final[dict[Platform, str]] = {"android": "Android", "ios": "iOS"}


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One published runtime.

    `bytecode_min` and `bytecode_max` are inclusive; `archive_max` is the highest `version` record it reads. `date` is
    the day of publication (ISO), if known.
    """

    platform: Platform
    artifact: str
    version: str
    date: str | None
    bytecode_min: int
    bytecode_max: int
    archive_max: int
    evidence: Evidence
    notes: tuple[str, ...]

    def accepts(self, bytecode_version: int, archive_version: int) -> bool:
        """Whether a file with these version numbers passes the release's own version checks."""
        return self.bytecode_min <= bytecode_version <= self.bytecode_max and archive_version <= self.archive_max

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version as numbers, to sort by."""
        return tuple(map(int, self.version.split(".")))

    @property
    def line(self) -> tuple[int, int]:
        """Major and minor number, as of PyTorch's own releases."""
        return self.numbers[0], self.numbers[1]

    @property
    def label(self) -> str:
        """The coordinates as written in a build file."""
        return f"{self.artifact}:{self.version}" if self.platform == "android" else f"{self.artifact} {self.version}"


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sources: tuple[str, ...]
    releases: tuple[Release, ...]


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """Which runtimes to ship with a file, judged by version numbers.

    `android` and `ios` are the releases nearest to the torch that made the file, `oldest_android` and `oldest_ios` the
    oldest that admit its version numbers; None where no release does. `gradle` and `podfile` are lines to paste.
    `notes` always end with the caveat that operators are not looked at.
    """

    android: Release | None
    ios: Release | None
    oldest_android: Release | None
    oldest_ios: Release | None
    gradle: tuple[str, ...]
    podfile: tuple[str, ...]
    notes: tuple[str, ...]


@cache
def load_releases() -> tuple[Release, ...]:
    """All published releases, per platform from the oldest to the newest."""
    text = resources.files("ptmobile.runtimes").joinpath("releases.json").read_bytes()
    releases = msgspec.json.decode(text, type=_Data).releases
    return tuple(sorted(releases, key=lambda release: (release.platform, release.numbers)))


def accepting(bytecode_version: int, archive_version: int, platform: Platform | None = None) -> tuple[Release, ...]:
    """The releases whose limits admit these version numbers, per platform from the oldest to the newest."""
    return tuple(
        release
        for release in load_releases()
        if platform in {None, release.platform} and release.accepts(bytecode_version, archive_version)
    )


def recommend(
    bytecode_version: int, archive_version: int, torch_version: str = "", made_for: Sequence[str] = ()
) -> Recommendation:
    """The releases that fit a file best.

    Of those that admit the version numbers: the newest of the line (major and minor number) of the torch that made the
    file, else the nearest newer one, else the newest. Releases with unsure limits are never recommended. An empty
    `torch_version` means unknown. Debian's 1.13.1 calls itself `1.13.0a0`; its line is what counts. A file that was
    made for releases (labels) is for the line of the newest of them, also on the other platform: there, the same
    sources have been built.
    """
    lines = [line for label in made_for if (line := _line(re.split("[: ]", label)[-1]))]
    line = max(lines, default=_line(torch_version))
    android = _best("android", bytecode_version, archive_version, line)
    ios = _best("ios", bytecode_version, archive_version, line)
    return Recommendation(
        android=android,
        ios=ios,
        oldest_android=_oldest("android", bytecode_version, archive_version),
        oldest_ios=_oldest("ios", bytecode_version, archive_version),
        gradle=_gradle(android),
        podfile=(f"pod '{ios.artifact}', '~> {ios.version}'",) if ios else (),
        notes=(
            *_notes("android", android, line),
            *_notes("ios", ios, line),
            CAVEAT,
        ),
    )


def _line(torch_version: str) -> tuple[int, int] | None:
    match = re.match(r"(\d+)\.(\d+)", torch_version)
    return (int(match[1]), int(match[2])) if match else None


def _sure(platform: Platform, bytecode_version: int, archive_version: int) -> list[Release]:
    return [
        release for release in accepting(bytecode_version, archive_version, platform) if release.evidence != "unsure"
    ]


def _oldest(platform: Platform, bytecode_version: int, archive_version: int) -> Release | None:
    return next(iter(_sure(platform, bytecode_version, archive_version)), None)


def _best(
    platform: Platform, bytecode_version: int, archive_version: int, line: tuple[int, int] | None
) -> Release | None:
    fitting = _sure(platform, bytecode_version, archive_version)
    if not fitting:
        return None
    chosen = fitting[-1].line
    if line is not None:
        chosen = min((release.line for release in fitting if release.line >= line), default=chosen)
    return [release for release in fitting if release.line == chosen][-1]


def _gradle(android: Release | None) -> tuple[str, ...]:
    if android is None:
        return ()
    torchvision = android.artifact.replace("pytorch_android_lite", "pytorch_android_torchvision_lite")
    return tuple(f"implementation '{artifact}:{android.version}'" for artifact in (android.artifact, torchvision))


def _notes(platform: Platform, release: Release | None, line: tuple[int, int] | None) -> list[str]:
    name = _PLATFORM_NAMES[platform]
    if release is None:
        return [f"No published {name} runtime admits the file's version numbers."]
    notes = [f"{name} {release.version}: {note}" for note in release.notes]
    if line is not None and line > release.line:
        made_by = ".".join(map(str, line))
        notes.append(
            f"{name} {release.version} is older than torch {made_by}, which made the file: "
            "it may lack operators, or know them with fewer arguments."
        )
    return notes
