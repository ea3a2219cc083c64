"""Outputs read as scores of classes: which rows agree, which tie, and what is said of them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from ptmobile.result import Decision
from ptmobile.worker.comparing.pairs import load_from
from ptmobile.worker.comparing.scales import Loader
from ptmobile.worker.evidence.decisions import Choices, decision_notices, decisions
from ptmobile.worker.values.files import save_tree
from ptmobile.worker.values.trees import flatten

NAN = math.nan


def chosen(expected: list[list[float]], actual: list[list[float]]) -> Decision:
    e, a = torch.tensor(expected, dtype=torch.float64), torch.tensor(actual, dtype=torch.float64)
    choices = Choices(e.shape[1])
    choices.add(e, a)
    return choices.decision("out", "lite (script)")


@pytest.fixture
def load(tmp_path: Path) -> Loader:
    return load_from(tmp_path)


def stored(folder: Path, variant: str, *values: object) -> None:
    (folder / variant).mkdir()
    for number, value in enumerate(values):
        save_tree(flatten(value), folder / variant / str(number))


def test_a_class_that_changes_is_counted() -> None:
    found = chosen([[1.0, 2.0, 3.0], [5.0, 4.0, 3.0]], [[1.0, 2.0, 3.0], [4.0, 4.5, 3.0]])
    assert (found.rows, found.top1, found.unstable, found.ties) == (2, 1, 1, 0)
    assert (found.margin, found.difference) == (1.0, 1.0)


def test_a_tie_in_eager_is_no_disagreement() -> None:
    found = chosen([[2.0, 2.0, 1.0], [3.0, 3.0, 3.0]], [[2.0, 2.1, 1.0], [1.0, 2.0, 3.0]])
    assert (found.rows, found.ties, found.top1, found.margin) == (0, 2, 0, None)
    (notice,) = decision_notices([found], {"lite (script)"})
    assert notice.level == "notice"
    assert "In each of the 2 rows of out several classes share the highest score" in notice.message


def test_a_tie_at_the_fifth_place_is_no_disagreement() -> None:
    eager = [[9.0, 8.0, 7.0, 6.0, 5.0, 5.0, 1.0]]
    assert chosen(eager, [[9.0, 8.0, 7.0, 6.0, 5.0, 5.5, 1.0]]).top5 == 1
    assert chosen(eager, [[9.0, 8.0, 7.0, 6.0, 5.0, 5.0, 5.5]]).top5 == 0
    assert chosen([[1.0, 2.0, 3.0, 4.0, 5.0]], [[1.0, 2.0, 3.0, 4.0, 5.0]]).top5 is None


def test_nan_chooses_nothing_in_eager_and_is_wrong_in_the_file() -> None:
    found = chosen([[1.0, NAN], [1.0, 2.0]], [[1.0, 2.0], [NAN, 2.0]])
    assert (found.rows, found.top1, found.unstable, found.difference) == (1, 0, 1, None)


def test_infinite_scores_are_scores() -> None:
    found = chosen([[-math.inf, 2.0], [math.inf, math.inf]], [[-math.inf, 2.0], [math.inf, math.inf]])
    assert (found.rows, found.top1, found.ties, found.margin, found.difference) == (1, 1, 1, None, 0.0)


def test_a_margin_within_the_difference_is_told_although_the_class_is_the_same() -> None:
    found = chosen([[1.0, 1.0 + 2e-8]], [[1.0 - 3e-7, 1.0 + 2e-8]])
    assert (found.top1, found.unstable) == (1, 1)
    (notice,) = decision_notices([found], {"lite (script)"})
    assert notice.level == "notice"
    assert "decision unstable" in notice.message
    assert "ahead by a margin of 2e-08 in a row whose scores differ by up to 3e-07" in notice.message


def test_another_class_is_a_warning_only_where_the_numbers_agree() -> None:
    found = chosen([[1.0, 1.0 + 2e-8]], [[1.0 + 3e-7, 1.0 + 2e-8]])
    (warning,) = decision_notices([found], {"lite (script)"})
    assert warning.level == "warning"
    assert warning.message.endswith("lite (script) chooses another class than eager in 1 of 1.")
    assert not list(decision_notices([found], set()))  # a mismatch says more


def test_few_positions_of_an_image_are_a_notice() -> None:
    few = Decision(
        output="out", candidate="c", classes=21, rows=10_000, ties=0, top1=9_995, top5=None, margin=1e-9,
        difference=1e-7, unstable=7, dense=True,
    )  # fmt: skip
    assert [notice.level for notice in decision_notices([few], {"c"})] == ["notice"]


def test_margin_and_difference_are_of_one_row() -> None:
    """A large row that differs by much and is decided by more says nothing about a small one."""
    found = chosen([[1e6, 0.0], [1.0, 1.5], [0.0, 2.0]], [[1e6 + 1, 0.0], [1.0, 1.5 - 1e-3], [0.0, 2.0]])
    assert (found.margin, found.unstable) == (0.5, 0)
    assert found.difference == pytest.approx(1e-3)


def test_a_stable_choice_is_not_worth_a_word() -> None:
    assert not list(decision_notices([chosen([[1.0, 2.0]], [[1.0, 2.0 + 1e-7]])], {"lite (script)"}))


@pytest.mark.parametrize(
    ("value", "classes", "rows"),
    [
        (torch.arange(6.0), 6, 1),
        (torch.arange(6.0).reshape(2, 3), 3, 2),
        (torch.arange(24.0).reshape(2, 2, 6), 6, 4),
        (torch.arange(2 * 7 * 6.0).reshape(2, 7, 3, 2), 7, 12),
    ],
)
def test_what_looks_like_scores(load: Loader, tmp_path: Path, value: torch.Tensor, classes: int, rows: int) -> None:
    stored(tmp_path, "eager", value, value)
    stored(tmp_path, "other", value, value.flip(1 if value.dim() == 4 else -1))
    (found,) = decisions(load, [0, 1], "eager", ["other"])
    assert (found.classes, found.rows, found.top1) == (classes, 2 * rows, rows)
    assert found.dense == (value.dim() > 2)


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(0, 5),
        torch.rand(3, 1),
        torch.tensor(1.0),
        torch.rand(1, 3, 4, 4),
        torch.rand(1, 7, 2, 2, 2),
        torch.ones(2, 5, dtype=torch.int64),
        torch.rand(2, 5) > 0.5,
        {"boxes": torch.rand(6, 4)},
        "text",
    ],
    ids=["empty", "one class", "a number", "colours", "a volume", "integers", "booleans", "boxes", "text"],
)
def test_what_does_not(load: Loader, tmp_path: Path, value: object) -> None:
    stored(tmp_path, "eager", value)
    stored(tmp_path, "other", value)
    assert decisions(load, [0], "eager", ["other"]) == ()


def test_other_shapes_are_left_to_the_comparison(load: Loader, tmp_path: Path) -> None:
    stored(tmp_path, "eager", (torch.rand(2, 5), torch.rand(2, 5)))
    stored(tmp_path, "other", (torch.rand(3, 5), torch.rand(2, 5)))
    assert [found.output for found in decisions(load, [0], "eager", ["other"])] == ["out[1]"]
    assert decisions(load, [], "eager", ["other"]) == ()
