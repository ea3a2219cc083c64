"""Faults at every stage: report and summary are written, what was finished is kept, the exit code says what it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import docker
import jsonschema
import pytest
import yaml

from ptmobile.report.model import report_schema
from tests.e2e.conftest import RunStep
from tests.hostile.faults import FAULTS, HANG_MINUTES, SERVICES, STAGES, StageFault
from tests.hostile.injecting import container_of
from tests.hostile.services import artifacts_at, service

MODELS = Path(__file__).parent / "models"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    for name in ("attacking.py", "good.py", "faulty.py", "sabotaged.py"):
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
        read_only_workspace=fault.read_only_workspace,
        timeout_seconds=200,
    )
    assert step.exit_code == fault.code, step.log
    assert not step.timed_out
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
        assert step.outputs["verdict"] == (fault.verdict or ("failed" if fault.code else "passed"))


def of_stages(way: str) -> list[tuple[str, StageFault]]:
    """The names of the models that go wrong in this way, each with what it does."""
    return [(f"{fault.stage}-{way}", fault) for fault in STAGES if way in fault.ways]


@pytest.mark.parametrize("way", ["SIGKILL", "SIGSEGV", "memory", "hang"])
def test_fault_in_every_stage(way: str, run_step: RunStep, workspace: Path) -> None:
    """One run of a model for each stage, between two innocent ones that must not suffer from it."""
    faults = of_stages(way)
    shared = {"device-check": "off", "trials": 1, "repair": "off", "timing": False, "inputs": [[2, 4]]}
    models: list[dict[str, Any]] = [{"name": "good", "model": "good.py:make"}]
    for name, fault in faults:
        sabotaged = {"name": name, "model": "sabotaged.py:Sabotaged", "model-args": [fault.stage, way]}
        limit = {"timeout-minutes": HANG_MINUTES} if way == "hang" else {}
        models.append({**sabotaged, **limit, **fault.options})
    models.append({"name": "last", "model": "good.py:make"})
    (workspace / "ptmobile.yml").write_text(yaml.safe_dump({**shared, "models": models}))
    step = run_step({}, workspace=workspace, timeout_seconds=400)
    report = json.loads((workspace / "ptmobile-report/report.json").read_text())
    jsonschema.validate(report, report_schema())
    found = {model["spec"]["name"]: model for model in report["models"]}
    for name, fault in faults:
        verdict, stages = found[name]["verdict"], found[name]["result"]["stages"]
        (bad,) = [stage for stage in stages if stage["status"] not in ("passed", "skipped")]
        assert (verdict["status"], verdict["code"], bad["name"]) == ("failed", fault.code, fault.stage), name
        said = {"memory": "MemoryError", "hang": "time limit"}.get(way, way)
        assert said in bad["problem"]["message"], name
    assert step.exit_code == faults[0][1].code
    assert "Traceback" not in step.log
    assert not step.timed_out
    for name in ("good", "last"):
        assert found[name]["verdict"]["status"] == "passed"
        assert (workspace / f"ptmobile-report/{name}.ptl").is_file()
    assert (workspace / "ptmobile-report/summary.md").is_file()
    assert "ptmobile" in step.summary
    assert step.outputs["verdict"] == "failed"


@pytest.mark.parametrize("name", SERVICES)
def test_fault_of_a_service(name: str, run_step: RunStep, docker_client: docker.DockerClient, workspace: Path) -> None:
    fault = SERVICES[name]
    config = {"inputs": [[2, 4]], "device-check": "off", "trials": 1, "timing": False, "model": "good.py:make"}
    (workspace / "ptmobile.yml").write_text(yaml.safe_dump({**config, "name": "good"}))
    with service(None if fault.refuses else lambda: interrupt(docker_client, workspace)) as address:
        step = run_step(
            fault.inputs,
            workspace=workspace,
            options={"network_mode": "host"},
            event={"pull_request": {"number": 1, "head": {"sha": "a" * 40}}},
            context={
                "GITHUB_EVENT_NAME": "pull_request",
                "GITHUB_API_URL": address,
                **artifacts_at(address),
            },
            timeout_seconds=200,
        )
    assert (step.exit_code, step.timed_out, step.file_command_errors) == (fault.code, False, ()), step.log
    assert fault.shown in step.log
    assert "Traceback" not in step.log
    report = json.loads((workspace / "ptmobile-report/report.json").read_text())
    jsonschema.validate(report, report_schema())
    assert (report["exit_code"], report["models"][0]["verdict"]["status"]) == (fault.code, "passed")
    assert (workspace / "ptmobile-report/good.ptl").is_file()
    assert "good" in (workspace / "ptmobile-report/summary.md").read_text()
    assert "ptmobile" in step.summary
    assert step.outputs["verdict"] == "passed"


def interrupt(client: docker.DockerClient, workspace: Path) -> None:
    """Send what the runner sends first to the container whose workspace this is."""
    container = container_of(client, workspace)
    assert container is not None
    container.kill("SIGINT")
