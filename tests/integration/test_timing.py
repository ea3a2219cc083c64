"""Latencies: taken in turn, within a budget; what a repair costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from run_support import Converter, prepared_converter

from ptmobile.report.files import changes
from ptmobile.report.meaning import meaning
from ptmobile.result import Latency, Timing
from ptmobile.worker.evidence.asides import latency_ratio
from ptmobile.worker.evidence.timing import measure


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converter]:
    with prepared_converter(tmp_path_factory.mktemp("workspace")) as converter:
        yield converter


def test_runs_alternate_until_the_budget_is_spent() -> None:
    order: list[str] = []

    def run(name: str, seconds: float) -> float:
        order.append(name)
        return seconds

    taken, warm = measure({"a": lambda: run("a", 0.1), "b": lambda: run("b", 0.2)}, budget=2.0)
    assert warm
    assert order[:6] == ["a", "b", "a", "b", "b", "a"]
    assert [len(seconds) for seconds in taken.values()] == [5, 5]
    assert sum(map(sum, taken.values())) + 0.3 <= 2.0


def test_a_slow_model_is_run_once() -> None:
    taken, warm = measure({"a": lambda: 3.0, "b": lambda: 4.0}, budget=2.0)
    assert (taken, warm) == ({"a": [3.0], "b": [4.0]}, False)


def test_a_fast_model_is_not_run_for_ever() -> None:
    taken, _ = measure({"a": lambda: 1e-9}, budget=2.0)
    assert len(taken["a"]) == 100


def test_the_ratio() -> None:
    latencies = (Latency(variant="eager", seconds=0.5, runs=3), Latency(variant="lite", seconds=0.25, runs=3))
    timing = Timing(latencies=latencies, trial=0)
    assert latency_ratio(timing, "lite", "eager") == 0.5
    assert latency_ratio(timing, "other", "eager") is None
    assert latency_ratio(None, "lite", "eager") is None


def test_the_file_is_timed_beside_the_eager_model(convert: Converter) -> None:
    report = convert("roads.py:TrainedNorm", [1, 3, 12, 12], method="script")
    timing = report.result.timing
    assert timing is not None
    variants = [latency.variant for latency in timing.latencies]
    assert variants == ["eager", "lite (script)", "scripted", "optimised (script)"]
    assert [latency.ratio for latency in timing.latencies[:2]] == [1.0, timing.ratio]
    assert all(latency.ratio is not None and latency.ratio > 0 for latency in timing.latencies)
    assert all(latency.seconds > 0 and latency.runs > 0 for latency in timing.latencies)
    assert timing.ratio == pytest.approx(timing.latencies[1].seconds / timing.latencies[0].seconds, rel=1e-3)
    assert report.result.repair_cost is None
    assert "it says nothing about a device" in dict(meaning(report.result))["Latency on this machine"]


def test_not_where_it_is_not_wanted(convert: Converter) -> None:
    report = convert("roads.py:TrainedNorm", [1, 3, 12, 12], timing=False)
    assert report.verdict.code == 0
    assert report.result.timing is None
    assert not [stage for stage in report.result.stages if stage.name == "timed"]


def test_a_repair_says_what_it_costs(convert: Converter) -> None:
    report = convert("outputs.py:NanOfNegative", [1, 1, 4, 4], method="script")
    cost, timing = report.result.repair_cost, report.result.timing
    assert cost is not None
    assert timing is not None
    asked, repaired = "lite (script)", "lite attempt 5 (script)"
    assert [latency.variant for latency in timing.latencies][:3] == ["eager", repaired, asked]
    assert "optimised attempt 5 (script)" in [latency.variant for latency in timing.latencies]
    assert cost.latency_ratio == latency_ratio(timing, repaired, asked)
    assert cost.size_ratio
    assert "of the file as asked for, which did not verify." in "".join(changes(report))


def test_what_crashed_has_no_latency_to_compare_with(convert: Converter) -> None:
    report = convert("roads.py:Hoisted", [1, 4, 256, 256], method="script")
    assert report.result.repair_cost is not None
    assert (report.result.repair_cost.latency_ratio, report.result.repair_cost.size_ratio) == (None, None)
    assert report.result.timing is not None
    assert not [change for change in changes(report) if "It costs" in change]
