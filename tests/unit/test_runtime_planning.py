"""Which files a model needs, for which releases."""

from __future__ import annotations

import pytest

from ptmobile.runtimes.choosing import backports
from ptmobile.runtimes.planning import Planned, Wanted, bytecode_for, default_wanted, plan_files

LITE = "org.pytorch:pytorch_android_lite"


def wanted(version: str, **fields: bool) -> Wanted:
    return Wanted(version, "as asked for", f"{LITE}:{version}", **fields)  # type: ignore[arg-type]


def plan(*versions: str, backport_to: str = "") -> dict[int, list[str]]:
    planned = plan_files([wanted(version) for version in versions], backports(backport_to).targets)
    return {one.bytecode_version: [each.release for each in one.wanted] for one in planned}


@pytest.mark.parametrize(
    ("versions", "backport_to", "expected"),
    [
        ((), "", {8: []}),
        (("1.12.2",), "", {8: ["1.12.2"]}),
        (("1.9.0",), "", {5: ["1.9.0"]}),
        (("1.10.0", "1.9.0"), "", {7: ["1.10.0"], 5: ["1.9.0"]}),
        (("1.9.0", "1.12.2", "1.13.1"), "", {8: ["1.12.2", "1.13.1"], 5: ["1.9.0"]}),
        ((), "1.9.0", {8: [], 5: ["1.9.0"]}),
        ((), "7, 5", {8: [], 7: ["1.10.0"], 5: ["1.9.0"]}),
        ((), "6 4", {8: [], 6: ["1.10.0"], 4: ["1.9.0"]}),
        (("1.9.0",), "1.9.0 5", {5: ["1.9.0"]}),
        (("1.9.0",), "7", {5: ["1.9.0"], 7: ["1.10.0"]}),
    ],
)
def test_the_main_file_first(versions: tuple[str, ...], backport_to: str, expected: dict[int, list[str]]) -> None:
    found = plan(*versions, backport_to=backport_to)
    assert (list(found), found) == (list(expected), expected)


def test_a_release_that_is_not_in_the_list_gets_the_file_as_it_is() -> None:
    assert bytecode_for(Wanted("9.9.9", "somewhere")) == 8


def test_who_decides_and_for_whom_something_is_rewritten() -> None:
    _, five = plan_files([], backports("5").targets)
    assert [one.decides for one in five.wanted] == [False]
    assert five.rewritten_for == (f"{LITE}:1.9.0",)
    _, named = plan_files([], backports("1.9.0").targets)
    assert [one.decides for one in named.wanted] == [True]
    assert named.wanted[0].found == "as backport-to asks"


def test_the_release_that_nobody_named() -> None:
    likely = default_wanted()
    assert (likely.release, likely.decides) == ("1.13.1", False)
    assert likely.instead[:2] == ("1.13.0", "1.12.2")
    assert Planned(8, (likely,)).rewritten_for == ()
