"""Run a step of a workflow on your own machine: the action's image, started as the GitHub runner starts it.

The same mounts, working folder, variables and command files; started as root without terminal, stdin, or limits; a
time-out ends it with the runner's signals and pauses. What comes back is what a workflow would see: exit code, log,
outputs, summary.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from ptmobile.local.environment import WORKSPACE, Folders, declared_inputs, input_variable, runner_variables
from ptmobile.local.file_commands import FileCommandError, parse_key_values, summary_accepted

#: How the runner cancels a step: a signal, and the seconds it waits for the end; after the last one it kills.
CANCELLATION = (("SIGINT", 7.5), ("SIGTERM", 2.5))

_SOCKET = Path("/var/run/docker.sock")
_MEMORY_SAMPLE_SECONDS = 0.2


@dataclass(frozen=True)
class StepResult:
    """What a step left behind."""

    exit_code: int
    log: str
    """stdout and stderr in the order in which they arrived."""
    outputs: Mapping[str, str]
    env: Mapping[str, str]
    state: Mapping[str, str]
    path: tuple[str, ...]
    summary: str
    """The summary as the runner would show it: empty when the step's was too large."""
    file_command_errors: tuple[str, ...]
    """Malformed command files; each of them fails a step, whatever its exit code."""
    duration_seconds: float
    timed_out: bool = False
    peak_memory_bytes: int | None = None
    """The most memory seen, page cache not counted; sampled, so that a short peak may be missed."""

    @property
    def succeeded(self) -> bool:
        """Tell whether the workflow would go on."""
        return self.exit_code == 0 and not self.timed_out and not self.file_command_errors


@dataclass(frozen=True)
class Step:
    """One step with `uses:` a container action."""

    image: str
    workspace: Path
    inputs: Mapping[str, str] = field(default_factory=dict)
    """The step's `with:`."""
    env: Mapping[str, str] = field(default_factory=dict)
    """The step's `env:`; like the runner, its own variables win over these."""
    action_file: Path | None = None
    """The action.yml whose declared inputs are passed too, each with its default."""
    context: Mapping[str, str] = field(default_factory=dict)
    """Values for the runner's own variables (GITHUB_REPOSITORY, RUNNER_DEBUG, ACTIONS_RUNTIME_TOKEN, ...)."""
    event: Mapping[str, Any] = field(default_factory=dict)
    """The webhook payload that the workflow finds at GITHUB_EVENT_PATH."""
    mount_docker_socket: bool = True
    mounts: Mapping[Path, str] = field(default_factory=dict)
    """Further folders or files to mount, by host path."""
    read_only_workspace: bool = False
    """Mount the workspace so that nobody can write to it, which no runner does."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments for the container that no runner gives, for tests: `read_only`, `tmpfs`, `mem_limit`, ..."""
    timeout_seconds: float | None = None

    def run(
        self, client: docker.DockerClient | None = None, on_output: Callable[[str], None] | None = None
    ) -> StepResult:
        """Run the step to its end; `on_output` gets the log piece by piece while it runs."""
        client = client or docker.from_env()
        # What root wrote into the step's home can not be removed by another user: leave that to the system.
        with tempfile.TemporaryDirectory(prefix="ptmobile-step-", ignore_cleanup_errors=True) as temp:
            folders = Folders.create(self.workspace, Path(temp) / "_temp", json.dumps(self.event))
            container = client.containers.create(self.image, **self._arguments(folders))
            try:
                ended = _Watch(container, on_output).run(self.timeout_seconds)
            finally:
                with contextlib.suppress(NotFound):
                    container.remove(force=True, v=True)
            return _result(folders, ended)

    def variables(self, folders: Folders) -> dict[str, str]:
        """Return the container's environment: later sources win, host paths become the container's."""
        declared = declared_inputs(self.action_file) if self.action_file else {}
        inputs = {**_folded(declared), **_folded(self.inputs)}
        merged = {
            **self.env,
            **{input_variable(name): value for name, value in inputs.items()},
            **runner_variables(folders),
            **self.context,
        }
        return {name: folders.translate(value) for name, value in merged.items()}

    def _arguments(self, folders: Folders) -> dict[str, Any]:
        ends = {WORKSPACE: ":ro"} if self.read_only_workspace else {}
        binds = [(str(host), f"{inside}{ends.get(inside, '')}") for host, inside in folders.mounts()]
        binds += [(str(host.resolve()), inside) for host, inside in self.mounts.items()]
        if self.mount_docker_socket and _SOCKET.exists():
            binds.append((str(_SOCKET), str(_SOCKET)))
        return {
            "environment": self.variables(folders),
            "working_dir": str(WORKSPACE),
            "volumes": [f"{host}:{inside}" for host, inside in binds],
            "labels": {"ptmobile.step": "local"},
            **self.options,
        }


