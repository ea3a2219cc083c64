"""The artifact service: what an upload asks of it, as methods with types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ptmobile.github.artifact.errors import ArtifactError, NameTakenError, ServiceFaultError
from ptmobile.github.artifact.identity import BackendIds
from ptmobile.github.artifact.twirp import Answer, TwirpClient

_PLAIN_VERSION, _TYPED_VERSION = 4, 7
"""Versions of the protocol. Only the later one has a type; act does not know it and refuses the type."""


@dataclass(frozen=True)
class Listed:
    """An artifact that the run has; `digest` is empty where the service does not tell."""

    ids: BackendIds
    number: int
    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Content:
    """What was uploaded."""

    size: int
    sha256: str

    @property
    def digest(self) -> str:
        """The hash as the service writes it."""
        return f"sha256:{self.sha256}"


class ArtifactService:
    """The service for one job; `sizes_are_right` is whether its lists tell an artifact's size (act's do not)."""

    def __init__(self, client: TwirpClient, ids: BackendIds, *, sizes_are_right: bool = True) -> None:
        self._client = client
        self._ids = ids
        self._sizes_are_right = sizes_are_right

    def create(self, name: str, *, mime_type: str, expires_at: str) -> str:
        """Announce an artifact and return the signed address for its bytes; without a type it is a zip archive.

        Raises:
            ArtifactError: the service refuses, or cannot be reached.
        """
        fields: dict[str, object] = {**self._ids.fields(), "name": name}
        fields["version"] = _TYPED_VERSION if mime_type else _PLAIN_VERSION
        fields |= {"mime_type": mime_type} if mime_type else {}
        fields |= {"expires_at": expires_at} if expires_at else {}
        tried = self._client.call("CreateArtifact", fields)
        if isinstance(tried.error, NameTakenError) and tried.maybe_done:
            tried.error.message += " An attempt of this upload whose answer was lost may have taken the name."
        url = _accepted("CreateArtifact", tried.get()).get("signed_upload_url")
        if not isinstance(url, str) or not url.startswith(("https://", "http://")) or not url.isprintable():
            raise ServiceFaultError("The artifact service gave no address to upload to.")
        return url

    def finalize(self, name: str, content: Content) -> int:
        """Publish what was uploaded and return its id. If an answer was lost, the list tells whether it was done.

        Raises:
            ArtifactError: the service refuses, or cannot be reached.
        """
        size = {"size": str(content.size)} if content.size else {}
        fields = {**self._ids.fields(), "name": name, **size, "hash": content.digest}
        tried = self._client.call("FinalizeArtifact", fields)
        if tried.error is None:
            return _number(_accepted("FinalizeArtifact", tried.get()).get("artifact_id"))
        published = self._published(name, content) if tried.maybe_done else None
        if published is None:
            raise tried.error
        return published.number

    def list(self, name: str) -> list[Listed]:
        """The run's artifacts of this name, of whichever job, the newest first.

        Raises:
            ArtifactError: the service refuses, or cannot be reached.
        """
        answer = self._client.call("ListArtifacts", {**self._ids.fields(), "name_filter": name}).get()
        entries = answer.get("artifacts")
        found = [_listed(entry) for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
        return sorted((one for one in found if one.name == name), key=lambda one: one.number, reverse=True)

    def delete(self, listed: Listed) -> None:
        """Remove an artifact; where that may have happened although no success was told, it counts as done.

        Raises:
            ArtifactError: the service refuses, or cannot be reached.
        """
        tried = self._client.call("DeleteArtifact", {**listed.ids.fields(), "name": listed.name})
        if not tried.maybe_done:
            _accepted("DeleteArtifact", tried.get())

    def _published(self, name: str, content: Content) -> Listed | None:
        """Our artifact in the list, if it is there: of this job, and the same bytes as far as the list tells."""
        try:
            found = self.list(name)
        except ArtifactError:
            return None  # the first failure says more
        for one in found:
            same_size = one.size == content.size or not self._sizes_are_right
            if one.ids == self._ids and one.digest in {"", content.digest} and same_size:
                return one
        return None


def _accepted(method: str, answer: Answer) -> Answer:
    if answer.get("ok") is not True:
        raise ServiceFaultError(f"The artifact service answered {method} without an ok.")
    return answer


def _listed(entry: Mapping[str, Any]) -> Listed:
    def text(name: str, camel_case: str) -> str:
        value = entry.get(name, entry.get(camel_case))
        return "" if value is None else str(value)

    run = text("workflow_run_backend_id", "workflowRunBackendId")
    job = text("workflow_job_run_backend_id", "workflowJobRunBackendId")
    return Listed(
        BackendIds(run, job),
        _number(text("database_id", "databaseId")),
        text("name", "name"),
        _number(text("size", "size")),
        text("digest", "digest"),
    )


def _number(value: object) -> int:
    """An integer of 64 bits, which JSON may have as a string."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
