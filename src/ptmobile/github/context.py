"""Where we run: what the runner tells a step by its environment, read once.

Secrets are read here, kept in memory, never printed, and removed from the environment by `scrub` before anything else
starts. (What the kernel shows under `/proc/PID/environ` is the block from the start of the process; no process can
change that from Python. Whoever starts untrusted code must run it as another user.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

#: A commit by its full hash: SHA-1 or SHA-256.
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
#: A repository as OWNER/NAME.
REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_SECRETS = frozenset(
    {
        *("ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"),
        *("INPUT_GITHUB_TOKEN", "INPUT_TOKEN"),
    }
)


@dataclass(frozen=True)
class GitHubContext:
    """What a step may know about its run; empty where the runner says nothing, as outside of GitHub Actions."""

    in_actions: bool = False
    on_act: bool = False
    debug: bool = False
    """Whether the run was started with debug logging."""

    workspace: Path | None = None
    output_file: Path | None = None
    summary_file: Path | None = None
    event_file: Path | None = None

    server_url: str = "https://github.com"
    api_url: str = "https://api.github.com"
    results_url: str = ""

    repository: str = ""
    workflow: str = ""
    workflow_ref: str = ""
    action_repository: str = ""
    action_ref: str = ""
    job: str = ""
    run_id: str = ""
    run_attempt: str = ""
    event_name: str = ""
    sha: str = ""
    ref: str = ""
    retention_days: int | None = None

    runtime_token: str = field(default="", repr=False)
    id_token: str = field(default="", repr=False)
    github_token: str = field(default="", repr=False)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> GitHubContext:
        """Read the environment; a variable that is empty counts as absent."""

        def text(name: str, default: str = "") -> str:
            return environ.get(name) or default

        return cls(
            in_actions=text("GITHUB_ACTIONS") == "true",
            on_act=text("ACT") == "true",
            debug=text("RUNNER_DEBUG") == "1",
            workspace=_path(text("GITHUB_WORKSPACE")),
            output_file=_path(text("GITHUB_OUTPUT")),
            summary_file=_path(text("GITHUB_STEP_SUMMARY")),
            event_file=_path(text("GITHUB_EVENT_PATH")),
            server_url=text("GITHUB_SERVER_URL", cls.server_url),
            api_url=text("GITHUB_API_URL", cls.api_url),
            results_url=text("ACTIONS_RESULTS_URL"),
            repository=text("GITHUB_REPOSITORY"),
            workflow=text("GITHUB_WORKFLOW"),
            workflow_ref=text("GITHUB_WORKFLOW_REF"),
            action_repository=text("GITHUB_ACTION_REPOSITORY"),
            action_ref=text("GITHUB_ACTION_REF"),
            job=text("GITHUB_JOB"),
            run_id=text("GITHUB_RUN_ID"),
            run_attempt=text("GITHUB_RUN_ATTEMPT"),
            event_name=text("GITHUB_EVENT_NAME"),
            sha=text("GITHUB_SHA"),
            ref=text("GITHUB_REF"),
            retention_days=_days(text("GITHUB_RETENTION_DAYS")),
            runtime_token=text("ACTIONS_RUNTIME_TOKEN"),
            id_token=text("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
            github_token=text("INPUT_GITHUB-TOKEN") or text("GITHUB_TOKEN"),
        )

    @property
    def run_url(self) -> str:
        """The page of this run, or nothing outside of one."""
        if not (self.repository and self.run_id):
            return ""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}"


def scrub(environ: MutableMapping[str, str]) -> list[str]:
    """Remove every variable that carries a token and return the names.

    Names are compared without regard to case and punctuation: act exports inputs under their own names as well
    (`github-token`), and with other characters replaced.
    """
    names = [name for name in environ if _is_secret(name)]
    for name in names:
        del environ[name]
    return names


def _is_secret(name: str) -> bool:
    plain = re.sub(r"[^A-Z0-9]", "_", name.upper())
    return plain in _SECRETS


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _days(text: str) -> int | None:
    """The longest retention that the repository allows; 0 stands for no limit, as act has it."""
    return int(text) or None if text.isascii() and text.isdigit() else None
