"""The blob behind a signed address: blocks, and the list that makes them a file. The protocol is Azure's."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from ptmobile.github.artifact.errors import (
    ArtifactError,
    RateLimitError,
    RefusedError,
    ServiceFaultError,
    UnreachableError,
)
from ptmobile.github.artifact.retry import TRANSIENT, Retrying, Tried, retry_after
from ptmobile.github.artifact.twirp import Sender
from ptmobile.github.artifact.web import NoReply, Reply

BLOCK_SIZE: Final = 8 << 20
MOST_BLOCKS: Final = 50_000
_VERSION: Final = {"x-ms-version": "2022-11-02"}
_DAMAGED: Final = "Md5Mismatch"


class BlobStore:
    """Puts blocks to a signed address and commits them. The address is never taken apart, only extended.

    `repeatable` is whether a block may be sent twice: act would append it twice.
    """

    def __init__(self, url: str, send: Sender, retrying: Retrying, *, repeatable: bool = True) -> None:
        self._url = url
        self._send = send
        self._retrying = retrying
        self._block_retrying = retrying if repeatable else retrying.once()
        self._upload = str(uuid.uuid4())

    def block_id(self, index: int) -> str:
        """The name of a block: as long for every block of an upload, and of no other upload."""
        return base64.b64encode(f"{self._upload}{index:012d}".encode()).decode()

    def put_block(self, index: int, data: memoryview) -> None:
        """Upload a block; the store compares it with its hash. Repeating one does no harm.

        Raises:
            ArtifactError: the store refuses it, or cannot be reached.
        """
        md5 = hashlib.md5(data, usedforsecurity=False).digest()
        headers = {"Content-Type": "application/octet-stream", "Content-MD5": base64.b64encode(md5).decode()}
        query = f"comp=block&blockid={quote(self.block_id(index), safe='')}"
        self._put(query, headers, data, self._block_retrying)

    def commit(self, blocks: int, content_type: str) -> None:
        """Make the first blocks the content of the file, which has a type from now on.

        Raises:
            ArtifactError: the store refuses, or cannot be reached.
        """
        body = block_list([self.block_id(index) for index in range(blocks)])
        headers = {"Content-Type": "application/xml", "x-ms-blob-content-type": content_type}
        self._put("comp=blocklist", headers, body, self._retrying)

    def _put(self, query: str, headers: dict[str, str], body: bytes | memoryview, retrying: Retrying) -> None:
        url = f"{self._url}{'&' if '?' in self._url else '?'}{query}"

        def attempt() -> Tried[bool]:
            return _judge(self._send("PUT", url, {**_VERSION, **headers}, body))

        retrying.persist(attempt).get()


def block_list(ids: Sequence[str]) -> bytes:
    """The document that names a file's blocks in their order."""
    latest = "".join(f"<Latest>{one}</Latest>" for one in ids)
    blocks = f"<BlockList>{latest}</BlockList>" if ids else "<BlockList/>"
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{blocks}'.encode()


def _judge(reply: Reply | NoReply) -> Tried[bool]:
    if isinstance(reply, NoReply):
        message = f"The store of the artifact service cannot be reached: {reply.reason}."
        return Tried(error=UnreachableError(message), again=not reply.hopeless)
    if 200 <= reply.status < 300:
        return Tried(value=True)
    # Only the code: the text beside it repeats what was signed.
    named = reply.headers.get("x-ms-error-code", "")
    code = named if re.fullmatch(r"[A-Za-z0-9]{1,64}", named) else ""
    said = f"HTTP {reply.status}{f', {code}' if code else ''}"
    again = reply.status in TRANSIENT or code == _DAMAGED
    wait = retry_after(reply.headers.get("Retry-After", ""), dt.datetime.now(dt.UTC))
    return Tried(error=_error(reply.status, said, again=again), again=again, not_before=wait)


def _error(status: int, said: str, *, again: bool) -> ArtifactError:
    if status == 429:
        return RateLimitError(f"The store of the artifact service wants fewer requests ({said}).")
    if again:
        return ServiceFaultError(f"The store of the artifact service did not take the upload ({said}).")
    if status in {401, 403}:
        message = f"The store of the artifact service does not accept the signed address, or no longer ({said})."
        return RefusedError(message)
    return RefusedError(f"The store of the artifact service refuses the upload ({said}).")
