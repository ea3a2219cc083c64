"""Rows of a detector in another order, or that come and go: they fail, and the finding says what became of them."""

from __future__ import annotations

import torch
from test_comparing import compare
from torch import Tensor

from ptmobile.result import Comparison, Failure
from ptmobile.worker.verdicts.pairing import NEAR_TIES, mismatch

BOXES = torch.arange(24.0).reshape(6, 4) * 10
SCORES = torch.tensor([0.9, 0.7, 0.5000001, 0.5, 0.3, 0.1])
LABELS = torch.tensor([1, 2, 3, 4, 5, 6])


def detections(*rows: int, scores: Tensor = SCORES) -> list[dict[str, Tensor]]:
    at = torch.tensor(rows)
    return [{"boxes": BOXES[at], "labels": LABELS[at], "scores": scores[: len(rows)]}]


def told(comparison: Comparison) -> list[str]:
    assert not comparison.passed
    assert all(not finding.fails for finding in comparison.findings if finding.kind == "rows")
    return [f"{finding.output} {finding.message}" for finding in comparison.findings if finding.kind == "rows"]


def failure(comparison: Comparison) -> Failure:
    return mismatch(comparison, deterministic=True)


def test_two_boxes_that_have_changed_places() -> None:
    comparison = compare(detections(0, 1, 2, 3, 4, 5), detections(0, 1, 3, 2, 4, 5))
    [found] = told(comparison)
    assert found == (
        "out[0]['boxes'] has the same 6 rows in another order: row 2 is at 3, row 3 is at 2; their out[0]['scores'] "
        "differ by 1.2e-07 at most, so rounding decides which comes first"
    )
    problem = failure(comparison).problem
    assert found in problem.message
    assert problem.advice == NEAR_TIES


def test_a_box_that_is_missing() -> None:
    fewer = [{"boxes": BOXES[:5], "labels": LABELS[:5], "scores": SCORES[:5]}]
    comparison = compare(detections(0, 1, 2, 3, 4, 5), fewer)
    [found] = told(comparison)
    assert "has 5 of the 6 rows of the reference, 1 are missing and 0 new" in found
    assert failure(comparison).problem.advice == NEAR_TIES


def test_scores_that_are_not_equal_are_no_rows_in_another_order() -> None:
    swapped = detections(0, 1, 3, 2, 4, 5, scores=SCORES.clone())
    wrong = [{**swapped[0], "scores": torch.tensor([0.9, 0.7, 0.6, 0.5, 0.3, 0.1])}]
    [found] = told(compare(detections(0, 1, 2, 3, 4, 5), wrong))
    assert "in another order" not in found
    assert "has 5 of the 6 rows" in found


def test_rows_that_are_off_where_they_are_have_no_threshold() -> None:
    expected = detections(0, 1, 2, 3, 4, 5)
    assert told(compare(expected, [{**expected[0], "scores": SCORES + torch.tensor([0, 0, 0, 1e-3, 0, 0])}])) == []


def test_other_boxes_are_other_boxes() -> None:
    expected = detections(0, 1, 2, 3, 4, 5)
    assert told(compare(expected, [{**expected[0], "boxes": BOXES + 1}])) == []
    assert told(compare(expected, [{key: value[:0] for key, value in expected[0].items()}])) == []


def test_a_batch_of_which_one_row_is_wrong_has_no_threshold() -> None:
    wrong = BOXES.clone()
    wrong[2] += 1
    assert told(compare(BOXES, wrong)) == []


def test_a_batch_that_is_reversed() -> None:
    comparison = compare(BOXES[:2], BOXES[:2].flip(0))
    assert told(comparison) == ["out has the same 2 rows in another order: row 0 is at 1, row 1 is at 0"]
    assert failure(comparison).problem.advice != NEAR_TIES


def test_rows_that_are_all_alike_are_told_apart_by_nothing() -> None:
    alike, wrong = torch.ones(4, 2), torch.ones(4, 2)
    wrong[3] = 2
    assert told(compare({"x": alike}, {"x": wrong})) == []


def test_large_outputs_are_left_alone() -> None:
    big = torch.zeros(20_000, 2)
    assert told(compare(big, big + 1)) == []
