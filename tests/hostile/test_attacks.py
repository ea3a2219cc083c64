"""A hostile model for each attack, in the real container, followed by an innocent one that must not suffer from it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from markdown_it import MarkdownIt

from ptmobile.local.file_commands import summary_accepted
from ptmobile.local.step import StepResult
from ptmobile.local.workflow_commands import parse_commands
from ptmobile.report.model import report_schema
from ptmobile.report.outputs import OUTPUTS
from tests.e2e.conftest import RunStep
from tests.hostile.attacks import ATTACKS, Attack

MODELS = Path(__file__).parent / "models"
OWNER = (12345, 23456)
TOKENS = ("ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_TOKEN")
SECRETS = {name: f"sesame-{name}" for name in TOKENS}
TOKEN_FILE = "extraheader = AUTHORIZATION: basic sesame-of-checkout\n"
HARMLESS = {"group", "endgroup", "error", "warning", "notice"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A checkout that belongs to the runner's user, with a token in the folder of git."""
    folder = tmp_path / "workspace"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git/config").write_text(TOKEN_FILE)
    for name in ("attacking.py", "good.py"):
        shutil.copy(MODELS / name, folder)
    return folder


def run(run_step: RunStep, workspace: Path, attack: Attack, tmp_path: Path, **fields: Any) -> StepResult:
    """Have the attack converted, then the innocent model."""
    shutil.copy(MODELS / f"{attack.file}.py", workspace)
    hostile = {"name": "hostile", "model": f"{attack.file}.py:make", **attack.inputs}
    models = [hostile, {"name": "good", "model": "good.py:make"}]
    config = {"inputs": [[2, 4]], "device-check": "off", "trials": 1, "models": models}
    (workspace / "ptmobile.yml").write_text(yaml.safe_dump(config))
    for path in [workspace, *workspace.rglob("*")]:
        os.chown(path, *OWNER)
    planted = tmp_path / "token"
    planted.write_text(TOKEN_FILE)
    planted.chmod(0o644)
    fields = {"context": SECRETS, "mounts": {planted: "/github/runner_temp/git-credentials.config"}, **fields}
    return run_step({}, workspace=workspace, options=dict(attack.options), timeout_seconds=240, **fields)


def report_of(workspace: Path) -> dict[str, Any]:
    report = json.loads((workspace / "ptmobile-report/report.json").read_text())
    jsonschema.validate(report, report_schema())
    return report


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(name: str, run_step: RunStep, workspace: Path, tmp_path: Path) -> None:
    attack = ATTACKS[name]
    step = run(run_step, workspace, attack, tmp_path)
    report = report_of(workspace)
    hostile, good = report["models"]
    assert "BREACH" not in step.log
    assert attack.said in step.log
    assert "Traceback" not in "".join(line for line in step.log.splitlines() if not line.startswith("│"))
    assert step.exit_code == attack.code, step.log
    assert (step.timed_out, step.file_command_errors) == (False, ())
    assert hostile["verdict"]["status"] == ("failed" if attack.code else "passed")
    assert attack.shown in json.dumps(hostile["verdict"])
    assert good["verdict"]["status"] == "passed", step.log
    assert (workspace / "ptmobile-report/good.ptl").is_file()
    assert (report["tool"]["isolation"], report["tool"]["landlock"] > 0) == ("separate-user", True)
    nothing_leaked(step, workspace)
    only_our_commands(step)
    _nothing_changed(workspace, attack)


def nothing_leaked(step: StepResult, workspace: Path) -> None:
    assert "sesame" not in step.log + step.summary + repr(dict(step.outputs))
    for path in (workspace / "ptmobile-report").rglob("*"):
        assert path.is_dir() or b"sesame" not in path.read_bytes()


def only_our_commands(step: StepResult) -> None:
    """In the log, in the command files, in the summary."""
    for flavour in ("runner", "act"):
        commands = parse_commands(step.log, flavour)  # type: ignore[arg-type]
        assert {command.name for command in commands} <= HARMLESS
        # Act takes what stands behind the last pair of colons for the message; the command is ours all the same.
        assert flavour == "act" or not [command for command in commands if command.data.startswith("forged")]
    assert set(step.outputs) == set(OUTPUTS)
    assert (dict(step.env), dict(step.state), step.path) == ({}, {}, ())
    assert len(step.log) < 4_000_000
    assert step.summary
    assert summary_accepted(step.summary.encode())
    html = MarkdownIt("commonmark").enable("table").render(step.summary)
    for forbidden in ("<script", "<img", 'href="https://evil', "onerror=alert(1)>"):
        assert forbidden not in html


def _nothing_changed(workspace: Path, attack: Attack) -> None:
    expected = {"attacking.py", "good.py", f"{attack.file}.py", "ptmobile.yml", ".git", "ptmobile-report"}
    assert {path.name for path in workspace.iterdir()} == expected
    for name in ("attacking.py", "good.py", f"{attack.file}.py"):
        assert (workspace / name).read_bytes() == (MODELS / name).read_bytes()
    for path in (workspace / "ptmobile-report").rglob("*"):
        assert not path.is_symlink()
        assert (path.stat().st_uid, path.stat().st_gid) == OWNER
        assert path.is_dir() or (path.is_file() and path.stat().st_nlink == 1)
