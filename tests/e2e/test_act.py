"""The action in a workflow, run by act: ``uses: ./`` for real, with act's own ways."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
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


@pytest.fixture
def repository(clean_tree: Path, tmp_path: Path) -> Path:
    """A checkout of the tree with our workflow in it; act asks git about it."""
    root = tmp_path / "repository"
    shutil.copytree(clean_tree, root)
    (root / "workflow.yml").write_text(WORKFLOW)
    git = ["git", "-C", str(root), "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *arguments], check=True)
    return root


def run_act(repository: Path, base: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run act without any network but the engine's, and without this machine's environment."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "ACT_DISABLE_VERSION_CHECK": "1",
    }
    command = [str(ACT), "push", "-W", "workflow.yml", "-P", f"ubuntu-latest={base}", "--pull=false", "--rm"]
    command += ["--no-cache-server", "--action-cache-path", str(tmp_path / "cache")]
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
