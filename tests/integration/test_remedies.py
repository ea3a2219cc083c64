"""Which other builds are tried where one did not verify, and which of them what was seen makes needless."""

from __future__ import annotations

from collections.abc import Callable, Set
from itertools import combinations
from random import Random

import pytest
from msgspec.structs import replace

from ptmobile.editions import Build, Edition
from ptmobile.result import Failure, Notice, OutputComparison, Problem, WorkerFile
from ptmobile.spec.conversion import OPTIMIZER_PASSES, ConversionSpec, OptimizerPass
from ptmobile.worker.verdicts.built import Built
from ptmobile.worker.verdicts.pass_search import Search

FOLDS = "CONV_BN_FUSION"
ALL: tuple[OptimizerPass, ...] = OPTIMIZER_PASSES
SPEC = ConversionSpec(model="torchvision:alexnet")
SCRIPT = Build(method="script", edition=Edition())
TRACE = Build(method="trace", edition=Edition())
ONE_BY_ONE: list[tuple[str, ...]] = [(name,) for name in ALL]
#: The stage at which a build fails, and how its outputs differ (not compared where that is empty); None if it verifies.
Ends = Callable[[Build], tuple[str, str] | None]


def outcome(build: Build, end: tuple[str, str] | None) -> Built:
    if end is None:
        file = WorkerFile(path="x.ptl", method=build.method, optimised=build.optimise, verified=True)
        return Built(build, file=file)
    stage, words = end
    failure = Failure(kind="mismatch", stage=build.key(stage), problem=Problem(title="It differs", message="by much"))
    differs = (OutputComparison(output=words, equal=False, passed=False),) if words else ()
    return Built(build, failure, differs=differs)


def searched(first: Build, ends: Ends, *, most: int = 100) -> tuple[Search, list[Build]]:
    """The search after ``first``, and the builds that it made, if each ends as ``ends`` says."""
    search = Search(SPEC, outcome(first, ends(first)))
    builds: list[Build] = []
    for attempt in search.attempts():
        if len(builds) == most:
            break
        if search.known(attempt.build) is None:
            builds.append(attempt.build)
        search.learn(attempt, outcome(attempt.build, ends(attempt.build)))
    return search, builds


def left_out(builds: list[Build]) -> list[tuple[str, ...]]:
    return [build.blocklist for build in builds]


def crashes_unless(guilty: Set[str]) -> Ends:
    """Nothing runs unless all the guilty passes are left out."""
    return lambda build: None if not build.optimise or guilty <= {*build.blocklist} else ("optimised", "")


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_the_fewest_passes_are_left_out_whichever_they_are(size: int) -> None:
    for guilty in combinations(ALL, size):
        search, builds = searched(TRACE, crashes_unless({*guilty}))
        assert {*search.best.build.blocklist} == {*guilty}
        assert search.best.build.optimise
        assert len({build.target for build in builds}) == len(builds) == len({*left_out(builds)})
        assert len(builds) <= 12
        assert len(searched(SCRIPT, crashes_unless({*guilty}))[1]) <= 13


def test_of_several_ways_the_one_that_leaves_out_less_is_taken() -> None:
    """Either these three passes or those two: no pass has to go in any case."""
    ways = ({*ALL[:3]}, {*ALL[3:]})
    search, _ = searched(
        TRACE, lambda build: None if any(way <= {*build.blocklist} for way in ways) else ("optimised", "")
    )
    assert search.best.build.blocklist == ALL[3:]


def test_whatever_helps_if_it_is_left_out_the_smallest_of_it_is_found() -> None:
    random = Random(7)
    sets = [{*chosen} for size in range(1, 6) for chosen in combinations(ALL, size)]
    for _ in range(300):
        ways = random.sample(sets, random.randint(2, 6))

        def ends(build: Build, ways: list[set[OptimizerPass]] = ways) -> tuple[str, str] | None:
            return None if any(way <= {*build.blocklist} for way in ways) else ("optimised", "")

        search, _ = searched(TRACE, ends)
        assert len(search.best.build.blocklist) == min(map(len, ways))


def test_where_leaving_out_all_of_them_does_not_help_nothing_less_is_tried() -> None:
    search, builds = searched(TRACE, lambda build: ("optimised", "") if build.optimise else None)
    assert left_out(builds) == [ALL, ()]
    assert [build.optimise for build in builds] == [True, False]
    assert [build.attempt for build in builds] == [1, 2]
    assert not search.best.build.optimise


