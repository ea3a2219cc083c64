"""Ours sends what the official clients send: `traces.json` holds what those sent, and is checked against them.

`UPDATE_GOLDEN=1` writes it anew, with the official clients. Archives are of the protocol of 6.1.0, bare files of 6.2.1.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from artifact_official import OfficialClient
from artifact_service import ResultsService
from artifact_traces import CASES, trace
from artifact_upload import Uploader, content_of

TRACES = Path(__file__).parent / "traces.json"
VERSIONS = {"zip": "6.1.0", "raw": "6.2.1"}
ALL = [(archive, case) for archive in VERSIONS for case in CASES]


def traces() -> dict[str, Any]:
    return dict(json.loads(TRACES.read_text())) if TRACES.exists() else {}


@pytest.fixture(scope="module")
def clients(official: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, OfficialClient]]:
    workspace = tmp_path_factory.getbasetemp()
    with OfficialClient("6.1.0", workspace) as old, OfficialClient("6.2.1", workspace) as new:
        yield {"zip": old, "raw": new}


@pytest.mark.parametrize(("archive", "case"), ALL)
def test_the_official_client_sends_this(
    archive: str, case: str, clients: dict[str, OfficialClient], service: ResultsService, uploader: Uploader
) -> None:
    size, name, days, limit = CASES[case]
    _, path = uploader.file(name, content_of(size))
    options: dict[str, Any] = {"retentionDays": days} if days else {}
    options |= {"skipArchive": True} if archive == "raw" else {}
    env = {"GITHUB_RETENTION_DAYS": str(limit or ""), "GITHUB_WORKSPACE": str(uploader.folder)}
    request = {"files": [str(path)], "root": str(uploader.folder), "options": options, "more_env": env}
    result = clients[archive].call(service, "upload", name=name, **request)
    assert "value" in result, result
    sent = json.loads(json.dumps(trace(service, same_bytes=archive == "raw")))
    if os.environ.get("UPDATE_GOLDEN"):
        known = {**traces(), f"{archive}: {case}": sent}
        TRACES.write_text(json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    assert sent == traces()[f"{archive}: {case}"]


@pytest.mark.parametrize(("archive", "case"), ALL)
def test_ours_sends_the_same(archive: Any, case: str, service: ResultsService, uploader: Uploader) -> None:
    size, name, days, limit = CASES[case]
    access = service.access(GITHUB_RETENTION_DAYS=str(limit))
    files = [uploader.file(name, content_of(size))]
    uploader.upload(access, files, name, archive=archive, retention_days=days)
    sent = json.loads(json.dumps(trace(service, same_bytes=archive == "raw")))
    assert sent == traces()[f"{archive}: {case}"]
