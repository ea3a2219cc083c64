"""Whole runs with a baseline and budgets: what is printed, written and returned."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from run_support import MODELS, run_cli

from ptmobile.local.file_commands import parse_key_values
from ptmobile.local.workflow_commands import parse_commands


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODELS, tmp_path / "workspace"))


def write_config(workspace: Path, **config: Any) -> None:
    given = {"model": "nets.py:TinyNet", "name": "tiny", "inputs": [[1, 3, 8, 8]], "runtime": "none"}
    (workspace / "ptmobile.yml").write_text(json.dumps({**given, **config}))


def test_from_the_first_run_to_a_model_that_has_grown(workspace: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.touch()
    write_config(workspace, **{"max-size": 50_000})
    first = run_cli(workspace)
    assert first.code == 0, first.output
    assert first.report["baseline"] is None
    shutil.copy(workspace / "ptmobile-report/report.json", workspace / "baseline.json")

    budgets = {"baseline": "baseline.json", "max-size-growth": "10%"}
    write_config(workspace, **budgets)
    same = run_cli(workspace)
    assert same.code == 0, same.output
    assert "The same bytes as in the baseline" in same.summary
    (difference,) = same.model("tiny")["differences"]
    ratios = [difference[when].pop("latency_ratio") for when in ("before", "now")]
    assert all(ratio > 0 for ratio in ratios)
    assert difference["before"] == difference["now"]

    write_config(workspace, **budgets, **{"model-args": {"width": 40}, "max-size": "5 kB"})
    grown = run_cli(workspace, env={"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output)})
    assert grown.code == 7, grown.output
    verdict = grown.model("tiny")["verdict"]
    assert [reason["title"] for reason in verdict["reasons"]] == [
        "The file is larger than max-size",
        "The file has grown more than max-size-growth",
    ]
    assert (workspace / "ptmobile-report/tiny.ptl").is_file()
    given = parse_key_values(output.read_text())
    assert (given["verdict"], given["equivalent"], given["model-path"]) == (
        "failed",
        "true",
        "ptmobile-report/tiny.ptl",
    )
    errors = [command for command in parse_commands(grown.output) if command.name == "error"]
    assert len(errors) == 1
    assert errors[0].properties["title"] == "tiny does not pass its budgets"
    page = (workspace / "ptmobile-report/report.html").read_text()
    assert "Against the baseline" in page


def test_a_report_may_be_compared_with_the_one_that_it_replaces(workspace: Path) -> None:
    write_config(workspace)
    assert run_cli(workspace).code == 0
    write_config(workspace, baseline="ptmobile-report/report.json", **{"max-size-growth": 0})
    again = run_cli(workspace)
    assert again.code == 0, again.output
    assert again.report["baseline"]["problem"] == ""


@pytest.mark.parametrize(("growth", "code"), [({}, 0), ({"max-size-growth": "5%"}, 7)])
def test_a_baseline_that_is_not_there(workspace: Path, growth: dict[str, str], code: int) -> None:
    """A notice, and the failure of the gate that needs it."""
    write_config(workspace, baseline="nowhere.json", **growth)
    ran = run_cli(workspace, env={"GITHUB_ACTIONS": "true"})
    assert ran.code == code, ran.output
    notices = [command.data for command in parse_commands(ran.output) if command.name == "notice"]
    assert any("nowhere.json cannot be used. It does not exist in the workspace." in notice for notice in notices)
    assert "Make the baseline first" in ran.summary
    assert ran.report["baseline"]["problem"]
    assert ("max-size-growth cannot be checked" in ran.summary) == bool(code)
