"""The official client and ours, side by side: on Azurite, and where things fail."""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from artifact_blobs import BLOCK, AzuriteStore, OwnStore
from artifact_http import Fault, FaultyServer, Request, Response, empty, lost, refuses, reset, slow, torn, web_page
from artifact_official import OfficialClient
from artifact_service import ResultsService
from artifact_upload import Uploader, content_of

from ptmobile.github.artifact import ArtifactError, RefusedError, Waits


@pytest.fixture
def on_azurite(azurite: str) -> Iterator[ResultsService]:
    """The service, with Azurite as its store."""
    with ResultsService(AzuriteStore(azurite)) as service:
        yield service
    assert not service.violations


@pytest.fixture(scope="module")
def client(official: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfficialClient]:
    with OfficialClient("6.2.1", tmp_path_factory.getbasetemp()) as newest:
        yield newest


@pytest.fixture(scope="module", params=["6.1.0", "6.2.1"])
def hasty(
    request: pytest.FixtureRequest, official: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OfficialClient]:
    """One that waits for a hundredth of the time between attempts; the older one knows archives only."""
    with OfficialClient(request.param, tmp_path_factory.getbasetemp(), hurry=100) as client:
        yield client


@pytest.mark.parametrize(("name", "size"), [("net", 0), ("net", 1), ("modèle 漢字", BLOCK), ("a b (1)", 20_000_000)])
def test_the_official_client_downloads_our_bare_files(
    name: str, size: int, client: OfficialClient, on_azurite: ResultsService, uploader: Uploader
) -> None:
    content, target = content_of(size), uploader.folder / "downloaded"
    uploaded = uploader.raw(on_azurite, content, name=name)
    options = {"path": str(target), "expectedHash": f"sha256:{uploaded.digest}"}
    listed = client.call(on_azurite, "list")["value"]["artifacts"]
    assert [(one["name"], one["id"], one["size"]) for one in listed] == [(f"{name}.ptl", uploaded.id, size)]
    result = client.call(on_azurite, "download", id=uploaded.id, options=options)
    assert result["value"]["digestMismatch"] is False, result
    assert (target / f"{name}.ptl").read_bytes() == content


def test_the_official_client_unpacks_our_archives(
    client: OfficialClient, on_azurite: ResultsService, uploader: Uploader, tmp_path: Path
) -> None:
    contents = {
        "net.ptl": content_of(20_000_000),
        "report/index.html": b"<p>" * 99_999,
        "report/ü.json": b"",
        "e": b"1",
    }
    files = [uploader.file(name, content) for name, content in contents.items()]
    uploaded = uploader.upload(on_azurite.access(), files)
    options = {"path": str(tmp_path / "downloaded"), "expectedHash": f"sha256:{uploaded.digest}"}
    result = client.call(on_azurite, "download", id=uploaded.id, options=options)
    assert result["value"]["digestMismatch"] is False, result
    found = {path for path in (tmp_path / "downloaded").rglob("*") if path.is_file()}
    assert {str(path.relative_to(tmp_path / "downloaded")): path.read_bytes() for path in found} == contents


def test_each_takes_the_place_of_the_other(
    client: OfficialClient, on_azurite: ResultsService, uploader: Uploader
) -> None:
    _, path = uploader.file("net.ptl", b"theirs")
    options = {"skipArchive": True}
    upload = {"name": "ignored", "files": [str(path)], "root": str(uploader.folder), "options": options}
    theirs = client.call(on_azurite, "upload", **upload)["value"]
    assert on_azurite.published("net.ptl")[0] == b"theirs"
    ours = uploader.raw(on_azurite, b"ours", overwrite=True)
    assert on_azurite.published("net.ptl")[0] == b"ours"
    assert ours.id > theirs["id"]
    assert client.call(on_azurite, "delete", name="net.ptl")["value"]["id"] == ours.id
    assert client.call(on_azurite, "list")["value"]["artifacts"] == []


class FaultProxy(FaultyServer):
    """Stands before Azurite and passes everything on, but for the faults."""

    def __init__(self, target: str) -> None:
        super().__init__()
        self._target = urlsplit(target).netloc

    def kind(self, method: str, target: str) -> str:
        return target.rpartition("comp=")[2].partition("&")[0]

    def answer(self, request: Request) -> Response:
        connection = http.client.HTTPConnection(self._target)
        connection.request("PUT", request.target, request.body, {**request.headers, "host": self._target})
        reply = connection.getresponse()
        return Response(reply.status, reply.read(), {"x-ms-error-code": reply.headers.get("x-ms-error-code", "")})


@pytest.fixture
def before_azurite(azurite: str) -> Iterator[tuple[ResultsService, FaultProxy]]:
    with FaultProxy(azurite) as proxy, ResultsService(AzuriteStore(azurite, through=proxy.address)) as service:
        yield service, proxy
    assert not service.violations


@pytest.mark.parametrize("fault", [empty(503), empty(429), torn(), reset(), lost(), slow(6)])
@pytest.mark.parametrize("where", ["block", "blocklist"])
def test_azurite_behind_a_faulty_proxy(
    where: str, fault: Fault, before_azurite: tuple[ResultsService, FaultProxy], uploader: Uploader
) -> None:
    service, proxy = before_azurite
    proxy.script(where, fault)
    content = content_of(3 * BLOCK - 5)
    uploader.raw(service, content, waits=Waits(answer=3 if fault.delay else 60))
    assert service.published("net.ptl") == (content, "application/octet-stream")
    assert uploader.waits


