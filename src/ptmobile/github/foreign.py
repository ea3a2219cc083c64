"""Refusing code of strangers in the two kinds of runs that have the repository's secrets.

A workflow that runs on `pull_request_target` or `workflow_run` is the repository's own, with its secrets and a token
that may write, whoever opened the pull request. One that checks out the pull request and has it converted runs a
stranger's code beside them. The wall holds it off from our process; it cannot know what other steps leave around.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ptmobile.errors import ConfigurationError
from ptmobile.github.context import GitHubContext

OPTION: Final = "allow-foreign-code"
_MAX_EVENT_BYTES: Final = 32 * 1024 * 1024
#: Where the event says whose repository the code is from.
_HEAD: Final[Mapping[str, tuple[str, ...]]] = {
    "pull_request_target": ("pull_request", "head", "repo", "full_name"),
    "workflow_run": ("workflow_run", "head_repository", "full_name"),
}


def refuse_foreign_code(context: GitHubContext, *, allowed: bool) -> None:
    """Refuse a run with the repository's secrets that is about another repository's code.

    Raises:
        ConfigurationError: it is such a run, or the event does not say whose code it is about.
    """
    path = _HEAD.get(context.event_name)
    if path is None or allowed:
        return
    head = _at(_event(context.event_file), path)
    if head and head.lower() == context.repository.lower():
        return
    whose = f"is about code of {head}" if head else "does not say whose code it is about"
    raise ConfigurationError(
        f"This run was started by {context.event_name} and {whose}: it has the secrets of {context.repository}, and "
        "a model is code that would run beside them.",
        advice=(
            f"Run on pull_request instead, where a fork's run has no secrets. If no foreign code is checked out, or it "
            f"has been reviewed, give the input {OPTION}: true."
        ),
    )


def _event(file: Path | None) -> Any:
    try:
        return json.loads(file.read_bytes()[:_MAX_EVENT_BYTES]) if file and file.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return {}


def _at(value: Any, path: tuple[str, ...]) -> str:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
