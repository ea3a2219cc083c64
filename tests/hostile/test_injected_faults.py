"""Faults from outside: in processes that no model reaches, in all stages of a cancelled job, and in the host side."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import docker
import jsonschema
import pytest
import yaml

from ptmobile.litefile import read_lite_file
from ptmobile.local.step import CANCELLATION
from ptmobile.report.model import report_schema
from tests.e2e.conftest import RunStep
from tests.hostile.faults import CANCELLED, FRESH, FRESH_MODEL, FRESH_STAGES, HANG_MINUTES, KILLED, LIBRARY
from tests.hostile.injecting import (
    Fault,
    Injector,
    cancel,
    container_of,
    first_process,
    injected,
    send,
    when,
)
from tests.hostile.services import artifacts_at, service
from tests.process_support import alive, descendants

MODELS = Path(__file__).parent / "models"
SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGSEGV": signal.SIGSEGV, "hang": signal.SIGSTOP}
GOOD: Mapping[str, object] = {"name": "good", "model": "good.py:make", "device-check": "off"}
SHARED: Mapping[str, object] = {"trials": 1, "timing": False, "sensitive-weights": "off", "inputs": [[2, 4]]}
#: The runner's signals, and that of `docker stop`.
STOPS = dict.fromkeys(CANCELLED, CANCELLATION) | {"load": (("SIGTERM", 10.0),)}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    for name in ("attacking.py", "good.py", "slow.py", "sabotaged.py", "faulty.py"):
        shutil.copy(MODELS / name, folder)
    return folder


def configure(workspace: Path, models: Sequence[Mapping[str, object]], **options: object) -> None:
    content = {**SHARED, **options, "models": [dict(model) for model in models]}
    (workspace / "ptmobile.yml").write_text(yaml.safe_dump(content))


def read_report(workspace: Path) -> Any:
    report = json.loads((workspace / "ptmobile-report/report.json").read_text())
    jsonschema.validate(report, report_schema())
    return report


def test_faults_where_a_file_runs(run_step: RunStep, docker_client: docker.DockerClient, workspace: Path) -> None:
    """One run of a model for each; the innocent one after them must not suffer from it."""
    faults = [(fault, way) for way in SIGNALS for fault in FRESH if way in fault.ways]
    names = [f"{fault.stage}-{way}" for fault, way in faults]
    models = [
        {"name": name, **fault.options, **({"timeout-minutes": HANG_MINUTES} if way == "hang" else {})}
        for name, (fault, way) in zip(names, faults, strict=True)
    ]
    configure(workspace, [*models, GOOD], repair="off")
    planned = [Fault(number, fault.stage, send(SIGNALS[way])) for number, (fault, way) in enumerate(faults)]
    injector = Injector(planned, FRESH_STAGES)
    with injected(injector.look, docker_client, workspace):
        step = run_step({}, workspace=workspace, timeout_seconds=200)
    assert injector.done == planned, step.log
    found = {model["spec"]["name"]: model for model in read_report(workspace)["models"]}
    for name, (fault, way) in zip(names, faults, strict=True):
        verdict, stages = found[name]["verdict"], found[name]["result"]["stages"]
        (bad,) = [stage for stage in stages if stage["status"] != "passed"]
        named = "device" if fault.stage == LIBRARY else fault.stage
        assert (verdict["status"], verdict["code"], bad["name"]) == ("failed", fault.code, named), name
        assert ("time limit" if way == "hang" else way) in bad["problem"]["message"], name
    assert (step.exit_code, step.timed_out) == (faults[0][0].code, False)
    assert "Traceback" not in step.log
    assert found["good"]["verdict"]["status"] == "passed"
    assert (workspace / "ptmobile-report/good.ptl").is_file()
    assert "good" in (workspace / "ptmobile-report/summary.md").read_text()
    assert "ptmobile" in step.summary
    assert step.outputs["verdict"] == "failed"


@pytest.mark.parametrize("stage", CANCELLED)
def test_cancelled_in_stage(stage: str, run_step: RunStep, docker_client: docker.DockerClient, workspace: Path) -> None:
    """In the second model; the first is finished by then. The process of the stage hangs, so that it is that stage."""
    configure(workspace, [GOOD, hanging(stage)])
    reached = threading.Event()

    def stop(process: int) -> None:
        os.kill(process, signal.SIGSTOP)
        reached.set()

    def end() -> None:
        container = container_of(docker_client, workspace)
        if reached.wait(100) and container is not None:
            cancel(container, STOPS[stage])

    injector = Injector([Fault(1, stage, stop)], FRESH_STAGES)
    fresh = stage in (*FRESH_STAGES, LIBRARY)
    with injected(injector.look if fresh else None, docker_client, workspace, end):
        step = run_step(
            {},
            workspace=workspace,
            on_output=when(f"goes wrong in {stage}", reached.set),
            timeout_seconds=120,
        )
    assert (step.exit_code, step.timed_out, reached.is_set()) == (130, False, True), step.log
    assert f"interrupted by {STOPS[stage][0][0]}" in step.log
    assert "Traceback" not in step.log
    report = read_report(workspace)
    assert (report["exit_code"], report["verdict"]) == (130, "failed")
    (good,) = report["models"]
    assert good["verdict"]["status"] == "passed"
    assert_whole(workspace, good)
    assert "interrupted" in (workspace / "ptmobile-report/summary.md").read_text()
    assert "interrupted" in step.summary
    assert step.outputs["verdict"] == "failed"


def hanging(stage: str) -> dict[str, object]:
    """A model that hangs in this stage, or is to be stopped there."""
    if stage in (*FRESH_STAGES, LIBRARY):
        return {"name": "faulty", **FRESH_MODEL}
    if stage == "load":
        return {"name": "faulty", "model": "faulty.py:Faulty", "model-args": ["load", "hang"]}
    return {"name": "faulty", "model": "sabotaged.py:Sabotaged", "model-args": [stage, "hang"], "method": "script"}


def assert_whole(workspace: Path, model: Any) -> None:
    """That the file which a report names is there as it says."""
    path = workspace / model["file"]["path"]
    assert read_lite_file(path).sha256 == model["file"]["content"]["sha256"]


@pytest.mark.parametrize("moment", KILLED)
def test_killed_host_side(moment: str, run_step: RunStep, docker_client: docker.DockerClient, workspace: Path) -> None:
    """SIGKILL, as when the machine is out of memory: what was finished is whole, and no process goes on."""
    folder = workspace / "ptmobile-report"
    started: list[int] = []

    def kill(first: int = 0) -> None:
        first = first or first_process(docker_client, workspace)
        started.extend([first, *descendants(first)])
        os.kill(first, signal.SIGKILL)

    def kill_when_half_written(first: int) -> None:
        if (
            not started
            and (folder / "good.ptl").exists()
            and any(path.stat().st_size for path in folder.glob(".ptmobile-*"))
        ):
            kill()

    with contextlib.ExitStack() as around:
        faulty = {**GOOD, "name": "faulty"}
        context: dict[str, str] = {}
        if moment == "working":
            faulty = hanging("load")
        elif moment == "writing":
            faulty["model"] = "faulty.py:Large"
            around.enter_context(injected(kill_when_half_written, docker_client, workspace))
        else:
            context = artifacts_at(around.enter_context(service(kill)))
        configure(workspace, [GOOD, faulty])
        step = run_step(
            {},
            workspace=workspace,
            context=context,
            options={"network_mode": "host"},
            on_output=when("goes wrong in load", kill),
            timeout_seconds=120,
        )
    assert (step.exit_code, step.timed_out, bool(started)) == (137, False, True), step.log
    assert not [process for process in started if alive(process)]
    assert (step.summary, step.outputs) == ("", {})
    written = {path.name for path in folder.iterdir() if not path.name.startswith(".ptmobile-")}
    for path in folder.glob("*.ptl"):
        assert read_lite_file(path).operators
    if moment == "uploading":
        report = read_report(workspace)
        assert [model["verdict"]["status"] for model in report["models"]] == ["passed", "passed"]
        for model in report["models"]:
            assert_whole(workspace, model)
    else:
        # The kill may come when the second file has just got its name, and then it is whole.
        assert {"good.ptl"} <= written <= {"good.ptl", "faulty.ptl"}
