"""The example with a matrix, run by act on this machine itself: plan, jobs, artifacts, merge.

act cannot fetch actions from here: the checkout becomes a copy, the download an unpacking of what act's own artifact
server was given. Our steps are the action's entry point with the inputs as the runner passes them.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from run_support import MODELS, REPOSITORY

from ptmobile.spec.yaml_text import load_yaml

ACT = Path(sys.executable).parent / "act"
EXAMPLE = REPOSITORY / "examples/workflows/shards.yml"
CONFIG = {
    "inputs": [[1, 3, 8, 8]],
    "runtime": "none",
    "models": ["nets.py:TinyNet", "nets.py:Stateless", {"model": "nets.py:Dropping", "output": "build/drop.ptl"}],
}
UNPACK = """
import glob, os, zipfile
for path in glob.glob(os.environ["ARTIFACTS"] + "/**/shard-*.zip", recursive=True):
    zipfile.ZipFile(path).extractall("shards/" + os.path.basename(path).removesuffix(".zip"))
"""


def python(code: str, **fields: Any) -> dict[str, Any]:
    """A step in Python: a shell would not pass on variables with hyphens in their names."""
    return {"shell": f"{sys.executable} -I {{0}}", "run": code, **fields}


def local(step: dict[str, Any], repository: Path, artifacts: Path) -> dict[str, Any]:
    """The step as it can be run without a network and an engine."""
    kept = {name: step[name] for name in ("id", "if") if name in step}
    action = step["uses"].partition("@")[0]
    if action == "actions/checkout":
        return python(f"import shutil; shutil.copytree({str(repository)!r}, '.', dirs_exist_ok=True)", **kept)
    if action == "actions/download-artifact":
        assert step["with"] == {"pattern": "shard-*", "path": "shards"}
        return python(UNPACK, env={"ARTIFACTS": str(artifacts)}, **kept)
    assert action == "org/ptmobile-action"
    inputs = {f"INPUT_{name.upper()}": str(value) for name, value in step["with"].items()}
    code = "import sys; from ptmobile.action import main; sys.exit(main())"
    return python(code, env={**inputs, "PTMOBILE_DEVICE_KIT": "/nonexistent"}, **kept)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = Path(shutil.copytree(MODELS, tmp_path / "repository"))
    (root / "ptmobile.yml").write_text(json.dumps(CONFIG))
    return root


def run_act(repository: Path, tmp_path: Path, *, lose: str = "") -> tuple[int, str]:
    """Run the example; ``lose`` names an artifact that the merge does not get."""
    artifacts = tmp_path / "artifacts"
    text = EXAMPLE.read_text().replace("examples/torchvision/ptmobile.yml", "ptmobile.yml")
    workflow = load_yaml(text.replace("runs-on: ubuntu-latest", "runs-on: here"))
    for job in workflow["jobs"].values():
        job["steps"] = [local(step, repository, artifacts) for step in job["steps"]]
    if lose:
        forget = f"import shutil; shutil.rmtree('shards/{lose}')"
        workflow["jobs"]["merge"]["steps"].insert(1, python(forget))
    (repository / "workflow.yml").write_text(yaml.safe_dump(workflow, sort_keys=False))
    git = ["git", "-C", str(repository), "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *arguments], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(ACT), "push", "-W", "workflow.yml", "-P", "here=-self-hosted", "--no-cache-server"]
    command += ["--action-cache-path", str(tmp_path / "cache"), "--artifact-server-path", str(artifacts)]
    command += ["--artifact-server-addr", "127.0.0.1", "--artifact-server-port", str(port)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    environment |= {"ACT_DISABLE_VERSION_CHECK": "1", "DOCKER_HOST": "unix:///nonexistent.sock"}
    act = subprocess.run(
        command, cwd=repository, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    return act.returncode, act.stdout + act.stderr


def test_plan_jobs_and_merge(repository: Path, tmp_path: Path) -> None:
    code, log = run_act(repository, tmp_path)
    assert code == 0, log[-6000:]
    assert '"models":"TinyNet,Dropping"' in log
    assert '"models":"Stateless"' in log
    assert "Traceback" not in log
    kept = {path.stem for path in (tmp_path / "artifacts").rglob("*.zip")}
    assert kept == {"shard-1", "shard-2", "all-models"}
    report = merged_report_of(tmp_path)
    assert [model["spec"]["name"] for model in report["models"]] == ["TinyNet", "Dropping", "Stateless"]
    assert [model["file"]["path"] for model in report["models"]] == [
        "shards/shard-1/TinyNet.ptl",
        "shards/shard-1/build/drop.ptl",
        "shards/shard-2/Stateless.ptl",
    ]
    assert (report["verdict"], report["problems"], report["merged"]["planned"]) == ("passed", [], 3)


def test_a_job_whose_artifact_is_lost(repository: Path, tmp_path: Path) -> None:
    code, log = run_act(repository, tmp_path, lose="shard-2")
    assert code != 0
    assert "Shard 2 has left no report" in log
    report = merged_report_of(tmp_path)
    assert (report["exit_code"], report["verdict"]) == (8, "failed")
    assert [model["spec"]["name"] for model in report["models"]] == ["TinyNet", "Dropping"]


def merged_report_of(tmp_path: Path) -> dict[str, Any]:
    """The report in the artifact of the merge."""
    (archive,) = (tmp_path / "artifacts").rglob("all-models.zip")
    target = tmp_path / "all-models"
    shutil.unpack_archive(archive, target)
    return dict(json.loads((target / "report.json").read_bytes()))
