"""From the options `runtime` and `backport-to` to releases, and the list of releases as text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ptmobile.runtimes.choosing import Backports, Choice, backports, choose_runtimes, find_release
from ptmobile.runtimes.detection import Detection, find_declared_runtimes
from ptmobile.runtimes.listing import render_runtimes

APPS = Path(__file__).parents[1] / "data" / "apps"
NOTHING = Detection(found=(), notices=())
LITE = "org.pytorch:pytorch_android_lite"


def declared(root: Path, files: dict[str, str]) -> Choice:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return choose_runtimes("auto", find_declared_runtimes(root))


# --- runtime


def test_none() -> None:
    assert choose_runtimes("none", find_declared_runtimes(APPS)) == Choice()


@pytest.mark.parametrize(
    ("option", "label"),
    [
        ("1.12.2", f"{LITE}:1.12.2"),
        (" 1.11 ", f"{LITE}:1.11"),
        ("pytorch_android_lite:1.9.0", f"{LITE}:1.9.0"),
        (f"{LITE}:1.9.0", f"{LITE}:1.9.0"),
        ("LibTorch-Lite:1.9.0", "LibTorch-Lite 1.9.0"),
        ("LibTorch-Lite 1.13.0.1", "LibTorch-Lite 1.13.0.1"),
        ("1.13.0.1", "LibTorch-Lite 1.13.0.1"),
    ],
)
def test_a_release(option: str, label: str) -> None:
    choice = choose_runtimes(option, find_declared_runtimes(APPS))
    [target] = choice.targets
    assert target.release is not None
    assert (target.label, target.release.label, target.places) == (label, label, ("the option runtime",))
    assert choice.problem == ""


@pytest.mark.parametrize(
    ("option", "near"),
    [
        ("1.12.3", "; did you mean '1.12.2'?"),
        ("1.1", "; did you mean '1.10.0'?"),
        ("newest", ""),
        ("", ""),
        ("x:1.9.0", "; did you mean '1.9.0'?"),
    ],
)
def test_no_release(option: str, near: str) -> None:
    choice = choose_runtimes(option, NOTHING)
    assert choice.targets == ()
    assert choice.problem == (
        f"given {option!r}, which is no published release; allowed: auto, none, or a published release "
        f"(1.9.0, 1.10.0, 1.11, 1.12, 1.12.1, 1.12.2, 1.13.0, 1.13.1, 2.1.0){near}"
    )


def test_auto_takes_all_apps() -> None:
    choice = choose_runtimes("AUTO", find_declared_runtimes(APPS / "monorepo"))
    assert [(target.label, target.apps, target.places) for target in choice.targets] == [
        (f"{LITE}:1.9.0", ("apps/camera",), ("apps/camera/app/build.gradle:3",)),
        (f"{LITE}:1.12.2", ("apps/reader/android",), ("apps/reader/android/app/build.gradle.kts:3",)),
        ("LibTorch-Lite 1.12.0", ("apps/reader/ios",), ("apps/reader/ios/Podfile:2",)),
    ]
    [notice] = choice.notices
    said = "apps/reader/ios/Podfile:2 declares LibTorch-Lite ~> 1.12.0, a range; 1.12.0, the newest release that fits,"
    assert notice == f"{said} is taken."


def test_apps_with_the_same_runtime_share_a_target(tmp_path: Path) -> None:
    script = f"api '{LITE}:1.9.0'"
    choice = declared(tmp_path, {"one/build.gradle": script, "two/build.gradle": script})
    [target] = choice.targets
    assert target.apps == ("one", "two")
    assert target.places == ("one/build.gradle:1", "two/build.gradle:1")


def test_a_dynamic_version_is_said_to_be_one(tmp_path: Path) -> None:
    choice = declared(tmp_path, {"build.gradle": f"api '{LITE}:1.+'", "Podfile": "pod 'LibTorch-Lite'"})
    assert [(target.version, target.certainty) for target in choice.targets] == [
        ("1.13.1", "dynamic"),
        ("2.1.0", "dynamic"),
    ]
    taken = "the newest release that fits, is taken."
    assert set(choice.notices) == {
        f"build.gradle:1 declares {LITE} 1.+, a dynamic version; 1.13.1, {taken}",
        f"Podfile:1 declares LibTorch-Lite any version, a dynamic version; 2.1.0, {taken}",
    }


def test_a_version_nobody_knows_is_left_to_the_library(tmp_path: Path) -> None:
    choice = declared(tmp_path, {"build.gradle": f"api '{LITE}:1.13.0-ours'"})
    [target] = choice.targets
    assert (target.version, target.release) == ("1.13.0-ours", None)
    assert "is not among the published releases we know" in choice.notices[0]


def test_what_gives_no_target(tmp_path: Path) -> None:
    choice = declared(
        tmp_path,
        {
            "a/build.gradle": f'api "{LITE}:$x"',
            "b/build.gradle": "api 'org.pytorch:pytorch_android:1.8.0'",
            "c/Podfile": "pod 'LibTorch-Lite', '~> 1.13.1'",
            "d/build.gradle": "api 'org.pytorch:torchvision_ops:0.10.0'",
        },
    )
    assert choice.targets == ()
    unknown, full, range_, nothing = choice.notices
    assert unknown == f"a/build.gradle:1 declares {LITE} $x; which version that is could not be found out."
    assert full.startswith("b/build.gradle:1 declares org.pytorch:pytorch_android 1.8.0, the full library;")
    assert range_ == "c/Podfile:1 declares LibTorch-Lite ~> 1.13.1, which no published release fits."
    assert nothing.endswith("so there is none to check against.")


def test_apps_that_ship_the_operators_of_torchvision(tmp_path: Path) -> None:
    lines = f"api '{LITE}:1.12.2'"
    ops = "api 'org.pytorch:torchvision_ops:0.13.1'"
    [target] = declared(tmp_path, {"a/build.gradle": f"{lines}\n{ops}"}).targets
    assert target.operators == "org.pytorch:torchvision_ops:0.13.1"
    # Another app on the same release does without, and the file is for both.
    [target] = declared(tmp_path, {"b/build.gradle": lines}).targets
    assert (target.apps, target.operators) == (("a", "b"), "")
    [target] = choose_runtimes("1.12.2", find_declared_runtimes(tmp_path)).targets
    assert target.operators == ""


def test_a_fallback() -> None:
    choice = choose_runtimes("auto", NOTHING, fallback="1.12.2")
    assert [target.version for target in choice.targets] == ["1.12.2"]
    assert choice.notices == (
        f"No app in the workspace declares a lite runtime of PyTorch Mobile; {LITE}:1.12.2 is taken.",
    )
    assert choose_runtimes("auto", NOTHING).targets == ()
    assert choose_runtimes("auto", find_declared_runtimes(APPS / "groovy"), fallback="1.12.2").notices == ()


def test_every_release_finds_itself() -> None:
    assert find_release("1.12") is not None
    assert find_release("1.12.0") == find_release("LibTorch-Lite:1.12.0")


# --- backport-to


def brief(found: Backports) -> list[tuple[int, list[str]]]:
    return [(one.bytecode_version, [release.label for release in one.releases]) for one in found.targets]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", []),
        ("5", [(5, [])]),
        ("1.9.0", [(5, [f"{LITE}:1.9.0"])]),
        ("5, 1.9.0\n7 1.10.0,1.11", [(7, [f"{LITE}:1.10.0", f"{LITE}:1.11"]), (5, [f"{LITE}:1.9.0"])]),
        ([5, "1.10.0", "1.10.0", 4], [(7, [f"{LITE}:1.10.0"]), (5, []), (4, [])]),
        ([1.11], [(7, [f"{LITE}:1.11"])]),
        ("LibTorch-Lite:1.9.0", [(5, ["LibTorch-Lite 1.9.0"])]),
    ],
)
def test_backports(given: str | list[object], expected: list[tuple[int, list[str]]]) -> None:
    found = backports(given)
    assert brief(found) == expected
    assert found.problems == ()


ALLOWED = "allowed: bytecode 4 to 7, or a release that reads nothing newer"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("8", f"given 8, but the file has bytecode 8 already; {ALLOWED}"),
        ("9", f"given 9, but the file has bytecode 8 already; {ALLOWED}"),
        ("3", f"given 3, but torch goes back to 4 only; {ALLOWED}"),
        ("1.12.2", f"given 1.12.2, but {LITE}:1.12.2 reads bytecode 4 to 9 and so the file as it is (8); {ALLOWED}"),
        ("2.0.0", f"given '2.0.0', which is no published release; {ALLOWED} (1.9.0, 1.10.0, 1.11, 1.12, "),
        ("-5", "given '-5', which is no published release"),
        ("²", "given '²', which is no published release"),
    ],
)
def test_impossible_backports(given: str, problem: str) -> None:
    found = backports(f"5, {given}")
    assert brief(found) == [(5, [])]
    [said] = found.problems
    assert said.startswith(problem)


def test_backports_of_an_older_file() -> None:
    assert brief(backports("1.9.0", produced=7)) == [(5, [f"{LITE}:1.9.0"])]
    assert "already" in backports("7", produced=7).problems[0]
    assert "as it is (7)" in backports("1.10.0", produced=7).problems[0]


# --- the list


def test_the_list() -> None:
    text = render_runtimes()
    lines = text.splitlines()
    assert text.endswith("\n")
    assert lines[0] == "Android: org.pytorch:pytorch_android_lite"
    assert re.split(r"\s{2,}", lines[2].strip()) == [
        *("1.9.0", "2021-06-15", "3 to 5", "up to 6", "asked", "2,641", "asked"),
        *("FFT (run), LAPACK (run)", "4 KB (asked)"),
    ]
    assert "up to 4,258" in text
    assert "iOS: LibTorch-Lite" in text
    assert text.count("The last release.") == 2
    assert "uint8, int8, int32, int64, float32, float64" in text
    assert all(kind in text for kind in ("run ", "asked ", "desktop ", "inferred "))
