"""Budgets: what fails a model, what only warns, and what a person is told."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from report_support import failure, model, report, result, shipped

from ptmobile.baseline.comparing import differences
from ptmobile.baseline.model import Baseline, BaselineSource
from ptmobile.baseline.reading import read_baseline
from ptmobile.errors import ExitCode
from ptmobile.judging.budgets import MAKE_A_BASELINE, Gates, gates
from ptmobile.judging.judge import judge_model
from ptmobile.report.model import ShippedFile, to_json
from ptmobile.result import Timing
from ptmobile.spec import ConversionSpec
from ptmobile.spec.quantities import parse_percentage, parse_size


def spec(**budgets: str) -> ConversionSpec:
    return ConversionSpec(model="net.py:Net", name="net", **budgets)  # type: ignore[arg-type]


def sized(size: int, **fields: Any) -> ShippedFile:
    file = shipped(**fields)
    return replace(file, content=replace(file.content, size_bytes=size, sha256=f"{size:064x}"))


def held(asked: ConversionSpec, files: list[ShippedFile], *before: ShippedFile, name: str = "net") -> Gates:
    """The gates of files against a baseline that has ``before``, the main file first; without any there is none."""
    if not before:
        return gates(asked, files, (), None)
    main, *editions = before
    baseline = read_baseline(to_json(report(replace(model(name, file=main), editions=tuple(editions)))), "base.json")
    return gates(asked, files, differences("net", files, result(), baseline), baseline)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *[("0", 0), ("900000", 900_000), ("12MB", 12_000_000), ("12 mb", 12_000_000), ("1.5 MiB", 1_572_864)],
        *[("1KiB", 1024), ("2kB", 2000), ("1 GB", 10**9), ("0.5GiB", 2**29), (" 7 B ", 7), ("1.0005kB", 1000)],
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "MB", "12 M", "1e6", "1,5MB", "12MBs", "inf", "0x10", "٣MB", "1" * 16])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="a size such as"):
        parse_size(text)


@pytest.mark.parametrize(("text", "part"), [("5%", 5), ("5 %", 5), ("0", 0), ("0.5", 0.5), ("150%", 150)])
def test_percentages(text: str, part: float) -> None:
    assert parse_percentage(text) == part


@pytest.mark.parametrize("text", ["", "%", "-5%", "5%%", "5 percent", "nan"])
def test_what_is_no_percentage(text: str) -> None:
    with pytest.raises(ValueError, match="a percentage"):
        parse_percentage(text)


def test_without_budgets_nothing_is_held() -> None:
    assert held(spec(), [sized(10**12)], sized(1)) == Gates()


@pytest.mark.parametrize(("size", "fails"), [(999_999, False), (1_000_000, False), (1_000_001, True)])
def test_the_limit_itself_is_allowed(size: int, fails: bool) -> None:
    assert bool(held(spec(max_size="1MB"), [sized(size)]).reasons) == fails


def test_every_file_is_held_and_the_message_is_exact() -> None:
    found = held(spec(max_size="1 kB"), [sized(900), sized(2500, edition="bytecode 5", path="old.ptl")])
    (reason,) = found.reasons
    assert reason.title == "The file is larger than max-size"
    assert reason.message == (
        "old.ptl has 2.5\xa0kB (2,500 bytes); max-size is 1 kB (1,000 bytes), "
        "so it is 1.5\xa0kB (1,500 bytes) too large."
    )
    assert reason.advice.startswith("Most of it is weights")


@pytest.mark.parametrize(
    ("allowed", "now", "fails"),
    [
        *[("5%", 1050, False), ("5%", 1051, True), ("0", 1000, False), ("0", 1001, True), ("0.5", 1005, False)],
        *[("0.5", 1006, True), ("100%", 2000, False), ("100%", 2001, True), ("0", 10, False)],
    ],
)
def test_growth(allowed: str, now: int, fails: bool) -> None:
    found = held(spec(max_size_growth=allowed), [sized(now)], sized(1000))
    assert (bool(found.reasons), found.warnings) == (fails, ())


def test_growth_names_what_is_new() -> None:
    found = held(spec(max_size_growth="1%"), [sized(1200, operators=("a", "b"))], sized(1000, operators=("b",)))
    (reason,) = found.reasons
    assert "has grown by 20\xa0%, from 1.0\xa0kB (1,000 bytes) to 1.2\xa0kB (1,200 bytes)" in reason.message
    assert reason.message.endswith("max-size-growth is 1 %. New operators: a.")


def test_each_edition_grows_by_itself() -> None:
    found = held(
        spec(max_size_growth="5"),
        [sized(1000), sized(900, edition="bytecode 5", path="old.ptl")],
        sized(1000),
        sized(800, edition="bytecode 5"),
    )
    (reason,) = found.reasons
    assert reason.message.startswith("old.ptl has grown by 12.5\xa0%")


def test_a_file_of_no_bytes_has_grown_whatever_is_allowed() -> None:
    assert held(spec(max_size_growth="1000%"), [sized(1)], sized(0)).reasons


@pytest.mark.parametrize("advice", ["", "Do that."])
def test_a_gate_without_a_baseline_never_passes(advice: str) -> None:
    lost = Baseline(BaselineSource(given="b", problem="It is gone.", advice=advice))
    (reason,) = gates(spec(max_size_growth="5%"), [sized(1)], (), lost).reasons
    assert (reason.title, reason.message) == ("max-size-growth cannot be checked", "It is gone.")
    assert reason.advice == (advice or MAKE_A_BASELINE)
    (none,) = held(spec(max_size_growth="5%"), [sized(1)]).reasons
    assert none.message == "No baseline is given."


def test_a_lost_baseline_fails_nothing_that_does_not_need_it() -> None:
    lost = Baseline(BaselineSource(given="b", problem="It is gone."))
    assert gates(spec(max_size="1MB"), [sized(1)], (), lost) == Gates()


def test_a_new_model_is_warned_about_and_held_to_max_size() -> None:
    found = held(spec(max_size_growth="5%", max_size="1kB"), [sized(2000)], sized(1000), name="other")
    assert [reason.title for reason in found.reasons] == ["The file is larger than max-size"]
    assert [warning.title for warning in found.warnings] == ["not-in-baseline"]
    assert "no verified file of net to compare it with" in found.warnings[0].message


@pytest.mark.parametrize(("ratio", "title"), [(1.5, ""), (1.51, "The file is slower than max-latency-ratio")])
def test_latency(ratio: float, title: str) -> None:
    asked = ConversionSpec(model="net.py:Net", name="net", max_latency_ratio=1.5)
    found = gates(asked, [sized(1)], (), None, Timing(latencies=(), trial=0, ratio=ratio))
    assert [reason.title for reason in found.reasons] == ([title] if title else [])
    assert gates(spec(), [sized(1)], (), None, Timing(latencies=(), trial=0, ratio=99.0)) == Gates()


@pytest.mark.parametrize("timing", [None, Timing(latencies=(), trial=0)])
def test_latency_that_was_not_measured_never_passes(timing: Timing | None) -> None:
    asked = ConversionSpec(model="net.py:Net", name="net", max_latency_ratio=1.5)
    (reason,) = gates(asked, [sized(1)], (), None, timing).reasons
    assert reason.title == "max-latency-ratio cannot be checked"


def test_the_verdict() -> None:
    over = held(spec(max_size="1kB"), [sized(2000)])
    judged = judge_model(spec(), result(), None, over)
    assert (judged.status, judged.code, judged.reasons) == ("failed", ExitCode.BUDGET, over.reasons)
    fresh = held(spec(max_size_growth="5%"), [sized(2000)], sized(1000), name="other")
    passed = judge_model(spec(), result(), None, fresh)
    assert (passed.status, passed.warnings) == ("passed", fresh.warnings)
    assert passed.title.endswith(", with warnings")


def test_a_failure_of_the_model_goes_before_its_budgets() -> None:
    over = held(spec(max_size="1kB"), [sized(2000)])
    found = result(failure=failure("mismatch", "lite (script)", "a", "b"))
    judged = judge_model(spec(), found, None, over)
    assert judged.code == ExitCode.MISMATCH
    assert [reason.title for reason in judged.reasons] == ["a"]
