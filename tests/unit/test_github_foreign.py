"""Runs that have the repository's secrets and are about somebody else's code are refused, unless allowed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from ptmobile.action import main
from ptmobile.errors import ConfigurationError
from ptmobile.github.context import GitHubContext
from ptmobile.github.foreign import refuse_foreign_code
from ptmobile.github.pull_request import Event


def pull_request(head: Any) -> dict[str, Any]:
    return {"pull_request": {"head": {"repo": head}}}


def workflow_run(head: Any) -> dict[str, Any]:
    return {"workflow_run": {"head_repository": head}}


OURS, THEIRS = {"full_name": "us/models"}, {"full_name": "stranger/models"}


def refuse(folder: Path, name: str, event: object, *, allowed: bool = False) -> None:
    file = folder / "event.json"
    file.write_text(event if isinstance(event, str) else json.dumps(event))
    context = GitHubContext(in_actions=True, repository="us/models", event_name=name, event_file=file)
    refuse_foreign_code(context, allowed=allowed)


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("pull_request_target", pull_request(THEIRS)),
        ("pull_request_target", pull_request(None)),  # the fork was deleted
        ("pull_request_target", pull_request({"full_name": ["us/models"]})),
        ("pull_request_target", {}),
        ("pull_request_target", []),
        ("pull_request_target", "no JSON"),
        ("pull_request_target", "[" * 100_000),
        ("workflow_run", workflow_run(THEIRS)),
        ("workflow_run", pull_request(OURS)),
    ],
)
def test_refused_unless_allowed(tmp_path: Path, name: str, event: object) -> None:
    with pytest.raises(ConfigurationError, match=f"started by {name}") as caught:
        refuse(tmp_path, name, event)
    assert "allow-foreign-code: true" in caught.value.advice
    refuse(tmp_path, name, event, allowed=True)


def test_refused_without_an_event(tmp_path: Path) -> None:
    for file in (None, tmp_path / "missing", tmp_path, Path("/dev/zero")):  # the last one never ends
        assert Event.read("workflow_run", file).content == {}
        context = GitHubContext(repository="us/models", event_name="workflow_run", event_file=file)
        with pytest.raises(ConfigurationError):
            refuse_foreign_code(context, allowed=False)


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("pull_request_target", pull_request(OURS)),
        ("pull_request_target", pull_request({"full_name": "US/Models"})),
        ("workflow_run", workflow_run(OURS)),
        ("pull_request", pull_request(THEIRS)),
        ("push", {}),
        ("", {}),
    ],
)
def test_our_own_code_and_runs_without_secrets_are_not_refused(tmp_path: Path, name: str, event: object) -> None:
    refuse(tmp_path, name, event)


@pytest.mark.parametrize("where", ["nowhere", "config file", "input"])
def test_only_the_workflow_can_allow_it(tmp_path: Path, where: str) -> None:
    """Not the config file: that may come with the foreign code."""
    workspace, event, output = tmp_path / "workspace", tmp_path / "event.json", tmp_path / "output"
    workspace.mkdir()
    output.touch()
    event.write_text(json.dumps(pull_request(THEIRS)))
    allows = "allow-foreign-code: true\n" if where == "config file" else ""
    (workspace / "ptmobile.yml").write_text(f"model: nothing.py:Net\n{allows}")
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "us/models",
        "GITHUB_EVENT_NAME": "pull_request_target",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_WORKSPACE": str(workspace),
        "GITHUB_OUTPUT": str(output),
        "INPUT_ALLOW-FOREIGN-CODE": "true" if where == "input" else "",
    }
    log = io.StringIO()
    assert main(environ, log) == 2
    refused = "has the secrets of us/models" in log.getvalue()
    assert refused == (where != "input")
    report = json.loads((workspace / "ptmobile-report/report.json").read_text())
    assert ("secrets" in report["problems"][0]["message"]) == refused
