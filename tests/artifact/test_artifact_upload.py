"""Uploads to a service that works: what travels, what is published, and what a caller is told."""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from artifact_blobs import BLOCK, OwnStore
from artifact_service import JOB, OTHER_JOB, RUN, ResultsService, runtime_token
from artifact_upload import Uploader, content_of

from ptmobile.github.artifact import (
    ArtifactError,
    InvalidArtifactError,
    NameTakenError,
    NoServiceError,
    ServiceAccess,
    UnreadableFileError,
    UnsupportedServerError,
)

IDS = {"workflow_run_backend_id": RUN, "workflow_job_run_backend_id": JOB}


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 20_000_000])
def test_a_bare_file_arrives_as_it_is(size: int, service: ResultsService, store: OwnStore, uploader: Uploader) -> None:
    content = content_of(size)
    uploaded = uploader.raw(service, content)
    assert service.published("net.ptl") == (content, "application/octet-stream")
    assert uploaded.digest == hashlib.sha256(content).hexdigest()
    assert (uploaded.size_bytes, uploaded.name, uploaded.archive, uploaded.notices) == (size, "net.ptl", "raw", ())
    assert store.count("block") == -(-size // BLOCK)
    assert store.kinds()[-1] == "blocklist"
    assert service.kinds() == ["CreateArtifact", "FinalizeArtifact"]


def test_what_a_bare_file_sends(service: ResultsService, store: OwnStore, uploader: Uploader) -> None:
    uploaded = uploader.raw(service, b"weights", retention_days=5)
    create, finalize = (request.json for request in service.requests)
    expires = create.pop("expires_at")
    assert create == {**IDS, "name": "net.ptl", "version": 7, "mime_type": "application/octet-stream"}
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", expires)
    digest = hashlib.sha256(b"weights").hexdigest()
    assert finalize == {**IDS, "name": "net.ptl", "size": "7", "hash": f"sha256:{digest}"}
    block, blocks = store.requests
    assert block.headers["content-length"] == "7"
    assert blocks.headers["x-ms-blob-content-type"] == "application/octet-stream"
    assert uploaded.url == f"https://github.com/owner/models/actions/runs/77/artifacts/{uploaded.id}"


def test_an_empty_file_has_neither_blocks_nor_a_size(
    service: ResultsService, store: OwnStore, uploader: Uploader
) -> None:
    uploader.raw(service, b"")
    assert "size" not in service.requests[-1].json
    assert store.requests[-1].body.endswith(b"?><BlockList/>")


def test_an_archive_is_of_the_protocol_that_act_understands(service: ResultsService, uploader: Uploader) -> None:
    uploaded = uploader.zip(service)
    assert service.requests[0].json == {**IDS, "name": "net", "version": 4}
    archive, content_type = service.published("net")
    assert content_type == "application/zip"
    assert uploaded.digest == hashlib.sha256(archive).hexdigest()
    assert uploaded.size_bytes == len(archive)
    assert zipfile.ZipFile(io.BytesIO(archive)).read("net.ptl") == b"weights"


def test_a_large_archive_of_several_files(service: ResultsService, uploader: Uploader) -> None:
    contents = {"net.ptl": content_of(20_000_000), "report/index.html": b"<p>" * 100_000, "report/ü.json": b"{}"}
    uploader.upload(service.access(), [uploader.file(name, content) for name, content in contents.items()])
    with zipfile.ZipFile(io.BytesIO(service.published("net")[0])) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == contents
        assert archive.getinfo("report/index.html").compress_size < 3000


@pytest.mark.parametrize("name", ["modèle 漢字 🙂", "a.b-c_d (1)", "x" * 247])
def test_names_that_can_be_saved(name: str, service: ResultsService, uploader: Uploader) -> None:
    uploaded = uploader.raw(service, name=name)
    assert uploaded.name == f"{name}.ptl"
    assert service.published(uploaded.name)[0] == b"weights"


@pytest.mark.parametrize(
    ("given", "published"), [("net.ptl", "net.ptl"), ("", "net.ptl"), ("net.PTL", "net.PTL"), ("net.v2", "net.v2.ptl")]
)
def test_a_bare_file_keeps_its_ending(given: str, published: str, service: ResultsService, uploader: Uploader) -> None:
    assert uploader.raw(service, name=given).name == published
    service.published(published)


def test_a_name_that_is_taken(service: ResultsService, store: OwnStore, uploader: Uploader) -> None:
    service.publish("net", b"old")
    with pytest.raises(NameTakenError, match="already exists on the workflow run") as caught:
        uploader.zip(service)
    assert "overwrite" in caught.value.advice
    assert service.count("CreateArtifact") == 1
    assert not store.requests


def test_overwrite_removes_the_newest_of_the_name_whichever_job_made_it(
    service: ResultsService, uploader: Uploader
) -> None:
    service.publish("net.ptl.old", b"a longer name")
    service.publish("net", b"old", job=OTHER_JOB)
    uploaded = uploader.zip(service, overwrite=True)
    assert service.kinds() == ["ListArtifacts", "DeleteArtifact", "CreateArtifact", "FinalizeArtifact"]
    assert service.requests[0].json == {**IDS, "name_filter": "net"}
    assert service.requests[1].json == {**IDS, "workflow_job_run_backend_id": OTHER_JOB, "name": "net"}
    assert uploaded.notices == ()
    service.published("net.ptl.old")


def test_overwrite_of_a_bare_file_goes_by_the_published_name(service: ResultsService, uploader: Uploader) -> None:
    service.publish("net.ptl", b"old")
    uploader.raw(service, overwrite=True)
    assert service.published("net.ptl")[0] == b"weights"


def test_overwrite_where_there_is_nothing(service: ResultsService, uploader: Uploader) -> None:
    uploader.zip(service, overwrite=True)
    assert service.kinds() == ["ListArtifacts", "CreateArtifact", "FinalizeArtifact"]


def test_retention_is_what_the_repository_allows(service: ResultsService, uploader: Uploader) -> None:
    access = service.access(GITHUB_RETENTION_DAYS="30")
    files = [uploader.file("net.ptl", b"weights")]
    uploaded = uploader.upload(access, files, retention_days=60)
    assert uploaded.notices == ("The repository keeps artifacts for 30 days at most; 60 were asked for.",)
    short = uploader.upload(access, files, "short", retention_days=7)
    assert short.notices == ()
    days = [request.json["expires_at"][:10] for request in service.requests if request.kind == "CreateArtifact"]
    assert days[0] > days[1]


def test_secrets_are_masked_before_they_are_used(service: ResultsService, store: OwnStore, uploader: Uploader) -> None:
    order: list[str] = []

    class Masked(list[str]):
        def append(self, value: str) -> None:
            order.append(f"{len(service.requests)} {len(store.requests)}")
            super().append(value)

    uploader.masked = Masked()
    uploader.zip(service)
    assert uploader.masked[0] == service.token
    assert store.signature in uploader.masked
    assert any("+" in value and value.endswith("=") for value in uploader.masked), "the signature without escapes"
    assert order[0] == "0 0"
    assert set(order[1:]) == {"1 0"}


def test_nothing_is_read_from_the_environment(
    service: ResultsService, uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = service.access()
    for name in ("ACTIONS_RUNTIME_TOKEN", "ACTIONS_RESULTS_URL", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    uploader.upload(access, [uploader.file("net.ptl", b"weights")])
    assert service.token not in repr(access)


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"ACTIONS_RUNTIME_TOKEN": ""}, NoServiceError, "ACTIONS_RUNTIME_TOKEN is not set"),
        ({"ACTIONS_RESULTS_URL": ""}, NoServiceError, "ACTIONS_RESULTS_URL is not set"),
        ({"ACTIONS_RESULTS_URL": "ftp://x/"}, NoServiceError, "not an http or https address"),
        ({"ACTIONS_RESULTS_URL": "http://[::1/"}, NoServiceError, "not an http or https address"),
        ({"ACTIONS_RUNTIME_TOKEN": "a.b.c"}, NoServiceError, "does not carry the scope"),
        ({"ACTIONS_RUNTIME_TOKEN": runtime_token(scopes="x:y")}, NoServiceError, "does not carry the scope"),
        ({"GITHUB_SERVER_URL": "https://git.example.com"}, UnsupportedServerError, "GitHub Enterprise Server"),
        ({"GITHUB_SERVER_URL": "http://localhost"}, UnsupportedServerError, "GitHub Enterprise Server"),
    ],
)
def test_where_there_is_no_service(
    changes: dict[str, str], kind: type[ArtifactError], message: str, service: ResultsService, uploader: Uploader
) -> None:
    with pytest.raises(kind, match=message) as caught:
        uploader.upload(service.access(**changes), [uploader.file("net.ptl", b"weights")])
    assert "actions/upload-artifact" in caught.value.advice
    assert caught.value.code == 8
    assert not service.requests


