"""The artifact service, as strict as we can make it: every field, header, order and hash is checked.

Two ways: `github` as the real one is known to behave, and `act` with the differences of act's own server.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from artifact_blobs import OwnStore, Store
from artifact_http import FaultyServer, Request, Response

from ptmobile.github.artifact import ServiceAccess

PREFIX = "/twirp/github.actions.results.api.v1.ArtifactService/"
RUN, JOB, OTHER_JOB = (f"{number}ce7f54c7-61c7-4aae-887f-30da475f5f1a" for number in "123")
_IDS: dict[str, type] = {"workflow_run_backend_id": str, "workflow_job_run_backend_id": str}
_FIELDS: dict[str, tuple[dict[str, type], dict[str, type]]] = {
    "CreateArtifact": ({**_IDS, "name": str, "version": int}, {"expires_at": str, "mime_type": str}),
    "FinalizeArtifact": ({**_IDS, "name": str, "hash": str}, {"size": str}),
    "ListArtifacts": (_IDS, {"name_filter": str, "id_filter": str}),
    "GetSignedArtifactURL": ({**_IDS, "name": str}, {}),
    "DeleteArtifact": ({**_IDS, "name": str}, {}),
}
_MIME_TYPES = {"application/zip", "application/octet-stream"}


def runtime_token(run: str = RUN, job: str = JOB, scopes: str = "") -> str:
    """A token as the runner has it; nobody here checks its signature."""
    claims = {
        "scp": scopes or f"Actions.GenericRead:x Actions.Results:{run}:{job} Actions.UploadArtifacts:y",
        "n": "é~?",
    }
    parts = [json.dumps({"alg": "RS256"}).encode(), json.dumps(claims, ensure_ascii=False).encode(), b"signature" * 4]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@dataclass
class Kept:
    """An artifact; it is listed only when it is finalised."""

    run: str
    job: str
    name: str
    key: str
    mime_type: str
    number: int = 0
    size: int = 0
    digest: str = ""


class ResultsService(FaultyServer):
    """The service for one run; `artifacts` may hold some of other jobs from the start."""

    def __init__(self, store: Store, way: Literal["github", "act"] = "github") -> None:
        super().__init__()
        self.way = way
        self.store = store
        self.token = runtime_token() if way == "github" else runtime_token("1", "1")
        self.run, self.job = (RUN, JOB) if way == "github" else ("1", "1")
        self.artifacts: list[Kept] = []
        self._number = 4_000_000_000
        self._folder = uuid.uuid4().hex  # several services may share a store

    def access(self, **changes: Any) -> ServiceAccess:
        """What a job on this service would be told."""
        environment = {
            "ACTIONS_RESULTS_URL": self.address + "/some/path/",
            "ACTIONS_RUNTIME_TOKEN": self.token,
            "GITHUB_REPOSITORY": "owner/models",
            "GITHUB_RUN_ID": "77",
            "ACT": "true" if self.way == "act" else "",
            **changes,
        }
        return ServiceAccess.from_environment(environment)

    def published(self, name: str) -> tuple[bytes, str]:
        """Content and type of a finalised artifact."""
        (kept,) = [one for one in self.artifacts if one.name == name and one.number]
        found = self.store.committed(kept.key)
        assert found is not None
        return found

    def publish(self, name: str, content: bytes, job: str = JOB) -> Kept:
        """Let the run have an artifact already."""
        assert isinstance(self.store, OwnStore)
        self._number += 1
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        kept = Kept(self.run, job, name, f"{self._number}", "", self._number, len(content), digest)
        self.store.upload_url(kept.key)
        self.store.blobs[kept.key].content = content
        self.artifacts.append(kept)
        return kept

    def kind(self, method: str, target: str) -> str:
        self.demand(method == "POST" and target.startswith(PREFIX), f"{method} {target}")
        return target.removeprefix(PREFIX)

    def answer(self, request: Request) -> Response:
        headers = request.headers
        self.demand(headers.get("content-type") == "application/json", f"content type {headers.get('content-type')}")
        self.demand(headers.get("user-agent"), "no user agent")
        self.demand("cookie" not in headers and "transfer-encoding" not in headers, "a header too much")
        if headers.get("authorization") != f"Bearer {self.token}":
            return _refusal(401, "unauthenticated", "invalid token")
        if request.kind not in _FIELDS:
            return _refusal(404, "bad_route", "no such method")
        fields = json.loads(request.body)
        problem = self._check(request.kind, fields)
        if problem:
            self.violations.append(f"{request.kind}: {problem}")
            return _refusal(400, "invalid_argument", problem)
        methods = {
            "CreateArtifact": self._create_artifact,
            "FinalizeArtifact": self._finalize_artifact,
            "ListArtifacts": self._list_artifacts,
            "GetSignedArtifactURL": self._get_signed_artifact_url,
            "DeleteArtifact": self._delete_artifact,
        }
        return methods[request.kind](fields)

    def _check(self, method: str, fields: Mapping[str, Any]) -> str:
        needed, possible = _FIELDS[method]
        unknown = fields.keys() - needed.keys() - possible.keys()
        missing = needed.keys() - fields.keys()
        if unknown or missing:
            return f"unknown {sorted(unknown)}, missing {sorted(missing)}"
        for name, value in fields.items():
            # Values that are the default are left out on this wire.
            if type(value) is not {**needed, **possible}[name] or not value:
                return f"{name} is {value!r}"
        ours = {"workflow_run_backend_id": self.run}
        if method != "DeleteArtifact":
            ours["workflow_job_run_backend_id"] = self.job
        return "" if ours.items() <= fields.items() else "ids of someone else"

    def _create_artifact(self, fields: Mapping[str, Any]) -> Response:
        name = fields["name"]
        if re.search(r'["<>:|*?\r\n\\/]', name):
            return _refusal(400, "invalid_argument", "the artifact name is not valid")
        if self.way == "act":
            if "mime_type" in fields:
                return Response(500)
            self.artifacts = [one for one in self.artifacts if one.name != name]
        elif any(one.name == name for one in self.artifacts):
            return _refusal(409, "already_exists", "an artifact with this name already exists on the workflow run")
        else:
            problem = self._version_problem(fields)
            if problem:
                return _refusal(400, "invalid_argument", problem)
        self._check_expiry(fields.get("expires_at"))
        self._number += 1
        ending = "" if fields.get("mime_type") else ".zip"
        key = f"{self._folder}/{self._number}/{hashlib.sha1(name.encode()).hexdigest()}{ending}"
        self.artifacts.append(Kept(self.run, self.job, name, key, fields.get("mime_type", "")))
        return self._reply(ok=True, signed_upload_url=self.store.upload_url(key))

    def _version_problem(self, fields: Mapping[str, Any]) -> str:
        if fields["version"] == 7:
            return "" if fields.get("mime_type") in _MIME_TYPES else "mime_type a valid mime_type is required"
        if fields["version"] == 4:
            return "mime_type is not for this version" if "mime_type" in fields else ""
        return "unknown version"

    def _check_expiry(self, text: str | None) -> None:
        if text is None:
            return
        self.demand(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text), f"expires_at {text}")
        days = (dt.datetime.fromisoformat(text) - dt.datetime.now(dt.UTC)) / dt.timedelta(days=1)
        self.demand(0 < days <= 400, f"expires_at in {days} days")

    def _finalize_artifact(self, fields: Mapping[str, Any]) -> Response:
        pending = [one for one in self.artifacts if one.name == fields["name"] and not one.number]
        if not pending:
            return _refusal(404, "not_found", "no artifact of this name waits to be finalised")
        (kept,) = pending
        if self.way == "github":
            found = self.store.committed(kept.key)
            size, digest = int(fields.get("size", "0")), fields["hash"]
            self.demand(re.fullmatch(r"[1-9]\d*", fields.get("size", "1")), "size is not a plain number")
            if found is None:
                return _refusal(400, "failed_precondition", "nothing was uploaded")
            content, content_type = found
            right = size == len(content) and digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
            self.demand(right, "size or hash is not that of the blob")
            # Without a type it is an archive; the official client of the older protocol calls that just "zip".
            types = {kept.mime_type} if kept.mime_type else {"application/zip", "zip"}
            self.demand(content_type in types, f"the blob has type {content_type}")
            kept.size, kept.digest = len(content), digest
        self._number += 1
        kept.number = self._number
        return self._reply(ok=True, artifact_id=str(kept.number))

    def _list_artifacts(self, fields: Mapping[str, Any]) -> Response:
        found = [one for one in self.artifacts if one.number]
        if "name_filter" in fields:
            found = [one for one in found if one.name == fields["name_filter"]]
        if "id_filter" in fields:
            found = [one for one in found if str(one.number) == fields["id_filter"]]
        return self._reply(artifacts=[self._entry(one) for one in found])

    def _entry(self, kept: Kept) -> dict[str, Any]:
        entry = {
            "workflow_run_backend_id": kept.run,
            "workflow_job_run_backend_id": kept.job,
            "database_id": str(kept.number),
            "name": kept.name,
            "size": str(kept.size) if self.way == "github" else "4096",
            "created_at": "2026-11-20T10:00:00.123456Z",
        }
        return entry | ({"digest": kept.digest} if self.way == "github" else {})

    def _get_signed_artifact_url(self, fields: Mapping[str, Any]) -> Response:
        for kept in self.artifacts:
            if kept.number and kept.name == fields["name"]:
                name = kept.name if kept.mime_type == "application/octet-stream" else f"{kept.name}.zip"
                return self._reply(signed_url=self.store.download_url(kept.key, name))
        return _refusal(404, "not_found", "no such artifact")

    def _delete_artifact(self, fields: Mapping[str, Any]) -> Response:
        for kept in self.artifacts:
            ids = (fields["workflow_run_backend_id"], fields["workflow_job_run_backend_id"])
            if (kept.run, kept.job) == ids and kept.name == fields["name"] and kept.number:
                self.artifacts.remove(kept)
                return self._reply(ok=True, artifact_id=str(kept.number))
        return _refusal(404, "not_found", "artifact not found")

    def _reply(self, **fields: Any) -> Response:
        shaped = _camel_case(fields) if self.way == "act" else fields
        return Response(200, json.dumps(shaped).encode(), {"Content-Type": "application/json"})


def _refusal(status: int, code: str, message: str) -> Response:
    body = json.dumps({"code": code, "msg": message}).encode()
    return Response(status, body, {"Content-Type": "application/json"})


def _camel_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {re.sub(r"_(\w)", lambda m: m[1].upper(), name): _camel_case(one) for name, one in value.items()}
    return [_camel_case(one) for one in value] if isinstance(value, list) else value
