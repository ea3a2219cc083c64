"""act's ways: a service that refuses what it does not know and appends blocks as they come; and act's own server."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from artifact_blobs import BLOCK, OwnStore
from artifact_http import Fault, empty, lost, reset
from artifact_service import ResultsService
from artifact_upload import Uploader, content_of

from ptmobile.github.artifact import ArtifactError

ACT = Path(sys.executable).parent / "act"
UPLOAD = """
import dataclasses, json, os, sys
from pathlib import Path
from ptmobile.github.artifact import Artifact, ServiceAccess, upload

access = ServiceAccess.from_environment(os.environ)
files = [(name, Path(name)) for name in sys.argv[3:]]
for _ in range(2):
    wanted = Artifact(files, sys.argv[1], archive=sys.argv[2], retention_days=3, overwrite=True)
    done = upload(wanted, access, lambda secret: print(f"::add-mask::{secret}"))
print("RESULT", json.dumps(dataclasses.asdict(done)))
"""


def test_an_archive_on_act(on_act: ResultsService, store: OwnStore, uploader: Uploader) -> None:
    uploaded = uploader.zip(on_act, content_of(3 * BLOCK), retention_days=5, overwrite=True)
    assert on_act.kinds() == ["CreateArtifact", "FinalizeArtifact"], "its server may end when it is asked for a list"
    assert "mime_type" not in on_act.requests[0].json
    assert uploaded.url == ""
    assert uploaded.notices == ()
    archive = on_act.published("net")[0]
    assert archive == b"".join(request.body for request in store.requests if request.kind == "block"), "as they came"


def test_a_bare_file_goes_into_an_archive_there(on_act: ResultsService, uploader: Uploader) -> None:
    uploaded = uploader.raw(on_act)
    assert (uploaded.name, uploaded.archive) == ("net.ptl", "zip")
    assert uploaded.notices == ("act keeps artifacts as zip archives only: the file was uploaded in one.",)
    assert on_act.published("net.ptl")[0].startswith(b"PK")


def test_a_second_upload_of_the_name(on_act: ResultsService, uploader: Uploader) -> None:
    uploader.zip(on_act, b"old")
    uploaded = uploader.zip(on_act, b"new")
    assert hashlib.sha256(on_act.published("net")[0]).hexdigest() == uploaded.digest


@pytest.mark.parametrize("fault", [empty(503), reset()])
def test_no_block_is_sent_twice(fault: Fault, on_act: ResultsService, store: OwnStore, uploader: Uploader) -> None:
    store.script("block", fault)
    with pytest.raises(ArtifactError):
        uploader.zip(on_act)
    assert store.count("block") == 1


def test_a_lost_answer_is_looked_up_there_too(on_act: ResultsService, uploader: Uploader) -> None:
    on_act.script("FinalizeArtifact", lost())
    uploaded = uploader.zip(on_act)
    assert on_act.kinds()[-1] == "ListArtifacts"
    assert uploaded.id == on_act.artifacts[0].number
    on_act.violations.clear()


def run_act(repository: Path, tmp_path: Path, steps: list[str]) -> str:
    """Run steps on this machine itself, with act's artifact server; return the log."""
    workflow = {"on": "push", "jobs": {"upload": {"runs-on": "here", "steps": [{"run": step} for step in steps]}}}
    (repository / "workflow.yml").write_text(json.dumps(workflow))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(ACT), "push", "-W", "workflow.yml", "-P", "here=-self-hosted", "--no-cache-server"]
    command += ["--action-cache-path", str(tmp_path / "cache"), "--artifact-server-path", str(tmp_path / "artifacts")]
    command += ["--artifact-server-addr", "127.0.0.1", "--artifact-server-port", str(port)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    environment |= {"ACT_DISABLE_VERSION_CHECK": "1", "DOCKER_HOST": "unix:///nonexistent.sock"}
    act = subprocess.run(
        command, cwd=repository, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    log = act.stdout + act.stderr
    assert act.returncode == 0, log[-6000:]
    return log


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "upload.py").write_text(UPLOAD)
    (root / "net.ptl").write_bytes(content_of(20_000_000))
    (root / "report.html").write_bytes(b"<p>report</p>" * 10_000)
    git = ["git", "-C", str(root), "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *arguments], check=True)
    return root


def test_the_artifact_server_of_act(repository: Path, tmp_path: Path) -> None:
    """Everything is uploaded twice, and the second time counts."""
    command = f"cd {shlex.quote(str(repository))} && {shlex.quote(sys.executable)} -I upload.py"
    log = run_act(repository, tmp_path, [f"{command} net zip net.ptl report.html", f"{command} bare raw net.ptl"])
    results = [json.loads(found) for found in re.findall(r"RESULT (.*)", log)]
    assert [(result["name"], result["url"], result["archive"]) for result in results] == [
        ("net", "", "zip"),
        ("bare.ptl", "", "zip"),
    ]
    assert results[1]["notices"] == ["act keeps artifacts as zip archives only: the file was uploaded in one."]
    kept = {path.stem: path for path in (tmp_path / "artifacts").rglob("*.zip")}
    for result, files in zip(results, (["net.ptl", "report.html"], ["net.ptl"]), strict=True):
        data = kept[result["name"]].read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (result["digest"], result["size_bytes"])
        with zipfile.ZipFile(kept[result["name"]]) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        assert contents == {name: (repository / name).read_bytes() for name in files}
