"""Calls of the artifact service: JSON there and back, again where that may help."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

from ptmobile.github.artifact.errors import (
    ArtifactError,
    NameTakenError,
    QuotaError,
    RateLimitError,
    RefusedError,
    ServiceFaultError,
    UnreachableError,
)
from ptmobile.github.artifact.retry import TRANSIENT, Retrying, Tried, retry_after
from ptmobile.github.artifact.secrets import Secrets
from ptmobile.github.artifact.web import NoReply, Reply

_PATH: Final = "/twirp/github.actions.results.api.v1.ArtifactService/"
_QUOTA_WORDS: Final = "insufficient usage"
_QUOTA_ADVICE: Final = (
    "Delete old artifacts or raise the limit; usage is counted anew every 6 to 12 hours. "
    "actions/upload-artifact meets the same limit. The files are in the workspace."
)
_TAKEN_ADVICE: Final = (
    "Choose another artifact-name (in a matrix, one for each job), or set overwrite. A later step with "
    "actions/upload-artifact can publish the files, which are in the workspace, under another name."
)
Answer = Mapping[str, Any]


class Sender(Protocol):
    """Sends one request; see `Web.send`."""

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | memoryview, /
    ) -> Reply | NoReply:
        """Return the answer, or why there is none."""


class TwirpClient:
    """Calls methods of the service at an origin, with a token."""

    def __init__(self, origin: str, token: str, send: Sender, secrets: Secrets, retrying: Retrying) -> None:
        self._origin = origin
        self._token = token
        self._send = send
        self._secrets = secrets
        self._retrying = retrying

    def call(self, method: str, fields: Mapping[str, object]) -> Tried[Answer]:
        """Call a method until it succeeds or does not make sense any more.

        `fields` have the names of the protocol; the answer has them too, whether the service writes `artifact_id` or,
        as act does, `artifactId`. `maybe_done` tells whether a failed call may have been carried out.
        """
        body = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}

        def attempt() -> Tried[Answer]:
            reply = self._send("POST", f"{self._origin}{_PATH}{method}", headers, body)
            return self._no_answer(reply) if isinstance(reply, NoReply) else self._understand(method, reply)

        return self._retrying.persist(attempt)

    def _no_answer(self, reply: NoReply) -> Tried[Answer]:
        error = UnreachableError(
            f"The artifact service cannot be reached: {reply.reason}.",
            advice="A runner of your own must be able to reach it: look at its firewall and proxy. The files are in "
            "the workspace; actions/upload-artifact needs the same connection.",
        )
        return Tried(error=error, again=not reply.hopeless, maybe_done=reply.sent)

    def _understand(self, method: str, reply: Reply) -> Tried[Answer]:
        answer = _json_object(reply.body)
        wait = retry_after(reply.headers.get("Retry-After", ""), dt.datetime.now(dt.UTC))
        if answer is None:
            # Not the service but something before it: another attempt may get through.
            said = f"The artifact service's answer to {method} (HTTP {reply.status}) is not JSON."
            return Tried(error=ServiceFaultError(said), again=True, not_before=wait, maybe_done=True)
        if 200 <= reply.status < 300:
            return Tried({_snake_case(name): value for name, value in answer.items()})
        text = answer.get("msg")
        text = self._secrets.clean(text) if isinstance(text, str) else ""
        said = f"The artifact service does not carry out {method}: {text or 'no reason given'} (HTTP {reply.status})."
        again = reply.status in TRANSIENT and _QUOTA_WORDS not in text.lower()
        # A server error may come from behind the place where the request was carried out.
        maybe_done = again and reply.status != 429
        return Tried(error=_error(reply.status, text, said), again=again, not_before=wait, maybe_done=maybe_done)


def _error(status: int, text: str, said: str) -> ArtifactError:
    if _QUOTA_WORDS in text.lower():
        return QuotaError("The storage for artifacts is full: GitHub takes no more.", advice=_QUOTA_ADVICE)
    if status == 409:
        return NameTakenError(said, advice=_TAKEN_ADVICE)
    if status == 429:
        return RateLimitError(said)
    return ServiceFaultError(said) if status in TRANSIENT else RefusedError(said)


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _snake_case(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
