"""Every check of scripts/lint.py that reads a document finds what is wrong in one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from document_support import ROOT, script

LINT = script("lint")
#: They have been finding faults all along, in their own tools' tests and in `test_the_check_of_the_generator`.
OF_PYTHON = {"style", "format", "types", "generated files"}

WORKFLOW = """\
name: Broken
on:
  issues:
permissions: {}
concurrency: {group: broken, cancel-in-progress: false}
jobs:
  one:
    name: one
    runs-on: ubuntu-latest
    timeout-minutes: 5
    steps:
      - run: echo ok
"""
INJECTED = WORKFLOW.replace("echo ok", "echo '${{ github.event.issue.title }}'")
OURS, EXAMPLE = ".github/workflows/broken.yml", "examples/workflows/broken.yml"
BROKEN = {
    "shell scripts": ("scripts/broken.sh", '#!/bin/sh\nrm -rf "$1/bin" $2\n', "SC2086"),
    "Dockerfile": ("Dockerfile", "FROM debian:latest\nRUN cd /tmp\n", "DL3007"),
    "action.yml": ("action.yml", "name: x\ndescription: y\nruns: {using: docker}\n", "is not valid under any"),
    "workflows": (OURS, WORKFLOW.replace("runs-on", "runs-where"), "runs-where"),
    "time limits of workflows": (EXAMPLE, WORKFLOW.replace("timeout-minutes: 5", "env: {}"), "timeout-minutes"),
    "security of workflows": (OURS, INJECTED, "template-injection"),
    "security of example workflows": (EXAMPLE, INJECTED, "template-injection"),
    "schemas": ("src/ptmobile/schemas/broken.schema.json", '{"type": "nothing"}', "nothing"),
    "example configs": ("examples/broken/ptmobile.yml", "model: net.py:Net\ntrials: 0\n", "trials"),
    "example baselines": ("examples/broken/baseline.json", "{}", "'tool' is a required property"),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """As much of the project as the checks need, without a fault."""
    for name in ("zizmor.yml", ".hadolint.yaml", "examples/zizmor.yml", "Dockerfile", "action.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in (".github", "src/ptmobile/schemas", "examples/workflows", "examples/digits"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def test_there_is_a_fault_for_every_check() -> None:
    assert set(BROKEN) == set(LINT.checks()) - OF_PYTHON


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_finds_a_fault(name: str, tree: Path) -> None:
    path, content, found = BROKEN[name]
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(content)
    command = [option for option in LINT.checks(tree)[name] if option != "--quiet"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode not in (0, 2), done.stdout + done.stderr
    assert found in done.stdout + done.stderr
