"""Which pull request a job belongs to: by its event, or for a workflow that follows another, by the commit of that.

What the event says comes from GitHub; nothing here reads what the pull request itself has made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptmobile.github.rest import RestClient

_LARGEST_EVENT = 32 << 20


@dataclass(frozen=True)
class Event:
    """The event of a job, by name and content; empty where there is none."""

    name: str
    content: Mapping[str, Any]

    @classmethod
    def read(cls, name: str, path: Path | None) -> Event:
        """Read the runner's file; one that cannot be read is as none."""
        try:
            if path is None or not path.is_file() or path.stat().st_size > _LARGEST_EVENT:
                return cls(name, {})
            content = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return cls(name, {})
        return cls(name, content if isinstance(content, dict) else {})

    @property
    def follows_a_run(self) -> bool:
        """Whether the job follows another workflow's run."""
        return self.name == "workflow_run"

    @property
    def run(self) -> Mapping[str, Any]:
        """The run that the job follows."""
        return _mapping(self.content.get("workflow_run"))

    @property
    def run_url(self) -> str:
        """The page of that run, as GitHub says it."""
        return _text(self.run.get("html_url"))


@dataclass(frozen=True)
class PullRequest:
    """A pull request: its number, and the commit that was run (empty if the event does not say)."""

    number: int
    sha: str = ""


def find_pull_request(event: Event, client: RestClient, repository: str) -> PullRequest | None:
    """The open pull request that the job is about; None if there is none (any more).

    Of a run that is followed it is the one whose newest commit is the commit of the run: results of an older commit
    would take the place of newer ones.

    Raises:
        RestError: GitHub cannot be asked.
    """
    if event.follows_a_run:
        return _of_run(event.run, client, repository)
    pull = _mapping(event.content.get("pull_request"))
    number = pull.get("number")
    if not isinstance(number, int):
        return None
    return PullRequest(number, _text(_mapping(pull.get("head")).get("sha")))


def _of_run(run: Mapping[str, Any], client: RestClient, repository: str) -> PullRequest | None:
    sha, branch = _text(run.get("head_sha")), _text(run.get("head_branch"))
    head = _mapping(run.get("head_repository"))
    owner = _text(_mapping(head.get("owner")).get("login"))
    if not sha:
        return None
    # A commit of a fork is not found by itself, its branch is.
    if owner and branch:
        for pull in client.pages(f"/repos/{repository}/pulls", state="open", head=f"{owner}:{branch}"):
            if _is_at(pull, sha):
                return PullRequest(int(pull["number"]), sha)
    for pull in client.pages(f"/repos/{repository}/commits/{sha}/pulls"):
        if pull.get("state") == "open" and _is_at(pull, sha):
            return PullRequest(int(pull["number"]), sha)
    return None


def _is_at(pull: Mapping[str, Any], sha: str) -> bool:
    return isinstance(pull.get("number"), int) and _mapping(pull.get("head")).get("sha") == sha


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
