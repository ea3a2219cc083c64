"""Where the bytes of artifacts go in tests: a strict store of our own, or Azurite behind real signed addresses."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from artifact_http import FaultyServer, Request, Response

BLOCK = 8 << 20
_DOCUMENT = re.compile(
    r'<\?xml version="1\.0" encoding="UTF-8" standalone="yes"\?>'
    r"<BlockList(?:/|>((?:<Latest>[^<]+</Latest>)+)</BlockList)>"
)


@dataclass
class Blob:
    """Blocks that arrived, and what was made of them."""

    blocks: dict[str, bytes] = field(default_factory=dict)
    content: bytes | None = None
    content_type: str = ""


class Store(Protocol):
    """What the results service needs of a store."""

    def upload_url(self, key: str) -> str:
        """A signed address to upload to."""

    def download_url(self, key: str, file_name: str) -> str:
        """A signed address to download from, as a file of this name."""

    def committed(self, key: str) -> tuple[bytes, str] | None:
        """Content and type, if there is a committed blob."""


class OwnStore(FaultyServer):
    """Block blobs as far as uploads need them; a signature has characters that nobody may re-write."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs: dict[str, Blob] = {}
        # Percent-encoded, as Azure has it: a slash, a plus and padding.
        self.signature = quote(base64.b64encode(b"\xff\xef\xbe" + hashlib.sha256(b"key").digest() + b"xx").decode(), "")

    def upload_url(self, key: str) -> str:
        self.blobs[key] = Blob()
        return f"{self.address}/actions-results/{quote(key)}?{self._query}"

    @property
    def _query(self) -> str:
        return f"se=2027-01-01T00%3A00%3A00Z&sig={self.signature}&sp=cw&sr=b&sv=2025-11-05"

    def download_url(self, key: str, file_name: str) -> str:
        return f"{self.address}/actions-results/{quote(key)}?name={quote(file_name, safe='')}&sig={self.signature}"

    def committed(self, key: str) -> tuple[bytes, str] | None:
        blob = self.blobs.get(key)
        return (blob.content, blob.content_type) if blob and blob.content is not None else None

    def kind(self, method: str, target: str) -> str:
        if method == "GET":
            return "download"
        return dict(parse_qsl(urlsplit(target).query)).get("comp", f"{method} without comp")

    def answer(self, request: Request) -> Response:
        key = unquote(urlsplit(request.target).path.removeprefix("/actions-results/"))
        blob = self.blobs.get(key)
        if blob is None:
            return _error(404, "BlobNotFound")
        if request.kind == "download":
            return self._download(request, blob)
        official = "azsdk-js" in request.headers.get("user-agent", "")
        # The Azure SDK writes the query anew; we must not.
        signed = request.target.startswith(f"/actions-results/{quote(key)}?{self._query}&comp=")
        self.demand(signed or official, f"the signed address was changed: {request.target}")
        if self.signature.rstrip("%3D") not in request.target:
            return _error(403, "AuthenticationFailed")
        for never in ("authorization", "x-ms-date", "transfer-encoding", "expect"):
            self.demand(never not in request.headers, f"{request.kind} with {never}")
        return self._block(request, blob) if request.kind == "block" else self._commit(request, blob)

    def _block(self, request: Request, blob: Blob) -> Response:
        block_id = dict(parse_qsl(urlsplit(request.target).query))["blockid"]
        try:
            length = len(base64.b64decode(block_id, validate=True))
        except binascii.Error:
            return _error(400, "InvalidQueryParameterValue")
        self.demand(0 < length <= 64, "a block id of more than 64 bytes")
        self.demand(0 < len(request.body) <= BLOCK, f"a block of {len(request.body)} bytes")
        self.demand(request.headers.get("content-type") == "application/octet-stream", "a block of another type")
        if any(len(other) != len(block_id) for other in blob.blocks):
            return _error(400, "InvalidBlobOrBlock")
        md5 = request.headers.get("content-md5")
        if md5 and base64.b64decode(md5) != hashlib.md5(request.body).digest():
            return _error(400, "Md5Mismatch")
        blob.blocks[block_id] = request.body
        return Response(201, headers={"x-ms-request-id": "1"})

    def _commit(self, request: Request, blob: Blob) -> Response:
        found = _DOCUMENT.fullmatch(request.body.decode())
        if found is None:
            return _error(400, "InvalidXmlDocument")
        ids = re.findall(r"<Latest>([^<]+)</Latest>", found[1] or "")
        if not set(ids) <= set(blob.blocks):
            return _error(400, "InvalidBlockList")
        self.demand(len(set(ids)) == len(ids), "a block is listed twice")
        self.demand(set(ids) == set(blob.blocks), "a block was left out")
        self.demand(all(len(blob.blocks[one]) == BLOCK for one in ids[:-1]), "a block but the last is short")
        self.demand(request.headers.get("content-type", "").startswith("application/xml"), "a list of another type")
        self.demand(request.headers.get("x-ms-blob-content-type"), "a list without the blob's type")
        blob.content = b"".join(blob.blocks[one] for one in ids)
        blob.content_type = request.headers.get("x-ms-blob-content-type", "")
        return Response(201, headers={"x-ms-request-id": "1"})

    def _download(self, request: Request, blob: Blob) -> Response:
        if blob.content is None:
            return _error(404, "BlobNotFound")
        name = dict(parse_qsl(urlsplit(request.target).query))["name"]
        headers = {"Content-Type": blob.content_type, "Content-Disposition": _disposition(name)}
        return Response(200, blob.content, headers)