@pytest.mark.parametrize("where", ["block", "blocklist"])
def test_what_azurite_did_not_get_is_never_half_there(
    where: str, before_azurite: tuple[ResultsService, FaultProxy], uploader: Uploader
) -> None:
    service, proxy = before_azurite
    proxy.script(where, empty(403))
    with pytest.raises(RefusedError):
        uploader.raw(service, content_of(3 * BLOCK))
    (kept,) = service.artifacts
    assert service.store.committed(kept.key) is None
    assert service.count("FinalizeArtifact") == 0


def test_azurite_finds_a_damaged_block(azurite: str, uploader: Uploader) -> None:
    """The hash that goes with each block is compared: a proxy that changes a byte is noticed.

    Azure itself names this error Md5Mismatch, and the block is sent again; this Azurite calls it InvalidOperation.
    """

    class Damaging(FaultProxy):
        def answer(self, request: Request) -> Response:
            return super().answer(replace(request, body=b"X" + request.body[1:]))

    with Damaging(azurite) as proxy, ResultsService(AzuriteStore(azurite, through=proxy.address)) as service:
        with pytest.raises(RefusedError, match=r"\(HTTP 400, InvalidOperation\)"):
            uploader.raw(service)
        assert service.store.committed(service.artifacts[0].key) is None


def test_azurite_refuses_a_wrong_signature(
    before_azurite: tuple[ResultsService, FaultProxy], uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, _ = before_azurite
    monkeypatch.setattr(AzuriteStore, "KEY", hashlib.sha256(b"another key").hexdigest())
    with pytest.raises(
        RefusedError, match=r"does not accept the signed address, or no longer \(HTTP 403, Auth"
    ) as caught:
        uploader.raw(service)
    assert "sig=" not in str(caught.value)


QUOTA = refuses(403, "insufficient usage to create artifact")


@dataclass(frozen=True)
class Row:
    """A fault, and how often each client asked; a minus says that it gave up."""

    where: str
    faults: tuple[Fault, ...]
    ours: int
    official: int


# What is tried again, and how often. The rows in which ours does better stand at the end.
ROWS = {
    "500 once": Row("CreateArtifact", (refuses(500),), 2, 2),
    "503 always": Row("CreateArtifact", (refuses(503),) * 9, -5, -5),
    "429 once": Row("CreateArtifact", (refuses(429),), 2, 2),
    "a web page with 200": Row("CreateArtifact", (web_page(200),), 2, 2),
    "a web page with 403": Row("CreateArtifact", (web_page(403),) * 9, -5, -5),
    "400": Row("CreateArtifact", (refuses(400),), -1, -1),
    "403": Row("CreateArtifact", (refuses(403),), -1, -1),
    "409": Row("CreateArtifact", (refuses(409),), -1, -1),
    "quota": Row("CreateArtifact", (QUOTA,), -1, -1),
    "503 of finalize": Row("FinalizeArtifact", (refuses(503),), 2, 2),
    "503 of a block": Row("block", (empty(503),), 2, 2),
    "500 of the list": Row("blocklist", (empty(500),), 2, 2),
    "a block's connection is reset": Row("block", (reset(),), 2, 2),
    "403 of a block": Row("block", (empty(403),), -1, -1),
    "404 of the list": Row("blocklist", (empty(404),), -1, -1),
    "503 of a block, four times": Row("block", (empty(503),) * 4, 5, -4),
    "408 of a block": Row("block", (empty(408),), 2, -1),
    "429 of a block": Row("block", (empty(429),), 2, -1),
    "502 of the list": Row("blocklist", (empty(502),), 2, -1),
    "the connection is reset": Row("CreateArtifact", (reset(),), 2, -1),
    "finalize is done but not answered": Row("FinalizeArtifact", (lost(),), 2, -1),
    "finalize is done but a web page says so": Row("FinalizeArtifact", (Fault(502, b"<p>", after=True),), 2, -2),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_is_tried_again_by_ours(name: str, service: ResultsService, store: OwnStore, uploader: Uploader) -> None:
    row = ROWS[name]
    server = store if row.where.startswith("block") else service
    server.script(row.where, *row.faults)
    try:
        uploader.raw(service)
        sign = 1
    except ArtifactError:
        sign = -1
    assert sign * server.count(row.where) == row.ours
    service.violations.clear()


@pytest.mark.parametrize("name", ROWS)
def test_what_is_tried_again_by_the_official_client(
    name: str, hasty: OfficialClient, service: ResultsService, store: OwnStore, uploader: Uploader
) -> None:
    row = ROWS[name]
    server = store if row.where.startswith("block") else service
    server.script(row.where, *row.faults)
    _, path = uploader.file("net.ptl", b"weights")
    upload = {"name": "net.ptl", "files": [str(path)], "root": str(uploader.folder), "options": {"skipArchive": True}}
    result = hasty.call(service, "upload", **upload)
    assert (1 if "value" in result else -1) * server.count(row.where) == row.official
    service.violations.clear()
