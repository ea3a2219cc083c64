"""The action in a workflow, run by act: ``uses: ./`` for real, with act's own ways."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import docker
import pytest

from ptmobile.local import image

ACT = Path(sys.executable).parent / "act"
WORKFLOW = """
on: push
jobs:
  convert:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: mobile
        uses: ./
        with:
          config: examples/digits/ptmobile.yml
          output: out/digits.ptl
          runtime: 1.12.2  # the apps under tests/data declare many others
          device-check: required
      - run: |
          echo "$SHA256  $MODEL" | sha256sum --check
          test "$(stat -c %s "$MODEL")" = "$SIZE"
          test "$VERDICT $EQUIVALENT $BYTECODE $DEVICE" = "passed true 8 true"
          grep -q '"verdict": "passed"' "$REPORT"
          echo "all outputs hold"
        env:
          MODEL: ${{ steps.mobile.outputs.model-path }}
          SHA256: ${{ steps.mobile.outputs.sha256 }}
          SIZE: ${{ steps.mobile.outputs.size-bytes }}
          DEVICE: ${{ steps.mobile.outputs.device-verified }}
          VERDICT: ${{ steps.mobile.outputs.verdict }}
          EQUIVALENT: ${{ steps.mobile.outputs.equivalent }}
          BYTECODE: ${{ steps.mobile.outputs.bytecode-version }}
          REPORT: ${{ steps.mobile.outputs.report-path }}
      - id: wrong
        uses: ./
        continue-on-error: true
        with:
          model: torchvision:mobilenet_v2x
      - run: test "$OUTCOME $VERDICT" = "failure failed" && echo "the failure is reported"
        env:
          OUTCOME: ${{ steps.wrong.outcome }}
          VERDICT: ${{ steps.wrong.outputs.verdict }}
"""


OLD_APP = """
on: push
jobs:
  convert:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: mobile
        uses: ./
        with: {model: "gelu.py:Gelu", inputs: "[[2, 8]]", device-check: required}
      - run: test "$DEVICE $BYTECODE" = "true 5" && echo "the old app can run it"
        env:
          DEVICE: ${{ steps.mobile.outputs.device-verified }}
          BYTECODE: ${{ steps.mobile.outputs.bytecode-version }}
      - id: unrepaired
        uses: ./
        continue-on-error: true
        with: {model: "gelu.py:Gelu", inputs: "[[2, 8]]", repair: "off"}
      - run: |
          test "$OUTCOME $COMPATIBLE" = "failure false"
          grep -q '"exit_code": 6' ptmobile-report/report.json
          echo "without repair it cannot"
        env:
          OUTCOME: ${{ steps.unrepaired.outcome }}
          COMPATIBLE: ${{ steps.unrepaired.outputs.runtime-compatible }}
"""
UPLOAD = """
on: push
jobs:
  convert:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: mobile
        uses: ./
        with: {config: examples/digits/ptmobile.yml, device-check: "off", upload: required}
      - run: echo "file $SHA256, artifact $ID $DIGEST"
        env:
          SHA256: ${{ steps.mobile.outputs.sha256 }}
          DIGEST: ${{ steps.mobile.outputs.artifact-digest }}
          ID: ${{ steps.mobile.outputs.artifact-id }}
