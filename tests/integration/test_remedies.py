"""Which other builds are tried where one did not verify, and which of them what was seen makes hopeless."""

from __future__ import annotations

from collections.abc import Callable

from ptmobile.editions import Build, Edition
from ptmobile.result import Failure, OutputComparison, Problem
from ptmobile.spec.conversion import OPTIMIZER_PASSES, ConversionSpec
from ptmobile.worker.verdicts.built import Built
from ptmobile.worker.verdicts.remedies import remedies

FOLDS = "CONV_BN_FUSION"
SPEC = ConversionSpec(model="torchvision:alexnet")
Outcome = Callable[[Build], tuple[str, str]]


def outcome(build: Build, stage: str, words: str) -> Built:
    """A build that failed at a stage, and how its outputs differ (not at all compared where that is empty)."""
    failure = Failure(kind="mismatch", stage=build.key(stage), problem=Problem(title="It differs", message="by much"))
    differs = (OutputComparison(output=words, equal=False, passed=False),) if words else ()
    return Built(build, failure, differs=differs)


def tried(first: Build, ends: Outcome) -> list[Build]:
    """All builds that are tried after the first one, if each ends as ``ends`` says."""
    builds = [outcome(first, *ends(first))]
    for build in remedies(SPEC, builds):
        builds.append(outcome(build, *ends(build)))  # noqa: PERF401 - what is in the list so far is looked at
    return [built.build for built in builds[1:]]


def left_out(builds: list[Build]) -> list[tuple[str, ...]]:
    return [build.blocklist for build in builds]


SCRIPT = Build(method="script", edition=Edition())
TRACE = Build(method="trace", edition=Edition())
ONE_BY_ONE: list[tuple[str, ...]] = [(name,) for name in OPTIMIZER_PASSES]


def test_where_freezing_is_wrong_only_what_it_does_itself_is_left_out() -> None:
    found = tried(TRACE, lambda build: ("frozen", "all the same"))
    assert left_out(found) == [(FOLDS,), ()]
    assert [build.optimise for build in found] == [True, False]
    assert [build.attempt for build in found] == [1, 2]


def test_where_freezing_is_right_without_its_fold_pairs_with_it_are_tried() -> None:
    found = tried(TRACE, lambda build: ("optimised" if FOLDS in build.blocklist else "frozen", ""))
    assert left_out(found)[0] == (FOLDS,)
    assert all(FOLDS in names for names in left_out(found)[:-1])
    assert len(found) == len(OPTIMIZER_PASSES) + 1


def test_a_script_that_was_not_frozen_may_be() -> None:
    found = tried(SCRIPT, lambda build: ("frozen" if build.freeze else "optimised", "other numbers"))
    assert found[0].freeze
    assert left_out(found)[1 : len(ONE_BY_ONE) + 1] == ONE_BY_ONE


def test_passes_that_change_nothing_are_in_no_pair() -> None:
    guilty = ("INSERT_FOLD_PREPACK_OPS", "FUSE_ADD_RELU")

    def ends(build: Build) -> tuple[str, str]:
        return "optimised", f"without {sorted({*build.blocklist} & {*guilty})}"

    found = left_out(tried(TRACE, ends))
    assert found[: len(ONE_BY_ONE)] == ONE_BY_ONE
    [pair, nothing] = found[len(ONE_BY_ONE) :]
    assert set(pair) == {*guilty}
    assert nothing == ()


def test_after_crashes_all_pairs_are_tried() -> None:
    count = len(OPTIMIZER_PASSES)
    assert len(tried(TRACE, lambda _: ("optimised", ""))) == count + count * (count - 1) // 2 + 1
