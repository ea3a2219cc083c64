"""bench/device.py: both commands with the smallest model, and a sweep that goes on where it ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ptmobile.device.kit import native_abi
from ptmobile.errors import ExitCode

BENCH = Path(__file__).resolve().parents[2] / "bench"
MODEL, RELEASE = "squeezenet1_1", "1.12.2"


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command; a skip where no library can be run."""
    environment = {name: value for name, value in os.environ.items() if name != "PTMOBILE_DEVICE_KIT"}
    command = [sys.executable, str(BENCH / "device.py"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == ExitCode.RUNTIME_INCOMPATIBLE:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done


def sweep(results: Path, *arguments: str) -> list[dict[str, Any]]:
    bench("sweep", MODEL, "--releases", RELEASE, "--results", str(results), "--no-arm64", *arguments)
    return [json.loads(line) for line in results.read_text().splitlines()]


def variant(record: dict[str, Any]) -> tuple[str, str]:
    return record["variant"]["capture"], record["variant"]["form"]


def test_a_sweep_runs_every_variant_and_goes_on_where_it_ended(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    first = sweep(results)
    assert [variant(record) for record in first] == [
        (capture, form) for capture in ("trace", "script") for form in ("plain", "optimised")
    ]
    for record in first:
        assert record["outcome"] == "right", record["message"]
        assert 0 < record["error"] < 1e-5
        assert record["reaction"] > 0.01
        assert record["size_bytes"] > 4_000_000
        assert record["load_ms"] > 0
    lines = results.read_text().splitlines(keepends=True)
    results.write_text("".join(lines[:3]) + lines[3][:50])  # as if it had been killed while it wrote
    second = sweep(results)
    assert second[:3] == first[:3]
    assert [variant(record) for record in second[3:]] == [variant(first[3])]


def test_a_sweep_says_what_is_too_large_and_what_it_did_not_reach(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    late = bench("sweep", MODEL, "--releases", RELEASE, "--results", str(results), "--no-arm64", "--limit-minutes", "0")
    assert "the same command goes on" in late.stderr
    assert not results.exists() or not results.read_text()
    for record in sweep(results, "--memory-gb", "0.02"):
        assert record["outcome"] == "too large"
        assert record["message"].endswith("GB in use, 0.02 allowed")


def test_the_cost_is_measured_in_whole_and_in_parts(tmp_path: Path) -> None:
    abi, figures = native_abi() or "", tmp_path / "figures.json"
    arguments = ("--release", RELEASE, "--abis", abi, "--runs", "1", "--warm-only", "--json", str(figures))
    printed = bench("cost", MODEL, *arguments).stdout
    assert f"{MODEL:<20}{'without the check':<26}" in printed
    found = json.loads(figures.read_text())["models"][MODEL]
    assert set(found["runs"]) == {"without the check", abi}
    assert 0 < found["stages"][abi][0] < found["runs"][abi][0]["wall"]
    assert set(found["parts"][abi]) == {"prepare", "start", "load", "first trial", "further trial"}
    assert all(seconds[0] > 0 for seconds in found["parts"][abi].values())


def test_the_tables_group_what_is_not_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    from _sweep_records import Elsewhere, Record, Variant  # noqa: PLC0415 - on the path only now
    from _sweep_report import tables  # noqa: PLC0415

    def record(model: str, form: Any, outcome: Any, message: str = "", **facts: Any) -> Record:
        made = Variant(capture="trace", form=form, release=RELEASE)
        return Record(model=model, kind="any", variant=made, abi="x86_64", outcome=outcome, message=message, **facts)

    missing = "Following ops cannot be found. Please check ... https://discuss.pytorch.org/torchvision::nms"
    text = tables(
        [
            record("one", "plain", "wrong", error=0.5, arm64=Elsewhere(outcome="right", error=1e-6)),
            record("one", "optimised", "right", error=1e-6),
            record("two", "plain", "refused", missing),
            record("two", "optimised", "refused", missing),
            record("three", "plain", "failed", "some words that nobody knows"),
        ],
        [RELEASE],
    )
    assert "| traced, plain | 3 | 2 | 0 | 1 | 1 | 1 | 0 | 0 |" in text
    assert "| traced, optimised | 2 | 1 | 1 | 0 | 1 | 0 | 0 | 0 |" in text
    assert "At least one right file: 1 of 3 models" in text
    groups = {line.split(" | ")[1]: line for line in text.splitlines() if line.count(" | ") == 5}
    assert "1x1" in groups["wrong numbers on x86\\_64, right ones on arm64-v8a"]
    assert "torchvision\\_ops" in groups["operators not found: torchvision::nms"]
    assert "Not explained yet" in groups["some words that nobody knows"]
    assert "| one | 5e-01 (traced plain) | right, 1e-06 |" in text
