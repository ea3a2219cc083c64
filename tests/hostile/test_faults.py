"""Faults at every stage: report and summary are written, what was finished is kept, the exit code says what it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml

from ptmobile.report.model import report_schema
from tests.e2e.conftest import RunStep
from tests.hostile.faults import FAULTS

MODELS = Path(__file__).parent / "models"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    for name in ("attacking.py", "good.py", "faulty.py"):
        shutil.copy(MODELS / name, folder)
    return folder


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str, run_step: RunStep, workspace: Path) -> None:
    fault = FAULTS[name]
    models = [{"name": "good", "model": "good.py:make"}, dict(fault.model)]
    config = {"inputs": [[2, 4]], "device-check": "off", "trials": 1, "models": models}
    (workspace / "ptmobile.yml").write_text(yaml.safe_dump(config))
    step = run_step(
        {},
        workspace=workspace,
        context=dict(fault.context),
        options=dict(fault.options),
        timeout_seconds=fault.cancelled_after or 200,
    )
    assert step.exit_code == fault.code, step.log
    assert step.timed_out == (fault.cancelled_after is not None)
    assert fault.shown in step.log
    assert "Traceback" not in step.log
    folder = workspace / "ptmobile-report"
    assert (folder / "good.ptl").is_file() == fault.kept
    if fault.reported:
        report = json.loads((folder / "report.json").read_text())
        jsonschema.validate(report, report_schema())
        assert (report["exit_code"], (folder / "summary.md").is_file()) == (fault.code, True)
        if fault.kept:
            assert report["models"][0]["verdict"]["status"] == "passed"
    if not fault.context:
        assert "ptmobile" in step.summary
        assert step.outputs["verdict"] == ("failed" if fault.code else "passed")
