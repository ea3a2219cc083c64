"""The action in its container, run as the GitHub runner runs a step."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ptmobile.local.file_commands import summary_accepted
from ptmobile.local.workflow_commands import parse_commands
from ptmobile.report.model import report_schema
from tests.e2e.conftest import ROOT, RunStep

OWNER = (12345, 23456)
NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace that belongs to somebody else than root, as on a runner."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "net.py").write_text(NET)
    shutil.copytree(ROOT / "examples", folder / "examples")
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, *OWNER)
    return folder


def report_of(workspace: Path) -> dict[str, Any]:
    report = json.loads((workspace / "ptmobile-report/report.json").read_text())
    jsonschema.validate(report, report_schema())
    return report


def test_a_torchvision_model(run_step: RunStep, workspace: Path) -> None:
    step = run_step({"model": "torchvision:mobilenet_v3_small", "trials": "2"}, workspace=workspace)
    assert step.exit_code == 0, step.log
    model = workspace / step.outputs["model-path"]
    assert step.outputs["model-path"] == "ptmobile-report/mobilenet_v3_small.ptl"
    assert step.outputs["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert int(step.outputs["size-bytes"]) == model.stat().st_size
    assert step.outputs["bytecode-version"] == "8"
    assert step.outputs["equivalent"] == "true"
    assert step.outputs["verdict"] == "passed"
    assert 0 < float(step.outputs["max-abs-diff"]) < 1e-12
    assert json.loads(step.outputs["json"])["models"][0]["equivalent"] is True
    assert step.outputs["report-path"] == "ptmobile-report/report.json"
    assert "mobilenet_v3_small" in step.summary
    assert summary_accepted(step.summary.encode())
    assert report_of(workspace)["verdict"] == "passed"
    for rendering in ("summary.md", "report.html", "junit.xml"):
        assert "mobilenet_v3_small" in (workspace / "ptmobile-report" / rendering).read_text()


def test_everything_made_belongs_to_the_owner_of_the_workspace(run_step: RunStep, workspace: Path) -> None:
    inputs = {"model": "net.py:Net", "inputs": "[[1, 3, 16, 16]]", "output": "made/deep/net.ptl"}
    assert run_step(inputs, workspace=workspace).exit_code == 0
    made = [workspace / "ptmobile-report", *(workspace / "ptmobile-report").iterdir()]
    made += [workspace / "made", workspace / "made/deep", workspace / "made/deep/net.ptl"]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {OWNER}
    assert not list(workspace.rglob("__pycache__"))


def test_a_custom_class_with_a_training_checkpoint(run_step: RunStep, workspace: Path) -> None:
    step = run_step({"config": "examples/digits/ptmobile.yml"}, workspace=workspace)
    assert step.exit_code == 0, step.log
    report = report_of(workspace)
    assert len(report["models"][0]["result"]["trials"]) == 10
    assert report["models"][0]["verdict"]["warnings"] == []
    assert "model_state_dict" in step.log


def test_several_models_of_a_config_file(run_step: RunStep, workspace: Path) -> None:
    (workspace / "ptmobile.yml").write_text(
        "inputs: [[1, 3, 16, 16]]\nmodels:\n- net.py:Net\n- {model: 'net.py:Nothing', name: bad}\n"
        "- {model: 'net.py:Net', name: again, method: trace}\n"
    )
    step = run_step({}, workspace=workspace)
    assert step.exit_code == 3
    assert [model["verdict"]["status"] for model in report_of(workspace)["models"]] == ["passed", "failed", "passed"]
    assert step.outputs["model-path"] == "ptmobile-report/Net.ptl\nptmobile-report/again.ptl"
    errors = [command for command in parse_commands(step.log) if command.name == "error"]
    assert len(errors) == 1
    assert "Nothing" in errors[0].data


def test_a_wrong_specification_names_every_problem(run_step: RunStep, workspace: Path) -> None:
    step = run_step({"model": "net.py:Net", "trials": "many", "optimise": "true"}, workspace=workspace)
    assert step.exit_code == 2
    assert "trials" in step.log
    assert "did you mean 'optimize'" in step.log
    assert "Traceback" not in step.log
    assert step.outputs["verdict"] == "failed"
    assert "trials" in step.summary


def test_the_model_finds_no_token_and_no_command_file(run_step: RunStep, workspace: Path) -> None:
    (workspace / "spy.py").write_text(
        "import os, pathlib, torch\n"
        "def make():\n"
        "    print('uid', os.getuid(), 'groups', os.getgroups())\n"
        "    print('names', sorted(os.environ))\n"
        "    for path in ('/proc/1/environ', f'/proc/{os.getppid()}/environ', '/var/run/docker.sock'):\n"
        "        try:\n"
        "            data = open(path, 'rb').read()\n"
        "            print('READ', path, b'sesame' in data)\n"
        "        except OSError as error:\n"
        "            print('refused', path, type(error).__name__)\n"
        "    for path in pathlib.Path('/github/file_commands').iterdir():\n"
        "        try:\n"
        "            path.open('a').write('forged=1\\n')\n"
        "            print('WROTE', path)\n"
        "        except OSError:\n"
        "            print('refused to write')\n"
        "    try:\n"
        "        pathlib.Path('/github/workspace/mark').write_text('')\n"
        "        print('WROTE workspace')\n"
        "    except OSError:\n"
        "        print('refused workspace')\n"
        "    print('::set-output name=verdict::forged')\n"
        "    print('##[add-mask]passed')\n"
        "    return torch.nn.Identity()\n"
    )
    step = run_step(
        {"model": "spy.py:make", "inputs": "[[1, 3]]"},
        workspace=workspace,
        context={"ACTIONS_RUNTIME_TOKEN": "sesame"},
    )
    assert step.exit_code == 0, step.log
    assert "uid 10001 groups []" in step.log
    assert "READ /proc/1/environ" not in step.log
    assert "True" not in [line.split()[-1] for line in step.log.splitlines() if "READ" in line]
    assert "WROTE" not in step.log
    assert "sesame" not in step.log
    for name in ("ACTIONS_RUNTIME_TOKEN", "GITHUB_OUTPUT", "INPUT_MODEL"):
        assert name not in step.log
    assert {command.name for command in parse_commands(step.log)} <= {"group", "endgroup", "warning", "notice"}
    assert step.outputs["verdict"] == "passed"
    assert report_of(workspace)["tool"]["isolation"] == "separate-user"


def test_the_same_model_gives_the_same_bytes_in_any_container_and_folder(run_step: RunStep, tmp_path: Path) -> None:
    digests = set()
    for place in ("here", "deep/down/there"):
        for method in ("script", "trace"):
            workspace = tmp_path / place / method
            (workspace / place).mkdir(parents=True)
            (workspace / place / "net.py").write_text(NET)
            step = run_step(
                {"model": f"{place}/net.py:Net", "inputs": "[[1, 3, 16, 16]]", "method": method}, workspace=workspace
            )
            assert step.exit_code == 0, step.log
            data = (workspace / step.outputs["model-path"]).read_bytes()
            digests.add((method, hashlib.sha256(data).hexdigest()))
            for local in (b"/github", b"/usr/lib/python3", place.encode(), b"ptmobile-worker", b"/tmp"):
                assert local not in data
    assert len(digests) == 2


def test_a_full_disk_is_a_publish_failure_and_not_a_traceback(run_step: RunStep, workspace: Path) -> None:
    step = run_step(
        {"model": "torchvision:squeezenet1_1"},
        workspace=workspace,
        options={"tmpfs": {"/github/workspace/ptmobile-report": "size=2m"}},
    )
    assert step.exit_code == 8
    assert "No space left on device" in step.log
    assert "Traceback" not in step.log
    assert step.outputs["verdict"] == "failed"
    assert "squeezenet1_1" in step.summary


def test_a_cancelled_step_still_reports(run_step: RunStep, workspace: Path) -> None:
    (workspace / "slow.py").write_text(
        "import time, torch\n"
        "class Slow(torch.nn.Module):\n"
        "    def forward(self, x):\n"
        "        time.sleep(600)\n"
        "        return x\n"
    )
    step = run_step({"model": "slow.py:Slow", "inputs": "[[1]]"}, workspace=workspace, timeout_seconds=8)
    assert step.exit_code == 130
    assert "interrupted" in step.log
    assert report_of(workspace)["verdict"] == "failed"
    assert step.outputs["verdict"] == "failed"


def test_a_read_only_image_and_a_crash(run_step: RunStep, workspace: Path) -> None:
    (workspace / "crash.py").write_text(
        "import ctypes, torch\n"
        "class Crash(torch.nn.Module):\n"
        "    def forward(self, x):\n"
        "        ctypes.string_at(0)\n"
        "        return x\n"
    )
    options = {"read_only": True, "tmpfs": {"/tmp": ""}}
    step = run_step({"model": "crash.py:Crash", "inputs": "[[1]]"}, workspace=workspace, options=options)
    assert step.exit_code == 3
    assert "SIGSEGV in stage eager, trial 0" in step.log
    assert report_of(workspace)["models"][0]["result"]["failure"]["kind"] == "load"


GRADLE = "dependencies {\n    implementation 'org.pytorch:pytorch_android_lite:%s'\n}\n"


def test_the_file_runs_in_the_library_of_the_app(run_step: RunStep, workspace: Path) -> None:
    (workspace / "app").mkdir()
    (workspace / "app/build.gradle").write_text(GRADLE % "1.12.2")
    step = run_step(
        {"model": "net.py:Net", "inputs": "[[1, 3, 16, 16]]", "device-check": "required"}, workspace=workspace
    )
    assert step.exit_code == 0, step.log
    assert (step.outputs["device-verified"], step.outputs["runtime-compatible"]) == ("true", "true")
    assert "pytorch_android_lite 1.12.2" in step.summary
    (verdict,) = report_of(workspace)["models"][0]["result"]["devices"]
    assert (verdict["status"], verdict["release"], verdict["emulated"]) == ("right", "1.12.2", False)
    assert verdict["found"] == "declared in app/build.gradle:2"


GELU = """
import torch
class Gelu(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.GELU(), torch.nn.Linear(8, 3))
    def forward(self, x):
        return self.layers(x)
