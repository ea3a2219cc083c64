"""The variables and folders that the GitHub runner gives a container action's step."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml

#: Command file of each kind: the runner's variable for it and the first part of the file's name.
COMMAND_FILES: Mapping[str, str] = {
    "GITHUB_OUTPUT": "set_output_",
    "GITHUB_ENV": "set_env_",
    "GITHUB_STATE": "save_state_",
    "GITHUB_PATH": "add_path_",
    "GITHUB_STEP_SUMMARY": "step_summary_",
}

#: Where a container sees the job's workspace.
WORKSPACE = PurePosixPath("/github/workspace")
_ARCHITECTURES = {"x86_64": "X64", "amd64": "X64", "aarch64": "ARM64", "arm64": "ARM64"}


def input_variable(name: str) -> str:
    """Return the variable that carries an input: spaces become underscores, dashes and dots stay."""
    return "INPUT_" + name.replace(" ", "_").upper()


def declared_inputs(action_file: Path) -> dict[str, str]:
    """Read an action.yml: every declared input with its default, empty where it has none."""
    action = yaml.safe_load(action_file.read_text(encoding="utf-8"))
    return {name: _as_text((details or {}).get("default")) for name, details in (action.get("inputs") or {}).items()}


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Folders:
    """What the runner keeps beside a job's workspace, and where the container sees each of them."""

    workspace: Path
    temp: Path
    command_files: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def create(cls, workspace: Path, temp: Path, event: str) -> Folders:
        """Make the folders, the event file and fresh, empty command files: plain files of the user who calls this."""
        for name in ("_github_home", "_github_workflow", "_runner_file_commands"):
            (temp / name).mkdir(parents=True)
        (temp / "_github_workflow" / "event.json").write_text(event, encoding="utf-8")
        command_files = {
            variable: temp / "_runner_file_commands" / f"{prefix}{uuid.uuid4()}"
            for variable, prefix in COMMAND_FILES.items()
        }
        for file in command_files.values():
            file.touch(mode=0o644)
        return cls(workspace.resolve(), temp.resolve(), command_files)

    def mounts(self) -> Iterator[tuple[Path, PurePosixPath]]:
        """Yield host and container path of each mount, in the order in which the runner translates paths."""
        container = WORKSPACE.parent
        yield self.workspace, WORKSPACE
        yield self.temp / "_runner_file_commands", container / "file_commands"
        yield self.temp / "_github_workflow", container / "workflow"
        yield self.temp / "_github_home", container / "home"
        yield self.temp, container / "runner_temp"

    def translate(self, value: str) -> str:
        """Turn a value that is, or begins with, a mounted host path into the container's path.

        Only at the value's beginning: a host path in its middle arrives as it is, on the runner too.
        """
        for host, container in self.mounts():
            if value == str(host) or value.startswith(f"{host}/"):
                return f"{container}{value.removeprefix(str(host))}"
        return value


def runner_variables(folders: Folders) -> dict[str, str]:
    """Return GITHUB_*, RUNNER_* and the like of a push to an imaginary repository; never a token."""
    sha = "0123456789abcdef0123456789abcdef01234567"
    return {
        "CI": "true",
        "GITHUB_ACTION": "__self",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTOR": "octocat",
        "GITHUB_ACTOR_ID": "583231",
        "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_BASE_REF": "",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": str(folders.temp / "_github_workflow" / "event.json"),
        "GITHUB_GRAPHQL_URL": "https://api.github.com/graphql",
        "GITHUB_HEAD_REF": "",
        "GITHUB_JOB": "convert",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_REF_PROTECTED": "false",
        "GITHUB_REF_TYPE": "branch",
        "GITHUB_REPOSITORY": "octocat/models",
        "GITHUB_REPOSITORY_ID": "1296269",
        "GITHUB_REPOSITORY_OWNER": "octocat",
        "GITHUB_REPOSITORY_OWNER_ID": "583231",
        "GITHUB_RETENTION_DAYS": "90",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": "1",
        "GITHUB_RUN_NUMBER": "1",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": sha,
        "GITHUB_TRIGGERING_ACTOR": "octocat",
        "GITHUB_WORKFLOW": "convert",
        "GITHUB_WORKFLOW_REF": "octocat/models/.github/workflows/convert.yml@refs/heads/main",
        "GITHUB_WORKFLOW_SHA": sha,
        "GITHUB_WORKSPACE": str(folders.workspace),
        "HOME": str(folders.temp / "_github_home"),
        "RUNNER_ARCH": _ARCHITECTURES.get(platform.machine().lower(), "X64"),
        "RUNNER_ENVIRONMENT": "self-hosted",
        "RUNNER_NAME": "local",
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": str(folders.temp),
        "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache",
        "RUNNER_WORKSPACE": str(folders.workspace.parent),
        **{variable: str(file) for variable, file in folders.command_files.items()},
    }