def test_outside_of_a_job(uploader: Uploader) -> None:
    message = "ACTIONS_RUNTIME_TOKEN and ACTIONS_RESULTS_URL are not set"
    with pytest.raises(NoServiceError, match=message):
        uploader.upload(ServiceAccess.from_environment({}), [uploader.file("net.ptl", b"weights")])


@pytest.mark.parametrize("server", ["https://GitHub.com/", "https://acme.ghe.com", "http://github.localhost:3000"])
def test_servers_that_have_the_service(server: str, service: ResultsService, uploader: Uploader) -> None:
    access = service.access(GITHUB_SERVER_URL=server)
    uploaded = uploader.upload(access, [uploader.file("net.ptl", b"weights")])
    assert uploaded.url.startswith(f"{server.rstrip('/')}/owner/models/")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "a/b"}, "it contains /"),
        ({"name": "a:b", "archive": "raw"}, "it contains :"),
        ({"retention_days": -1}, "cannot be kept for -1 days"),
        ({"retention_days": 401}, "cannot be kept for 401 days"),
    ],
)
def test_what_cannot_be_asked_for(
    fields: dict[str, Any], message: str, service: ResultsService, uploader: Uploader
) -> None:
    with pytest.raises(InvalidArtifactError, match=message):
        uploader.zip(service, **fields)
    assert not service.requests


def test_two_files_need_an_archive(service: ResultsService, uploader: Uploader) -> None:
    files = [uploader.file("a.ptl", b"a"), uploader.file("b.ptl", b"b")]
    with pytest.raises(InvalidArtifactError, match="2 files cannot be uploaded without an archive"):
        uploader.upload(service.access(), files, archive="raw")
    with pytest.raises(InvalidArtifactError, match="There is no file to upload"):
        uploader.upload(service.access(), [])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("missing", "No such file"), ("link", "Too many levels"), ("folder", "Is a directory"), ("pipe", "not a plain")],
)
def test_only_plain_files_are_read(
    kind: str, reason: str, service: ResultsService, uploader: Uploader, tmp_path: Path
) -> None:
    path = tmp_path / "net.ptl"
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(UnreadableFileError, match=reason):
        uploader.upload(service.access(), [("net.ptl", path)], archive="raw")
    assert not service.requests
