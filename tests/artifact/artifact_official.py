"""The official clients and Azurite, from npm: installed once as locked, run on this machine's own addresses only."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from artifact_blobs import AzuriteStore
from artifact_service import ResultsService

HERE = Path(__file__).parent / "official"
CACHE = Path(__file__).parents[2] / ".cache" / "artifact-official"
_FILES = ("package.json", "package-lock.json", "client.mjs")


class NotInstalledError(Exception):
    """There is no Node here, or its packages cannot be had; the message says which."""


def installed() -> Path:
    """The folder with the packages; they are installed if the lock has changed since, by one process at a time.

    Raises:
        NotInstalledError: that is not possible.
    """
    CACHE.parent.mkdir(exist_ok=True)
    with (CACHE.parent / "artifact-official.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _installed()


def _installed() -> Path:
    wanted = {name: (HERE / name).read_bytes() for name in _FILES}
    if all((CACHE / name).is_file() and (CACHE / name).read_bytes() == data for name, data in wanted.items()):
        return CACHE
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        raise NotInstalledError(f"{' and '.join(missing)} not found: the official artifact client needs Node 20")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0] or 0) < 20:
        raise NotInstalledError(f"Node is {version}: the official artifact client needs Node 20")
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as name:
        folder = Path(name)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / file, folder)
        old = CACHE / "package-lock.json"
        if old.is_file() and old.read_bytes() == wanted["package-lock.json"] and (CACHE / "node_modules").is_dir():
            (CACHE / "node_modules").rename(folder / "node_modules")
        else:
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            npm = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=580, check=False)
            if npm.returncode:
                raise NotInstalledError(f"npm cannot install the official artifact client: {npm.stderr[-300:]}")
        shutil.copy(HERE / "client.mjs", folder)
        shutil.rmtree(CACHE, ignore_errors=True)
        folder.rename(CACHE)
        folder.mkdir()  # for its removal
    return CACHE


class OfficialClient:
    """A version of the official client in a process of its own; a context manager."""

    def __init__(self, version: str, workspace: Path, *, hurry: int = 1) -> None:
        self._process = subprocess.Popen(
            ["node", "client.mjs", version, str(hurry)],
            cwd=installed(),
            env={"PATH": os.environ["PATH"], "GITHUB_WORKSPACE": str(workspace)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> OfficialClient:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)

    def call(self, service: ResultsService, action: str, **request: Any) -> dict[str, Any]:
        """Do something; the result has a `value` or an `error`."""
        env = {"ACTIONS_RUNTIME_TOKEN": service.token, "ACTIONS_RESULTS_URL": service.address}
        env |= request.pop("more_env", {})
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"env": env, "action": action, **request}) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("RESULT "):
                return dict(json.loads(line.removeprefix("RESULT ")))
        raise AssertionError("the official client has ended")


@contextmanager
def azurite() -> Iterator[str]:
    """Run Azurite, with everything in memory, and tell its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["node", "node_modules/.bin/azurite-blob", "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"]
    environment = {"PATH": os.environ["PATH"]}
    process = subprocess.Popen(command, cwd=installed(), env=environment, stdout=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while True:
            try:
                AzuriteStore(address).make_container()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)
