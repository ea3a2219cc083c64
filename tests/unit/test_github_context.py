from __future__ import annotations

from pathlib import Path

import pytest

from ptmobile.github.context import GitHubContext, scrub

ENVIRON = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_WORKSPACE": "/github/workspace",
    "GITHUB_OUTPUT": "/github/file_commands/set_output_x",
    "GITHUB_STEP_SUMMARY": "/github/file_commands/step_summary_x",
    "GITHUB_EVENT_PATH": "/github/workflow/event.json",
    "GITHUB_SERVER_URL": "https://git.example.com",
    "GITHUB_API_URL": "https://git.example.com/api/v3",
    "GITHUB_REPOSITORY": "org/app",
    "GITHUB_RUN_ID": "42",
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_RETENTION_DAYS": "90",
    "RUNNER_DEBUG": "1",
    "ACTIONS_RUNTIME_TOKEN": "runtime-secret",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "id-secret",
    "INPUT_GITHUB-TOKEN": "github-secret",
}


def test_reads_what_the_runner_says() -> None:
    context = GitHubContext.from_environ(ENVIRON)
    assert context.in_actions
    assert context.debug
    assert not context.on_act
    assert context.workspace == Path("/github/workspace")
    assert context.output_file == Path("/github/file_commands/set_output_x")
    assert context.summary_file == Path("/github/file_commands/step_summary_x")
    assert context.event_file == Path("/github/workflow/event.json")
    assert context.run_url == "https://git.example.com/org/app/actions/runs/42"
    assert context.api_url == "https://git.example.com/api/v3"
    assert context.event_name == "pull_request"
    assert context.retention_days == 90
    assert (context.runtime_token, context.id_token) == ("runtime-secret", "id-secret")
    assert context.github_token == "github-secret"


@pytest.mark.parametrize("environ", [{}, dict.fromkeys(ENVIRON, "")])
def test_nothing_and_empty_are_the_same(environ: dict[str, str]) -> None:
    context = GitHubContext.from_environ(environ)
    assert context == GitHubContext()
    assert context.run_url == ""
    assert context.server_url == "https://github.com"


def test_secrets_are_not_printed() -> None:
    assert "secret" not in repr(GitHubContext.from_environ(ENVIRON))


@pytest.mark.parametrize(
    ("text", "days"), [("", None), ("0", None), ("1", 1), ("-1", None), ("x", None), ("²", None), ("٣", None)]
)
def test_retention(text: str, days: int | None) -> None:
    assert GitHubContext.from_environ({"GITHUB_RETENTION_DAYS": text}).retention_days == days


def test_a_token_of_the_environment_serves_where_no_input_is_given() -> None:
    assert GitHubContext.from_environ({"GITHUB_TOKEN": "t"}).github_token == "t"
    assert GitHubContext.from_environ({"GITHUB_TOKEN": "t", "INPUT_GITHUB-TOKEN": "u"}).github_token == "u"


def test_scrub_removes_tokens_under_every_name() -> None:
    secrets = {
        *("ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "INPUT_GITHUB-TOKEN", "INPUT_GITHUB_TOKEN"),
        *("GITHUB_TOKEN", "GH_TOKEN", "github-token", "Github.Token"),
    }
    harmless = {"GITHUB_OUTPUT": "x", "INPUT_MODEL": "y", "TOKENIZERS_PARALLELISM": "false", "PATH": "/bin"}
    environ = dict.fromkeys(secrets, "secret") | harmless
    assert set(scrub(environ)) == secrets
    assert environ == harmless
    assert scrub(environ) == []
