"""The example workflows on act: jobs on this machine itself, the action in its own container.

What act cannot fetch from here is played: the checkout is a copy, a download unpacks what act's own artifact server was
given, the attestation reads its subjects, and ``gh`` writes down what it was to do. Everything else is the example's.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from ptmobile.spec.yaml_text import load_yaml

ROOT = Path(__file__).parents[2]
ACT = Path(sys.executable).parent / "act"
UNPACK = """
import glob, os, zipfile
(archive,) = glob.glob(os.environ["ARTIFACTS"] + "/*/*/" + os.environ["NAME"] + ".zip")
zipfile.ZipFile(archive).extractall(os.environ["TARGET"])
"""
ATTEST = """
import os
for line in open(os.environ["SUBJECTS"]):
    print("attested", *line.split())
"""
GH = """
import hashlib, json, os, pathlib, sys
files = [path for path in map(pathlib.Path, sys.argv[1:]) if path.is_file()]
call = {"arguments": sys.argv[1:], "repository": os.environ["GH_REPO"], "token": os.environ["GH_TOKEN"]}
call["files"] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
with open(os.environ["GH_CALLS"], "a") as calls:
    print(json.dumps(call), file=calls)
sys.exit(sys.argv[2] == "view")
"""


class Examples:
    """A repository with the examples, and what comes of their workflows; ``artifacts`` has a folder for each run."""

    def __init__(self, folder: Path, tag: str) -> None:
        self._folder = folder
        self.repository = folder / "repository"
        self.artifacts = folder / "artifacts"
        self._calls = folder / "gh-calls"
        shutil.copytree(ROOT / "examples", self.repository / "examples")
        # The action as a step finds it, from the image that was built already; another folder, another image of act's.
        action = self.repository / "release-of-tests"
        action.mkdir()
        shutil.copy(ROOT / "action.yml", action)
        (action / "Dockerfile").write_text(f"FROM {tag}\n")
        (folder / "bin").mkdir()
        gh = folder / "bin/gh"
        gh.write_text(f"#!{sys.executable} -I\n{GH}")
        gh.chmod(0o755)
        self._git("init", "-q")
        self._git("remote", "add", "origin", "https://github.com/owner/models.git")

    def _git(self, *arguments: str) -> str:
        git = ["git", "-C", str(self.repository), "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
        return subprocess.run([*git, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    @property
    def commit(self) -> str:
        return self._git("rev-parse", "HEAD")

    @property
    def gh_calls(self) -> list[dict[str, Any]]:
        """What ``gh`` was called with, in order."""
        return [json.loads(line) for line in self._calls.read_text().splitlines()]

    def run(self, name: str, event: str, payload: object, *options: str, change: Any = None) -> tuple[int, str]:
        """Run an example for an event; ``change`` may change its text first. Returns act's exit code and log."""
        text = (ROOT / f"examples/workflows/{name}.yml").read_text()
        workflow = load_yaml((change or str)(text).replace("runs-on: ubuntu-latest", "runs-on: here"))
        for job in workflow["jobs"].values():
            job["steps"] = [self._local(step) for step in job["steps"]]
        (self.repository / "workflow.yml").write_text(yaml.safe_dump(workflow, sort_keys=False))
        self._git("add", ".")
        self._git("commit", "-qm", "all", "--allow-empty", "--date=2026-01-01T00:00:00Z")
        (self._folder / "event.json").write_text(json.dumps(payload))
        environment = {"PATH": f"{self._folder / 'bin'}:{os.environ['PATH']}", "HOME": str(self._folder)}
        environment |= {"XDG_CONFIG_HOME": str(self._folder / "config"), "ACT_DISABLE_VERSION_CHECK": "1"}
        act = subprocess.run(
            [str(ACT), event, "-e", str(self._folder / "event.json"), *self._options(), *options],
            cwd=self.repository,
            env=environment,
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
        return act.returncode, act.stdout + act.stderr

    def _options(self) -> list[str]:
        """Containers see what a step on this machine is given, and its network."""
        cache = self._folder / "cache"
        cache.mkdir(exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["-W", "workflow.yml", "-P", "here=-self-hosted", "--no-cache-server", "--pull=false", "--rm"]
        options += ["--action-cache-path", str(cache), "--artifact-server-path", str(self.artifacts)]
        options += ["--artifact-server-addr", "127.0.0.1", "--artifact-server-port", str(port)]
        return [*options, "--container-options", f"--network=host -v {shlex.quote(f'{cache}:{cache}')}"]

    def _local(self, step: dict[str, Any]) -> dict[str, Any]:
        """A step as it can be done without GitHub."""
        action, _, _ = str(step.get("uses", "")).partition("@")
        if not action:
            return {**step, "env": {**step.get("env", {}), "GH_CALLS": str(self._calls)}}
        kept = {name: step[name] for name in ("id", "if") if name in step}
        given = step.get("with", {})
        if action == "actions/checkout":
            code = f"import shutil; shutil.copytree({str(self.repository)!r}, '.', dirs_exist_ok=True)"
            return _python(code, **kept)
        if action == "actions/download-artifact":
            env = {"ARTIFACTS": str(self.artifacts), "NAME": given["name"], "TARGET": given["path"]}
            copy = f"import shutil; shutil.copytree({str(self.repository / 'release-of-tests')!r}, 'release-of-tests')"
            return _python(f"{UNPACK}\n{copy}", env=env, **kept)
        if action == "actions/attest-build-provenance":
            return _python(ATTEST, env={"SUBJECTS": given["subject-checksums"]}, **kept)
        assert action == "org/ptmobile-action"
        return {**step, "uses": "./release-of-tests"}


def _python(code: str, **fields: Any) -> dict[str, Any]:
    return {"shell": f"{sys.executable} -I {{0}}", "run": code, **fields}
