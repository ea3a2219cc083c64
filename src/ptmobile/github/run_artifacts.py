"""Artifacts of earlier runs: the newest of a name that a trustworthy run of a branch has left, and its bytes.

Anybody who may open a pull request can name a branch of a fork `main` and have a run leave an artifact of any name. So
not the artifact says whose it is, but its run: its branch lies in this repository, and what started it runs that
branch's own code.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO, Final

from ptmobile.github.artifact.retry import TRANSIENT, Tried
from ptmobile.github.artifact.web import NoReply
from ptmobile.github.connecting import Connection
from ptmobile.github.rest import NotAllowedError, RestError

#: Events whose runs are about the branch itself. Those of pull requests are about what somebody proposes; runs of
#: workflow_run and issue_comment count to the default branch, whatever they have checked out.
EVENTS: Final = ("push", "schedule", "workflow_dispatch")
#: With the files in it, an artifact may be large.
LARGEST: Final = 1 << 30
_MOST_PAGES, _MOST_RUNS = 20, 30
_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")


class NoArtifactError(RestError):
    """No run that counts has left such an artifact, or it is there no more."""


class _StaleAddressError(RestError):
    """The store does not take an address any more: it is good for a minute only."""


@dataclass(frozen=True, order=True)
class FoundArtifact:
    """An artifact and its run; `sha256` is empty where the server knows none. Those of newer runs are greater."""

    run_id: int
    id: int
    size_bytes: int = field(compare=False)
    sha256: str = field(compare=False)
    run_sha: str = field(compare=False)


class RunArtifacts:
    """The artifacts of one repository, ``owner/name``."""

    def __init__(self, connection: Connection, repository: str) -> None:
        self._client = connection.client
        self._web = connection.web
        self._retrying = connection.retrying
        self._path = f"/repos/{repository}/actions"

    def find(self, name: str, branch: str) -> FoundArtifact:
        """The artifact of the newest successful run of a branch that has one of this name.

        Artifacts come newest first; on each page those of newer runs are looked at first, since an older run that is
        started again leaves newer artifacts.

        Raises:
            NoArtifactError: there is none.
            RestError: GitHub cannot be asked; a `NotAllowedError` if the token may not.
        """
        seen = _Seen()
        for page in islice(self._client.lists(f"{self._path}/artifacts", "artifacts", name=name), _MOST_PAGES):
            candidates = sorted(_candidates(page, name, branch, seen), reverse=True)
            for found in (one for one in candidates if one.run_id not in seen.runs):
                if len(seen.runs) >= _MOST_RUNS:
                    break
                seen.runs.add(found.run_id)
                if self._counts(found.run_id, branch):
                    return found
        raise NoArtifactError(seen.summary(name, branch))

    def download(self, found: FoundArtifact, sink: BinaryIO) -> None:
        """Write an artifact's bytes: an archive, or a bare file if it was uploaded as one.

        Raises:
            RestError: it cannot be downloaded, is too large, or has another SHA-256 than GitHub says.
        """
        if found.size_bytes > LARGEST:
            raise RestError(f"The artifact has {found.size_bytes:,} bytes, more than {LARGEST:,}.")
        try:
            self._download(found, sink)
        except _StaleAddressError:
            self._download(found, sink)
        sink.seek(0)
        if found.sha256 and hashlib.file_digest(sink, "sha256").hexdigest() != found.sha256:  # type: ignore[arg-type]
            raise RestError("The artifact was damaged on its way: its SHA-256 is not the one that GitHub names.")

    def _counts(self, run_id: int, branch: str) -> bool:
        try:
            run = self._client.get(f"{self._path}/runs/{run_id}").data
        except NotAllowedError as error:
            if error.status != 404:
                raise
            return False  # it was deleted meanwhile
        return isinstance(run, dict) and run.get("id") == run_id and _is_good(run, branch)

    def _download(self, found: FoundArtifact, sink: BinaryIO) -> None:
        """Ask for an address and for what lies there."""
        address = self._client.location(f"{self._path}/artifacts/{found.id}/zip")

        def attempt() -> Tried[bool]:
            reply = self._web.download(address, sink, LARGEST)
            if isinstance(reply, NoReply):
                error = RestError(f"The artifact cannot be downloaded: {reply.reason}.")
                return Tried(error=error, again=not reply.hopeless)
            if reply.status == 200:
                return Tried(True)
            kind = _StaleAddressError if reply.status in {401, 403} else RestError
            error = kind(f"The artifact cannot be downloaded: its store answers HTTP {reply.status}.")
            return Tried(error=error, again=reply.status in TRANSIENT)

        self._retrying.persist(attempt).get()


@dataclass
class _Seen:
    """What was met on the way, to say why nothing was found."""

    artifacts: int = 0
    expired: int = 0
    elsewhere: int = 0
    runs: set[int] = field(default_factory=set)

    def summary(self, name: str, branch: str) -> str:
        if not self.artifacts:
            return f"This repository has no artifact of the name {name}."
        what = [
            f"{self.expired:,} expired" if self.expired else "",
            f"{self.elsewhere:,} of other branches or repositories" if self.elsewhere else "",
            f"{len(self.runs):,} of runs that failed, are under way, or were not started by {' or '.join(EVENTS)}"
            if self.runs
            else "",
        ]
        return (
            f"No successful run of the branch {branch} has an artifact of the name {name}. Of those that there are, "
            f"these are {', '.join(filter(None, what))}."
        )


def _candidates(page: list[dict[str, Any]], name: str, branch: str, seen: _Seen) -> Iterator[FoundArtifact]:
    """The artifacts of a page that may be meant; the rest is counted."""
    for entry in page:
        if entry.get("name") != name or not isinstance(entry.get("id"), int):
            continue
        seen.artifacts += 1
        run = _mapping(entry.get("workflow_run"))
        run_id, size = run.get("id"), entry.get("size_in_bytes")
        here = isinstance(run_id, int) and run.get("head_branch") == branch
        if entry.get("expired") is not False:
            seen.expired += 1
        elif not here or not _same(run.get("head_repository_id"), run.get("repository_id")):
            seen.elsewhere += 1
        else:
            digest = _DIGEST.fullmatch(str(entry.get("digest")))
            yield FoundArtifact(
                run_id=int(run["id"]),
                id=entry["id"],
                size_bytes=size if isinstance(size, int) else 0,
                sha256=digest[1] if digest else "",
                run_sha=str(run.get("head_sha") or ""),
            )


def _is_good(run: Mapping[str, Any], branch: str) -> bool:
    """Whether a run ended well and is the branch's own."""
    return (
        (run.get("status"), run.get("conclusion"), run.get("head_branch")) == ("completed", "success", branch)
        and run.get("event") in EVENTS
        and _same(_mapping(run.get("head_repository")).get("id"), _mapping(run.get("repository")).get("id"))
    )


def _same(one: object, other: object) -> bool:
    return isinstance(one, int) and one == other


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
