"""What a client sent for one artifact, without what differs by chance: ids, times, user agents, addresses."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from artifact_blobs import BLOCK, OwnStore
from artifact_http import Request
from artifact_service import ResultsService

#: Name: size, name of the artifact (of the file, for a bare one), days to keep it, days that the repository allows.
CASES = {
    "empty": (0, "net.ptl", 0, 0),
    "one byte": (1, "net.ptl", 0, 0),
    "a byte less than a block": (BLOCK - 1, "net.ptl", 0, 0),
    "one block": (BLOCK, "net.ptl", 0, 0),
    "a byte more than a block": (BLOCK + 1, "net.ptl", 0, 0),
    "three blocks": (20_000_000, "net.ptl", 0, 0),
    "Unicode name": (7, "modèle 漢字 🙂.ptl", 0, 0),
    "kept for some days": (7, "net.ptl", 5, 0),
    "kept for too many days": (7, "net.ptl", 60, 30),
}
_IGNORED = {"user-agent", "host", "connection", "accept", "accept-encoding", "x-ms-version", "x-ms-client-request-id"}
#: Ours lets the store compare each block with its hash; the official client does not.
_OURS_ONLY = {"content-md5"}


def trace(service: ResultsService, *, same_bytes: bool) -> dict[str, Any]:
    """Describe the requests of one upload; archives differ in their bytes, so only their structure is told."""
    calls = [[request.kind, _fields(request, same_bytes), _headers(request)] for request in service.requests]
    assert isinstance(service.store, OwnStore)
    *blocks, commit = service.store.requests
    ids = {dict(parse_qsl(urlsplit(one.target).query))["blockid"]: one.body for one in blocks}
    document = commit.body.decode()
    listed = re.findall("<Latest>([^<]+)</Latest>", document)
    return {
        "calls": calls,
        "block ids": sorted({(len(one), len(base64.b64decode(one))) for one in ids}),
        "block numbers": [base64.b64decode(one)[36:].decode() for one in listed],
        "block headers": sorted({str(_headers(one)) for one in blocks}),
        "blocks": [_digest(ids[one]) if same_bytes else min(len(ids[one]), 1) for one in listed],
        "sent": len(blocks),
        "document": re.sub(r"(<Latest>)[^<]+", r"\1ID", document),
        "commit headers": _headers(commit),
    }


def _fields(request: Request, same_bytes: bool) -> dict[str, Any]:
    fields = dict(request.json)
    if "expires_at" in fields:
        end = dt.datetime.fromisoformat(fields["expires_at"])
        days = (end - dt.datetime.now(dt.UTC)) / dt.timedelta(days=1)
        fields["expires_at"] = f"{len(request.json['expires_at'])} characters, in {round(days)} days"
    for name in ("size", "hash"):
        if name in fields and not same_bytes:
            fields[name] = re.sub("[0-9a-f]{64}", "HASH", re.sub("^[0-9]+$", "SIZE", fields[name]))
    return fields


def _headers(request: Request) -> dict[str, str]:
    kept = {name: value for name, value in request.headers.items() if name not in _IGNORED | _OURS_ONLY}
    kept["content-length"] = "LENGTH"
    if kept.get("authorization"):
        kept["authorization"] = re.sub(r"^Bearer \S+$", "Bearer TOKEN", kept["authorization"])
    # What the 6.1.0 client calls an archive is no MIME type.
    if kept.get("x-ms-blob-content-type") == "zip":
        kept["x-ms-blob-content-type"] = "application/zip"
    return dict(sorted(kept.items()))


def _digest(content: bytes) -> str:
    return f"{len(content)} {hashlib.sha256(content).hexdigest()[:16]}"