"""


def test_an_app_of_2021_gets_a_file_that_is_rewritten_for_it(run_step: RunStep, workspace: Path) -> None:
    (workspace / "build.gradle").write_text(GRADLE % "1.9.0")
    (workspace / "gelu.py").write_text(GELU)
    inputs = {"model": "gelu.py:Gelu", "inputs": "[[2, 8]]", "device-check": "required"}
    step = run_step(inputs, workspace=workspace)
    assert step.exit_code == 0, step.log
    assert (step.outputs["device-verified"], step.outputs["bytecode-version"]) == ("true", "5")
    assert "Rewritten: 1 call of GELU written with erf or tanh, for 1.9.0" in step.summary
    refused = run_step({**inputs, "repair": "off"}, workspace=workspace)
    assert refused.exit_code == 6, refused.log
    assert "maximum supported version for reading is 6" in refused.log
    assert refused.outputs["runtime-compatible"] == "false"
    assert (workspace / "ptmobile-report/Gelu.unverified.ptl").is_file()


def test_a_file_is_checked_without_its_model(run_step: RunStep, workspace: Path) -> None:
    inputs = {"model": "net.py:Net", "inputs": "[[1, 3, 16, 16]]", "output": "made/net.ptl", "runtime": "1.12.2"}
    assert run_step(inputs, workspace=workspace).exit_code == 0
    check = {"mode": "check", "model": "made/net.ptl", "inputs": "[[1, 3, 16, 16]]", "device-check": "required"}
    step = run_step({**check, "runtime": "1.12.2"}, workspace=workspace)
    assert step.exit_code == 0, step.log
    assert (step.outputs["device-verified"], step.outputs["equivalent"]) == ("true", "")
    assert run_step({**check, "runtime": "1.9.0"}, workspace=workspace).exit_code == 6


def test_the_library_of_phones_runs_as_well(run_step: RunStep, workspace: Path) -> None:
    inputs = {"model": "net.py:Net", "inputs": "[[1, 3, 16, 16]]", "runtime": "1.12.2", "device-abis": "all"}
    step = run_step({**inputs, "device-check": "required"}, workspace=workspace)
    assert step.exit_code == 0, step.log
    verdicts = report_of(workspace)["models"][0]["result"]["devices"]
    assert {verdict["abi"]: verdict["status"] for verdict in verdicts}["arm64-v8a"] == "right"


def test_what_java_cannot_take_is_found_by_the_library_alone(run_step: RunStep, workspace: Path) -> None:
    (workspace / "yes.py").write_text(
        "import torch\nclass Yes(torch.nn.Module):\n    def forward(self, x):\n        return x > 0\n"
    )
    inputs = {"model": "yes.py:Yes", "inputs": "[[4]]"}
    step = run_step({**inputs, "runtime": "1.12.2"}, workspace=workspace)
    assert step.exit_code == 6, step.log
    assert "scalar type Bool is not supported on java side" in step.log
    undeclared = run_step(inputs, workspace=workspace)
    assert undeclared.exit_code == 0, undeclared.log
    assert "which no app here declares, does not take the file" in undeclared.log
