"""What holds around every run: where reports go, what a link cannot do, what a fault of ours leaves behind."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ptmobile import cli, session
from ptmobile.errors import PublishError
from ptmobile.files import WorkspaceFiles
from ptmobile.github.context import GitHubContext
from ptmobile.local.workflow_commands import parse_commands
from ptmobile.protocol import JOB_FILE, Job
from ptmobile.session import Session
from ptmobile.spec.coerce import Given
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.spec.workspace import Workspace

ZERO = "import torch\nclass Zero(torch.nn.Module):\n    def forward(self, x):\n        return x * 0\n"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "zero.py").write_text(ZERO)
    monkeypatch.chdir(folder)
    return folder


def given(**options: str) -> dict[str, Given]:
    names = {name.replace("_", "-"): value for name, value in options.items()}
    return {name: Given(value, f"--{name}", text=True) for name, value in names.items()}


def convert(workspace: Path, context: GitHubContext | None = None, **options: str) -> tuple[int, str]:
    stream = io.StringIO()
    run = Session(context or GitHubContext(), Workspace(workspace), stream)
    return run.convert(lambda _problems: given(**options)), stream.getvalue()


def test_a_refusal_is_reported_where_reports_were_asked_for(workspace: Path) -> None:
    code, _ = convert(workspace, model="no such form", report_dir="out/here")
    assert code == 2
    assert json.loads((workspace / "out/here/report.json").read_text())["exit_code"] == 2
    assert not (workspace / "ptmobile-report").exists()


def test_no_report_leaves_the_workspace_through_a_link(workspace: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (workspace / "ptmobile-report").symlink_to(outside)
    code, output = convert(workspace, model="zero.py:Zero", inputs="[[1]]")
    assert code == 2
    assert list(outside.iterdir()) == []
    assert "a link leads out of the workspace" in output


def test_a_link_planted_after_the_checks_leads_nowhere(workspace: Path, tmp_path: Path) -> None:
    files = WorkspaceFiles(workspace)
    (workspace / "made").symlink_to(tmp_path)
    for path in ("made/file", "made/deeper/file"):
        with pytest.raises(PublishError, match="out of the workspace"):
            files.write(path, b"data")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["workspace"]


def test_a_fault_of_ours_is_reported_and_shows_no_traceback(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(session, "run_models", broken)
    summary, output_file = workspace / "summary", workspace / "output"
    summary.touch()
    output_file.touch()
    context = GitHubContext(in_actions=True, summary_file=summary, output_file=output_file)
    code, output = convert(workspace, context, model="zero.py:Zero", inputs="[[1]]")
    assert code == 1
    assert "ZeroDivisionError: inside (test_session.py:" in output
    assert "Traceback" not in output
    assert [command.name for command in parse_commands(output)] == ["notice", "error"]  # no artifact service
    assert json.loads((workspace / "ptmobile-report/report.json").read_text())["verdict"] == "failed"
    assert "ZeroDivisionError" in summary.read_text()
    assert "verdict" in output_file.read_text()


def test_the_command_line_says_a_fault_of_ours_as_text(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "run_models", lambda *_: 1 / 0)
    assert cli.main(["convert", "--model", "zero.py:Zero", "--inputs", "[[1]]"]) == 1
    output = capsys.readouterr().out
    assert "by a fault of its own" in output
    assert "::error" not in output


def test_a_fault_of_the_workers_own_is_told(workspace: Path) -> None:
    """The worker is forked from a parent that must not be threaded: this happens in a program of its own."""
    program = (
        "import os, sys; from pathlib import Path; import socket; from ptmobile.worker import zygote\n"
        "zygote.run_job = lambda *_: 1 / 0\n"
        "own, _ = socket.socketpair()\n"
        "results = os.open(os.devnull, os.O_WRONLY)\n"
        "zygote._Server(own)._child(Path(sys.argv[1]), results, os.dup(1), os.dup(2))\n"
    )
    spec = ConversionSpec(name="Zero", model="zero.py:Zero")
    job = Job(spec=spec, workspace=str(workspace), scratch=str(workspace))
    (workspace / JOB_FILE).write_bytes(msgspec.json.encode(job))
    done = subprocess.run(
        [sys.executable, "-c", program, str(workspace)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    told = "ptmobile failed by a fault of its own: ZeroDivisionError: division by zero (<string>:2)."
    assert done.stdout.splitlines() == [told, "Please report it."]


def test_a_run_that_fails_on_warnings_says_so(workspace: Path) -> None:
    code, output = convert(
        workspace, GitHubContext(in_actions=True), model="zero.py:Zero", inputs="[[2]]", fail_on="warning", name="home"
    )
    assert code == 5
    assert "fail-on is warning" in output
    names = {command.name for command in parse_commands(output)}
    assert names == {"endgroup", "error", "group", "notice", "warning"}
