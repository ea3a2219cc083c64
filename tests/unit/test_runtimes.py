"""The table of published runtimes, and which of them is recommended for a file."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from ptmobile.runtimes import Recommendation, accepting, load_releases, recommend
from ptmobile.runtimes.releases import CAVEAT


def versions(bytecode: int, archive: int, platform: str) -> list[str]:
    return [release.version for release in accepting(bytecode, archive, platform)]  # type: ignore[arg-type]


def test_the_table_is_complete_and_in_order() -> None:
    by_platform = {
        platform: [release.version for release in load_releases() if release.platform == platform]
        for platform in ("android", "ios")
    }
    assert by_platform == {
        "android": ["1.9.0", "1.10.0", "1.11", "1.12", "1.12.1", "1.12.2", "1.13.0", "1.13.1", "2.1.0"],
        "ios": ["1.9.0", "1.10.0", "1.11.0", "1.12.0", "1.13.0", "1.13.0.1", "2.1.0"],
    }


def test_the_table_makes_sense() -> None:
    for release in load_releases():
        assert 3 <= release.bytecode_min <= release.bytecode_max <= 9
        assert 6 <= release.archive_max <= 10
        assert release.date is None or dt.date.fromisoformat(release.date).year >= 2021
        assert all(note.endswith((".", ").")) for note in release.notes)
        # What aborts on debug records says so, and only that.
        assert any("debug_pkl" in note for note in release.notes) == (release.line <= (1, 11))


def test_what_was_measured() -> None:
    measured = {release.label: release for release in load_releases() if release.evidence == "measured"}
    assert set(measured) == {"org.pytorch:pytorch_android_lite:1.9.0", "org.pytorch:pytorch_android_lite:1.12.2"}
    old = measured["org.pytorch:pytorch_android_lite:1.9.0"]
    assert [old.accepts(bytecode, 6) for bytecode in (2, 3, 5, 6)] == [False, True, True, False]
    assert not old.accepts(5, 7)
    newer = measured["org.pytorch:pytorch_android_lite:1.12.2"]
    assert [newer.accepts(bytecode, 10) for bytecode in (3, 4, 8, 9, 10)] == [False, True, True, True, False]
    assert not newer.accepts(8, 11)


def test_accepting() -> None:
    assert versions(8, 10, "android") == ["1.12.1", "1.12.2", "1.13.0", "1.13.1", "2.1.0"]
    assert versions(8, 10, "ios") == ["1.12.0", "1.13.0", "1.13.0.1", "2.1.0"]
    assert versions(7, 6, "android")[0] == "1.10.0"
    assert versions(5, 10, "android")[0] == "1.12.1"  # a backported GELU: only its bytecode is old
    assert versions(8, 11, "android") == []
    assert len(accepting(4, 3)) == len(load_releases())


@pytest.mark.parametrize("torch_version", ["1.13.1", "1.13.0a0", "1.13.0a0+gitunknown", "1.13"])
def test_the_pinned_torch(torch_version: str) -> None:
    found = recommend(8, 3, torch_version)
    assert found.gradle == (
        "implementation 'org.pytorch:pytorch_android_lite:1.13.1'",
        "implementation 'org.pytorch:pytorch_android_torchvision_lite:1.13.1'",
    )
    assert found.podfile == ("pod 'LibTorch-Lite', '~> 1.13.0.1'",)
    assert found.oldest_android is not None
    assert found.oldest_android.version == "1.12.1"
    assert found.oldest_ios is not None
    assert found.oldest_ios.version == "1.12.0"


@pytest.mark.parametrize(
    ("bytecode", "archive", "torch_version", "android", "ios"),
    [
        (5, 6, "1.13.1", "1.13.1", "1.13.0.1"),  # its own line, although older ones would do
        (4, 3, "1.8.1", "1.9.0", "1.9.0"),  # no lite runtime of that line: the next one
        (8, 10, "2.0.1", "2.1.0", "2.1.0"),
        (8, 10, "2.5.0", "2.1.0", "2.1.0"),  # nothing newer: the last one
        (8, 10, "1.11.0", "1.12.2", "1.12.0"),
        (8, 10, "", "2.1.0", "2.1.0"),
        (7, 9, "1.12.1", "1.12.2", "1.12.0"),  # not the 1.12 of unsure limits
        (8, 11, "1.13.1", None, None),
    ],
)
def test_recommended(bytecode: int, archive: int, torch_version: str, android: str | None, ios: str | None) -> None:
    found = recommend(bytecode, archive, torch_version)
    assert (found.android.version if found.android else None) == android
    assert (found.ios.version if found.ios else None) == ios


@pytest.mark.parametrize(
    ("made_for", "android", "ios"),
    [
        (("org.pytorch:pytorch_android_lite:1.9.0",), "1.9.0", "1.9.0"),
        (("org.pytorch:pytorch_android_lite:1.9.0", "org.pytorch:pytorch_android_lite:1.10.0"), "1.10.0", "1.10.0"),
        (("LibTorch-Lite 1.11.0",), "1.11", "1.11.0"),
        (("app/libs/our-own.aar",), "1.13.1", "1.13.0.1"),
    ],
)
def test_a_file_that_was_made_for_a_release_is_for_its_line_on_both_platforms(
    made_for: tuple[str, ...], android: str, ios: str
) -> None:
    found = recommend(5, 3, "1.13.1", made_for)
    assert found.android is not None
    assert found.ios is not None
    assert (found.android.version, found.ios.version) == (android, ios)
    assert not any("older than torch" in note for note in found.notes)


def test_unsure_limits_are_never_relied_on() -> None:
    for bytecode in range(3, 10):
        for archive in range(3, 12):
            for line in ("", "1.8", "1.10", "1.11", "1.12", "1.13", "2.4"):
                found = recommend(bytecode, archive, line)
                for release in (found.android, found.ios, found.oldest_android, found.oldest_ios):
                    assert release is None or (release.evidence != "unsure" and release.accepts(bytecode, archive))


def test_the_words_are_honest() -> None:
    assert recommend(8, 3, "1.13.1").notes[-1] == CAVEAT
    assert "operator" in CAVEAT
    assert any("older than torch 2.5" in note for note in recommend(8, 10, "2.5.0").notes)
    assert not any("older than torch" in note for note in recommend(8, 10, "1.13.1").notes)
    assert any("16 KB" in note for note in recommend(8, 10, "2.5.0").notes)
    nothing = recommend(8, 99, "1.13.1")
    assert (nothing.gradle, nothing.podfile) == ((), ())
    assert len([note for note in nothing.notes if note.startswith("No published")]) == 2


def test_it_travels_as_json() -> None:
    found = recommend(8, 3, "1.13.1")
    assert msgspec.json.decode(msgspec.json.encode(found), type=Recommendation) == found