def _folded(inputs: Mapping[str, str]) -> dict[str, str]:
    """Input names are case-insensitive: fold them, so that a given one replaces the declared one."""
    return {name.lower(): value for name, value in inputs.items()}


@dataclass(frozen=True)
class _Ended:
    exit_code: int
    log: str
    duration_seconds: float
    timed_out: bool
    peak_memory_bytes: int | None


class _Watch:
    """Starts a container, follows its log and its memory, and cancels it when its time is up."""

    def __init__(self, container: Container, on_output: Callable[[str], None] | None) -> None:
        self._container = container
        self._on_output = on_output
        self._log: list[str] = []
        self._peak: int | None = None
        self._over = threading.Event()

    def run(self, timeout: float | None) -> _Ended:
        started = time.monotonic()
        stream = self._container.attach(stream=True)
        self._container.start()
        follower = threading.Thread(target=self._follow, args=(stream,), daemon=True)
        sampler = threading.Thread(target=self._sample_memory, daemon=True)
        follower.start()
        sampler.start()
        timed_out = False
        try:
            timed_out = not self._over.wait(timeout)
        finally:
            # Also when we are interrupted ourselves: the step shall get its chance to clean up.
            if not self._over.is_set():
                self._cancel()
        exit_code = int(self._container.wait(timeout=60)["StatusCode"])
        duration = time.monotonic() - started
        follower.join()
        sampler.join()
        return _Ended(exit_code, "".join(self._log), duration, timed_out, self._peak)

    def _follow(self, stream: Any) -> None:
        """Collect the log; its end is the container's end."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a character may be cut between two pieces
        try:
            for piece in stream:
                self._log.append(decoder.decode(piece))
                if self._on_output:
                    self._on_output(self._log[-1])
        finally:
            self._over.set()

    def _cancel(self) -> None:
        for signal, patience in CANCELLATION:
            self._kill(signal)
            if self._over.wait(patience):
                return
        self._kill("SIGKILL")
        self._over.wait()

    def _kill(self, signal: str) -> None:
        with contextlib.suppress(APIError):  # it has just ended by itself
            self._container.kill(signal)

    def _sample_memory(self) -> None:
        while not self._over.wait(_MEMORY_SAMPLE_SECONDS):
            with contextlib.suppress(APIError):
                sample = cast("dict[str, Any]", self._container.stats(stream=False, one_shot=True))
                self._peak = max(_memory_in_use(sample), self._peak or 0) or None


def _memory_in_use(sample: Mapping[str, Any]) -> int:
    """Return the memory that could not be given back: cache of files not in use is left out (cgroup v1 and v2)."""
    memory = sample.get("memory_stats") or {}
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return max(int(memory.get("usage", 0)) - int(cache), 0)


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _result(folders: Folders, ended: _Ended) -> StepResult:
    content = {variable: _read(file) for variable, file in folders.command_files.items()}
    errors: list[str] = []
    pairs: dict[str, Mapping[str, str]] = {}
    for variable in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STATE"):
        try:
            pairs[variable] = parse_key_values(_decode(content[variable]))
        except FileCommandError as error:
            # What stood before the bad line has taken effect.
            pairs[variable] = error.parsed
            errors.append(f"{variable}: {error}")
    summary = content["GITHUB_STEP_SUMMARY"]
    return StepResult(
        exit_code=ended.exit_code,
        log=ended.log,
        outputs=pairs["GITHUB_OUTPUT"],
        env=pairs["GITHUB_ENV"],
        state=pairs["GITHUB_STATE"],
        path=tuple(line for line in _decode(content["GITHUB_PATH"]).split("\n") if line),
        summary=_decode(summary) if summary_accepted(summary) else "",
        file_command_errors=tuple(errors),
        duration_seconds=ended.duration_seconds,
        timed_out=ended.timed_out,
        peak_memory_bytes=ended.peak_memory_bytes,
    )


def _read(file: Path) -> bytes:
    """Read a command file; one that the step removed or replaced by something else is skipped, as by the runner."""
    return file.read_bytes() if file.is_file() and not file.is_symlink() else b""
