"""A run on somebody's own machine, cancelled in each stage: a report about what was finished, and no process left.

tests/hostile has the same in the action's image, for those stages that run in processes of different kinds.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from ptmobile.litefile import read_lite_file
from ptmobile.report.model import report_schema
from tests.integration.run_support import CLI
from tests.process_support import PATIENCE_SECONDS, alive, descendants, until

MODELS = Path(__file__).parents[1] / "hostile/models"
#: In the order of a run, with what the model needs to come there.
STAGES = {
    "inputs": {},
    "eager": {},
    "traced": {},
    "float64": {},
    "lowered": {"runtime": "1.9.0", "repair": "auto"},
    "frozen": {"method": "trace"},
    "saved": {},
    "timed": {},
}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    for name in ("attacking.py", "good.py", "sabotaged.py"):
        shutil.copy(MODELS / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("stage", STAGES)
def test_cancelled_in_stage(stage: str, workspace: Path) -> None:
    """In the second model, by Ctrl-C or, in every other stage, by SIGTERM."""
    shared = {"device-check": "off", "trials": 1, "inputs": [[2, 4]], "method": "script", "repair": "off"}
    good = {"name": "good", "model": "good.py:make", "timing": False}
    faulty = {"name": "faulty", "model": "sabotaged.py:Sabotaged", "model-args": [stage, "hang"], **STAGES[stage]}
    (workspace / "ptmobile.yml").write_text(yaml.safe_dump({**shared, "models": [good, faulty]}))
    number = (signal.SIGINT, signal.SIGTERM)[list(STAGES).index(stage) % 2]
    log = workspace / "log"
    with log.open("wb") as stream:
        run = subprocess.Popen([sys.executable, "-c", CLI, "convert"], cwd=workspace, stdout=stream, stderr=stream)
    try:
        until(lambda: f"goes wrong in {stage}" in log.read_text() or run.poll() is not None, log.read_text)
        assert run.poll() is None, log.read_text()
        started = descendants(run.pid)
        run.send_signal(number)
        assert run.wait(PATIENCE_SECONDS) == 130
    finally:
        run.kill()
    assert len(started) > 2
    assert not [process for process in started if alive(process)]
    said = log.read_text()
    assert f"interrupted by {number.name}" in said
    assert "Traceback" not in said
    report = json.loads((workspace / "ptmobile-report/report.json").read_text())
    jsonschema.validate(report, report_schema())
    (model,) = report["models"]
    assert (report["exit_code"], report["verdict"], model["verdict"]["status"]) == (130, "failed", "passed")
    assert read_lite_file(workspace / "ptmobile-report/good.ptl").sha256 == model["file"]["content"]["sha256"]
    assert "interrupted" in (workspace / "ptmobile-report/summary.md").read_text()
