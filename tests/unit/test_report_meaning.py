"""What a difference means, in words: rounding errors, choices, latencies and costs."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from report_support import comparison, failure, model, report, result, shipped

from ptmobile.report.meaning import cost_words, meaning
from ptmobile.report.summary import summary_blocks
from ptmobile.result import (
    Comparison,
    Decision,
    Finding,
    Latency,
    ModelResult,
    NoiseFloor,
    OutputNoise,
    Problem,
    RepairCost,
    Stage,
    Timing,
)
from ptmobile.worker.evidence.noise.telling import failure_with_floor, failure_with_rows, with_floor

OWN, CHOICE, LATENCY = "The model's own rounding error", "Same class chosen", "Latency on this machine"
NOISE = OutputNoise(output="out", max_abs=2e-6, relative=1e-7, conversion=7.6e-6, multiple=3.8)
DECISION = Decision(
    output="out", candidate="lite (script)", classes=1000, rows=3, ties=0, top1=3, top5=3, margin=0.25,
    difference=7.6e-6, unstable=0,
)  # fmt: skip
TIMING = Timing(
    latencies=(
        Latency(variant="eager", seconds=0.0125, runs=20),
        Latency(variant="lite (script)", seconds=0.00625, runs=20),
    ),
    trial=0,
    ratio=0.5,
)


def said(**fields: Any) -> dict[str, str]:
    return dict(meaning(result(**fields)))


def summary(found: ModelResult, **fields: Any) -> str:
    return "".join(summary_blocks(report(model(found=found, **fields))))


def test_nothing_measured_nothing_said() -> None:
    assert said() == {}
    assert "rounding" not in summary(result())


def test_the_conversion_error_is_a_multiple_of_the_models_own() -> None:
    floor = NoiseFloor(trials=3, outputs=(NOISE,), jitter=0.0)
    assert said(noise=floor) == {
        OWN: "2e-6 in float32 against float64, 1e-7 of the largest value; the conversion error is 3.8 times that"
    }


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({"conversion": 0.0, "multiple": 0.0}, "; the conversion adds none"),
        ({"conversion": None, "multiple": None}, "of the largest value"),
        ({"max_abs": 0.0, "relative": 0.0, "multiple": None}, "float64; the conversion error is 7.6e-6"),
        ({"max_abs": None, "note": "its shape is [3] in float64"}, "not measured: its shape is [3] in float64"),
    ],
)
def test_what_there_is_no_multiple_of(fields: dict[str, Any], end: str) -> None:
    assert said(noise=NoiseFloor(trials=3, outputs=(replace(NOISE, **fields),)))[OWN].endswith(end)


def test_the_reason_and_the_jitter_are_said() -> None:
    assert said(noise=NoiseFloor(reason="It is quantised.", jitter=0.5)) == {
        OWN: "not measured: It is quantised; two runs of the same input with the same random state differ by 0.5"
    }


def test_the_jitter_is_a_multiple_of_the_models_own_error_too() -> None:
    shaken = replace(NOISE, jitter=1e-6, jitter_multiple=0.5)
    floor = NoiseFloor(trials=3, outputs=(shaken, replace(NOISE, output="b", jitter=0.0)), jitter=1e-6, jitter_trials=3)
    assert said(noise=floor)[OWN].endswith("random state differ by 1e-6, at most 0.5 times the model's own error")
    assert "| 3.8 | 1e-6 (0.5 times own) |  |" in summary(result(noise=floor))


def test_of_several_outputs_the_worst_is_named_and_all_are_in_a_table() -> None:
    worse = OutputNoise(output="out['b']", max_abs=1e-9, relative=1e-9, conversion=1e-6, multiple=1000.0)
    lost = OutputNoise(output="out['c']", note="it is not there in float64, so they cannot be compared")
    found = result(noise=NoiseFloor(trials=3, outputs=(NOISE, worse, lost)))
    assert dict(meaning(found))[OWN].startswith("1e-9 in float32 against float64 of out['b']")
    text = summary(found)
    assert "<details><summary>Rounding errors of the model itself</summary>" in text
    assert "| out | 2e-6 | 1e-7 | 7.6e-6 | 3.8 | - |  |" in text
    assert "| - | - | - | - | - | it is not there in float64, so they cannot be compared |" in text


def test_the_choices_of_the_last_variant_on_the_host_are_shown() -> None:
    others = [
        replace(DECISION, candidate=name, top1=0) for name in ("optimised (script)", "device 1.9.0 x86_64 (script)")
    ]
    found = said(decisions=(others[0], DECISION, others[1]))
    assert found == {
        CHOICE: "read as scores of 1,000 classes: in 3 of 3 rows, the first five in 3; the margin of the least safe "
        "row is 0.25, 3.3e+04 times its difference"
    }
    assert said(decisions=(replace(DECISION, rows=0, ties=3, top1=0, top5=0, margin=None),)) == {}
    few = replace(DECISION, classes=3, top5=None, ties=2, difference=0.0)
    assert said(decisions=(few,))[CHOICE] == (
        "read as scores of 3 classes: in 3 of 3 rows (2 more tie); the margin of the least safe row is 0.25"
    )


def test_a_latency_says_that_it_is_no_devices() -> None:
    assert said(timing=TIMING) == {
        LATENCY: "6.25\xa0ms, 0.50 times the eager model's 12.5\xa0ms (one thread, side by side; it says nothing "
        "about a device)"
    }
    assert "(one thread, run once; " in said(timing=replace(TIMING, warm=False))[LATENCY]
    assert said(timing=replace(TIMING, latencies=TIMING.latencies[:1])) == {}


def test_what_a_repair_costs() -> None:
    cost = RepairCost(latency_ratio=1.8, size_ratio=1.02)
    words = "It costs 1.80 times the latency on this machine and 1.02 times the size of the file as asked for"
    assert cost_words(cost).startswith(words)
    assert cost_words(replace(cost, latency_ratio=None)).startswith("It costs 1.02 times the size of")
    assert cost_words(RepairCost()) == cost_words(None) == ""
    text = summary(result(repair_cost=cost), file=shipped(remedy="frozen before it is optimised"))
    assert f"- 🔧 The file is frozen before it is optimised.\n- 🔧 {words}" in text


def test_a_stage_beside_the_roads_is_no_road_that_came_to_its_end() -> None:
    problem = Problem(title="The model's own rounding error is not known", message="It is quantised.")
    stages = (Stage(name="float64", status="skipped", problem=problem),)
    text = summary(result(stages=stages)).partition("<details><summary>Stages")
    assert "not known" not in text[0]
    assert "not known" in text[2]


def own(output: str, trial: int | None) -> float | None:
    return 2e-6 if output == "out" else None


def differing(max_abs: float) -> Comparison:
    return comparison("eager", "lite (script)", max_abs, passed=False)


@pytest.mark.parametrize(("max_abs", "told"), [(1.9e-5, True), (2.1e-5, False)])
def test_a_finding_near_the_floor_says_so(max_abs: float, told: bool) -> None:
    found = with_floor(differing(max_abs), own)
    assert ("the model's own rounding error in float32 is 2e-06" in found.findings[0].message) is told
    assert not found.passed
    problem = failure("mismatch", "lite (script)", "title", "It differs.", advice="Do this.")
    after = failure_with_floor(problem, [found], own)
    assert (after != problem) is told
    assert after.kind == "mismatch"
    if told:
        assert after.problem.message.endswith("the largest difference 9.5 times that.")
        assert after.problem.advice.startswith("Do this. The tolerance may be too tight")


def test_rows_that_float64_moves_too_are_the_models_own() -> None:
    rows = Finding(kind="rows", output="out", trial=0, message="has the same 10 rows in another order", fails=False)
    found = replace(differing(1e-3), findings=(rows,))
    problem = failure("mismatch", "lite (script)", "title", "It differs.")
    moved = "in trial 0 float64 has 9 of the 10 rows"
    told = failure_with_rows(problem, [found], {"out": moved})
    assert told.problem.message == f"It differs.\nThe model itself does that before it is converted: {moved}."
    assert failure_with_rows(problem, [found], {"other": moved}) == problem
    assert failure_with_rows(problem, [differing(1e-3)], {"out": moved}) == problem
    assert failure_with_rows(failure("load", "lite (script)", "t", "m"), [found], {"out": moved}).kind == "load"


def test_no_floor_no_word() -> None:
    found = differing(1e-6)
    assert with_floor(found, lambda output, trial: None) == found
    assert with_floor(found, lambda output, trial: 0.0) == found
    problem = failure("load", "eager", "title", "message")
    assert failure_with_floor(problem, [found], own) == problem