def _error(status: int, code: str) -> Response:
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>secret</Message></Error>'
    return Response(status, body.encode(), {"x-ms-error-code": code, "Content-Type": "application/xml"})


def _disposition(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


class AzuriteStore:
    """Azurite, with signed addresses of a service's kind: for one blob, for a time, for creating and writing it."""

    ACCOUNT = "devstoreaccount1"
    CONTAINER = "actions-results"
    VERSION = "2020-12-06"
    # The well-known key of every emulator.
    KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    def __init__(self, address: str, *, through: str = "") -> None:
        """`through` is the address of a proxy before Azurite that uploads take."""
        self._address = address
        self._through = through or address

    def make_container(self) -> None:
        url = self._url(self._address, "", {"restype": "container"}, permissions="c", resource="")
        with urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=30):
            pass

    def upload_url(self, key: str) -> str:
        return self._url(self._through, key, {}, permissions="cw", resource="b")

    def download_url(self, key: str, file_name: str) -> str:
        return self._url(self._address, key, {"rscd": _disposition(file_name)}, permissions="r", resource="b")

    def committed(self, key: str) -> tuple[bytes, str] | None:
        try:
            with urllib.request.urlopen(self.download_url(key, "x"), timeout=60) as response:
                return response.read(), response.headers["Content-Type"]
        except urllib.error.HTTPError as problem:
            if problem.code != 404:
                raise
            return None

    def _url(self, base: str, key: str, extra: dict[str, str], *, permissions: str, resource: str) -> str:
        path = f"/{self.ACCOUNT}/{self.CONTAINER}" + (f"/{quote(key)}" if key else "")
        end = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = self._account_fields(end, permissions) if not resource else self._fields(key, end, permissions, extra)
        return f"{base}{path}?{urlencode({**fields, **extra}, quote_via=quote, safe='')}"

    def _fields(self, key: str, end: str, permissions: str, extra: dict[str, str]) -> dict[str, str]:
        canonical = f"/blob/{self.ACCOUNT}/{self.CONTAINER}/{key}"
        to_sign = [permissions, "", end, canonical, "", "", "", self.VERSION, "b", "", ""]
        to_sign += ["", extra.get("rscd", ""), "", "", ""]
        return {"se": end, "sig": self._sign(to_sign), "sp": permissions, "sr": "b", "sv": self.VERSION}

    def _account_fields(self, end: str, permissions: str) -> dict[str, str]:
        to_sign = [self.ACCOUNT, permissions, "b", "c", "", end, "", "", self.VERSION, "", ""]
        return {"se": end, "sig": self._sign(to_sign), "sp": permissions, "ss": "b", "srt": "c", "sv": self.VERSION}

    def _sign(self, lines: list[str]) -> str:
        digest = hmac.new(base64.b64decode(self.KEY), "\n".join(lines).encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()