def test_where_freezing_is_wrong_only_sets_without_its_fold_are_tried() -> None:
    guilty = {FOLDS, "FUSE_ADD_RELU"}

    def ends(build: Build) -> tuple[str, str] | None:
        if FOLDS not in build.blocklist:
            return "frozen", "all the same"
        return None if guilty <= {*build.blocklist} else ("optimised", "")

    search, builds = searched(TRACE, ends)
    assert left_out(builds)[:2] == [ALL, (FOLDS,)]
    assert all(FOLDS in names for names in left_out(builds))
    assert {*search.best.build.blocklist} == guilty
    assert left_out(searched(replace(TRACE, blocklist=(FOLDS,)), lambda build: ("frozen", ""))[1]) == [()]


def test_a_script_is_frozen_first_and_then_also_with_passes_left_out() -> None:
    def ends(build: Build) -> tuple[str, str] | None:
        if not build.freeze:
            return "optimised", "views are merged"
        return None if "INSERT_FOLD_PREPACK_OPS" in build.blocklist else ("optimised", "NaN is zero")

    search, builds = searched(SCRIPT, ends)
    assert [(build.freeze, build.blocklist) for build in builds[:3]] == [(True, ()), (False, ALL), (True, ALL)]
    assert search.best.build.freeze
    assert search.best.build.blocklist == ("INSERT_FOLD_PREPACK_OPS",)
    assert search.best.build.remedy.startswith("frozen before it is optimised, and without the pass INSERT_FOLD")


def test_passes_that_change_nothing_are_in_no_set() -> None:
    guilty = ("INSERT_FOLD_PREPACK_OPS", "FUSE_ADD_RELU")

    def ends(build: Build) -> tuple[str, str] | None:
        left = {*guilty} - {*build.blocklist}
        return ("optimised", f"spoilt by {sorted(left)}") if left else None

    _, builds = searched(TRACE, ends)
    assert left_out(builds) == [ALL, *ONE_BY_ONE, guilty]


def test_passes_that_change_nothing_alone_are_tried_where_the_others_do_not_suffice() -> None:
    guilty = {"INSERT_FOLD_PREPACK_OPS", "FUSE_ADD_RELU"}

    def ends(build: Build) -> tuple[str, str] | None:
        if guilty <= {*build.blocklist}:
            return None
        return "optimised", "other numbers" if build.blocklist == ("FUSE_ADD_RELU",) else "the same"

    search, _ = searched(TRACE, ends)
    assert {*search.best.build.blocklist} == guilty


def test_when_the_time_is_up_the_least_changed_build_that_verified_is_the_best() -> None:
    guilty = {*ALL[:3]}
    search, _ = searched(TRACE, crashes_unless(guilty), most=1)
    assert search.best.build.blocklist == ALL
    assert not search.finished(search.best)
    search, _ = searched(TRACE, crashes_unless(guilty), most=1 + len(ALL) + len(ALL))
    assert len(search.best.build.blocklist) == len(ALL) - 1
    search, _ = searched(TRACE, crashes_unless(guilty), most=0)
    assert search.best.build == TRACE
    assert search.told == ()


def test_a_build_with_a_warning_is_better_than_none() -> None:
    search = Search(SPEC, outcome(TRACE, ("saved", "")))
    for attempt in search.attempts():
        built = outcome(attempt.build, None)
        built.notices.append(Notice(level="warning", code="device-abi", message="wrong on x86_64 alone"))
        search.learn(attempt, built)
    assert search.best.verified
    assert not search.best.build.optimise


def test_all_that_was_tried_is_told_in_order() -> None:
    search, builds = searched(TRACE, crashes_unless({*ALL[1:3]}))
    assert [tried.target for tried in search.told] == ["", *(build.target for build in builds)]
    assert [tried.what for tried in search.told[:3]] == [
        "as asked for",
        f"optimised without the passes {', '.join(ALL[:-1])} and {ALL[-1]}",
        f"optimised without the pass {ALL[0]}",
    ]
    assert search.told[0].reason == "It differs"
    assert search.told[-1].verified


@pytest.mark.parametrize("stage", ["lowered", "device 1.12.2 x86_64", "traced"])
def test_what_the_optimiser_has_no_part_in_is_not_tried_otherwise(stage: str) -> None:
    assert searched(TRACE, lambda _: (stage, ""))[1] == []
