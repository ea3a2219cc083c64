"""GitHub's REST API as far as artifacts of earlier runs need it, and the store that it sends downloads to.

Strict in method, path, query, headers and pages; the store is another host and must never see the token.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from artifact_http import FaultyServer, Request, Response
from comment_api import REPOSITORY, TOKEN, check_headers, json_answer, next_page, refusal

HERE, FORK = 1001, 2002
SHA = "0123456789abcdef0123456789abcdef01234567"
_ROOT = f"/repos/{REPOSITORY}/actions"
_RUN = re.compile(rf"{_ROOT}/runs/(\d+)")
_ZIP = re.compile(rf"{_ROOT}/artifacts/(\d+)/zip")


class BlobHost(FaultyServer):
    """Where artifacts lie: each download has an address of its own, with a signature."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs: dict[int, bytes] = {}
        self.given: set[str] = set()

    def address_of(self, artifact: int) -> str:
        signature = f"signature-number-{len(self.given)}%2B"
        self.given.add(signature)
        return f"{self.address}/blobs/{artifact}?se=2026-11-26T05%3A00Z&sig={signature}"

    def kind(self, method: str, target: str) -> str:
        return method

    def answer(self, request: Request) -> Response:
        headers = request.headers
        self.demand(request.kind == "GET", request.kind)
        self.demand("authorization" not in headers and TOKEN not in str(headers), "the token went to the store")
        self.demand("cookie" not in headers and "referer" not in headers, "a header too much")
        self.demand(headers.get("user-agent", "").startswith("ptmobile-action/"), "no user agent")
        found = re.fullmatch(r"/blobs/(\d+)\?se=[^&]+&sig=([^&]+)", request.target)
        self.demand(found and found[2] in self.given, f"address {request.target}")
        return Response(200, self.blobs[int(found[1])] if found else b"", {"Content-Type": "application/zip"})


class RunsApi(FaultyServer):
    """The runs and artifacts of one repository, the newest first."""

    def __init__(self, store: BlobHost) -> None:
        super().__init__()
        self.store = store
        self.runs: dict[int, dict[str, Any]] = {}
        self.artifacts: list[dict[str, Any]] = []
        self.answers: dict[str, Response] = {}
        """What is answered instead to a path that begins so."""

    def run(self, number: int, **fields: Any) -> int:
        """Let a run have been; of main and successful, unless `fields` say otherwise."""
        head = fields.pop("head", HERE)
        run = {
            "id": number,
            "head_branch": "main",
            "head_sha": SHA,
            "event": "push",
            "status": "completed",
            "conclusion": "success",
            "repository": {"id": HERE, "full_name": REPOSITORY},
            "head_repository": {"id": head} if head else None,
        }
        self.runs[number] = {**run, **fields}
        return number

    def add(self, run: int, name: str, content: bytes, **fields: Any) -> dict[str, Any]:
        """Let a run have left an artifact."""
        number = 50_000 + len(self.artifacts)
        of = self.runs[run]
        head = of["head_repository"]
        artifact = {
            "id": number,
            "name": name,
            "size_in_bytes": len(content),
            "expired": False,
            "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
            "archive_download_url": "https://evil.example/not-to-be-used",
            "workflow_run": {
                "id": run,
                "repository_id": HERE,
                "head_repository_id": head["id"] if head else None,
                "head_branch": of["head_branch"],
                "head_sha": of["head_sha"],
            },
        }
        self.store.blobs[number] = content
        self.artifacts.insert(0, {**artifact, **fields})
        return self.artifacts[0]

    def asked(self, what: str = "") -> list[str]:
        """The paths that were asked for, below those of the repository's actions."""
        return [path for request in self.requests if what in (path := request.target.removeprefix(_ROOT))]

    def kind(self, method: str, target: str) -> str:
        return "zip" if target.endswith("/zip") else "run" if "/runs/" in target else "list"

    def answer(self, request: Request) -> Response:
        check_headers(self, request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refusal(401, "Bad credentials")
        parts = urlsplit(request.target)
        query = dict(parse_qsl(parts.query))
        for begin, answer in self.answers.items():
            if parts.path.removeprefix(_ROOT).startswith(begin):
                return answer
        if parts.path == f"{_ROOT}/artifacts":
            return self._list(parts.path, query)
        self.demand(not query, f"query {query}")
        if found := _RUN.fullmatch(parts.path):
            run = self.runs.get(int(found[1]))
            return json_answer(200, run) if run else refusal(404, "Not Found")
        if found := _ZIP.fullmatch(parts.path):
            address = self.store.address_of(int(found[1]))
            return Response(302, b"", {"Location": address})
        self.demand(False, f"path {parts.path}")
        return refusal(404, "Not Found")

    def _list(self, path: str, query: Mapping[str, str]) -> Response:
        self.demand(set(query) == {"name", "per_page", "page"}, f"query {query}")
        self.demand(query.get("per_page") == "100", f"pages of {query.get('per_page')}")
        entries = [one for one in self.artifacts if one["name"].lower() == query["name"].lower()]
        page = int(query["page"])
        links = next_page(f"{self.address}{path}", {"name": query["name"]}, len(entries), page)
        shown = entries[100 * (page - 1) : 100 * page]
        return json_answer(200, {"total_count": len(entries), "artifacts": shown}, **links)