"""
GELU = """
import torch
class Gelu(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.gelu(x)
"""


@pytest.fixture
def repository(clean_tree: Path, tmp_path: Path) -> Path:
    """A checkout of the tree with our workflow in it; act asks git about it."""
    root = tmp_path / "repository"
    shutil.copytree(clean_tree, root)
    return committed(root, WORKFLOW)


@pytest.fixture
def app(clean_tree: Path, tmp_path: Path) -> Path:
    """The tree without the apps of the tests, as an app of 2021 with a model of today."""
    root = tmp_path / "app"
    shutil.copytree(clean_tree, root, ignore=shutil.ignore_patterns("tests"))
    (root / "gelu.py").write_text(GELU)
    (root / "build.gradle").write_text(
        "dependencies {\n    implementation 'org.pytorch:pytorch_android_lite:1.9.0'\n}\n"
    )
    return committed(root, OLD_APP)


def committed(root: Path, workflow: str) -> Path:
    (root / "workflow.yml").write_text(workflow)
    git = ["git", "-C", str(root), "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *arguments], check=True)
    return root


def run_act(repository: Path, base: str, tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run act without any network but the engine's, and without this machine's environment."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "ACT_DISABLE_VERSION_CHECK": "1",
    }
    command = [str(ACT), "push", "-W", "workflow.yml", "-P", f"ubuntu-latest={base}", "--pull=false", "--rm"]
    command += ["--no-cache-server", "--action-cache-path", str(tmp_path / "cache"), *options]
    return subprocess.run(
        command, cwd=repository, env=environment, capture_output=True, text=True, timeout=900, check=False
    )


@pytest.mark.usefixtures("action_image")
def test_the_action_in_a_workflow(repository: Path, tmp_path: Path, docker_client: docker.DockerClient) -> None:
    base = image.base_image(repository / "Dockerfile")
    assert image.available(base, docker_client)
    act = run_act(repository, base, tmp_path)
    log = act.stdout + act.stderr
    assert act.returncode == 0, log[-6000:]
    assert "all outputs hold" in log
    assert "the failure is reported" in log
    summaries = re.findall(r"Summary - .*", log)
    assert len(summaries) >= 1, log
    assert "ptmobile: DigitNet is verified" in log
    assert "did you mean 'mobilenet_v2'?" in log
    assert "Traceback" not in log


@pytest.mark.usefixtures("action_image")
def test_an_app_of_2021_and_a_model_of_today(app: Path, tmp_path: Path) -> None:
    act = run_act(app, image.base_image(app / "Dockerfile"), tmp_path)
    log = act.stdout + act.stderr
    assert act.returncode == 0, log[-6000:]
    assert "the old app can run it" in log
    assert "without repair it cannot" in log
    assert "Rewritten: 1 call of GELU written with erf or tanh, for 1.9.0" in log
    assert "maximum supported version for reading is 6" in log


@pytest.mark.usefixtures("action_image")
def test_what_is_uploaded_is_the_file(clean_tree: Path, tmp_path: Path) -> None:
    """What lies in act's artifact server afterwards is, byte for byte, what the outputs name."""
    root = tmp_path / "repository"
    shutil.copytree(clean_tree, root, ignore=shutil.ignore_patterns("tests"))
    committed(root, UPLOAD)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ("--artifact-server-path", str(tmp_path / "artifacts"), "--artifact-server-addr", "127.0.0.1")
    act = run_act(root, image.base_image(root / "Dockerfile"), tmp_path, *server, "--artifact-server-port", str(port))
    log = act.stdout + act.stderr
    assert act.returncode == 0, log[-6000:]
    found = re.search(r"file ([0-9a-f]{64}), artifact (\d+) ([0-9a-f]{64})", log)
    assert found is not None, log[-6000:]
    kept = {path.stem: path for path in (tmp_path / "artifacts").rglob("*.zip")}
    assert set(kept) == {"DigitNet.ptl", "DigitNet-report"}
    archive = kept["DigitNet.ptl"].read_bytes()
    assert hashlib.sha256(archive).hexdigest() == found[3]
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.namelist() == ["DigitNet.ptl"]
        assert hashlib.sha256(opened.read("DigitNet.ptl")).hexdigest() == found[1]
    with zipfile.ZipFile(kept["DigitNet-report"]) as opened:
        report = json.loads(opened.read("report.json"))
    assert report["models"][0]["file"]["content"]["sha256"] == found[1]
    assert report["artifacts"][0]["digest"] == found[3]
    assert "Download: DigitNet.ptl" in log.replace("**", "").replace("`", "")
