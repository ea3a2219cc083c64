"""Proxies and certificates: requests take the way that the environment names, and trust what the machine trusts."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from artifact_blobs import OwnStore
from artifact_proxy import Proxy
from artifact_service import ResultsService
from artifact_upload import Uploader, content_of

from ptmobile.github.artifact import UnreachableError

RESULTS, BLOBS = "results.invalid", "blobs.invalid"


def behind_names(service: ResultsService, store: OwnStore) -> dict[str, str]:
    """Give both servers names that only a proxy knows; loopback addresses never take one."""
    hosts = {RESULTS: service.address, BLOBS: store.address}
    scheme = service.address.partition(":")[0]
    service.address, store.address = f"{scheme}://{RESULTS}", f"{scheme}://{BLOBS}"
    return hosts


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for both names, and its key; it is its own authority."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")
    names = f"subjectAltName=DNS:{RESULTS},DNS:{BLOBS},IP:127.0.0.1"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    command += ["-addext", names, "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def with_tls(certificates: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    return context


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_plain_requests_by_a_proxy_with_a_password(
    name: str, service: ResultsService, store: OwnStore, uploader: Uploader
) -> None:
    content = content_of(9 << 20)
    with Proxy(behind_names(service, store), "us:er:p@ss") as proxy:
        access = service.access(**{name: f"http://us%3Aer:p%40ss@127.0.0.1:{proxy.port}"})
        uploader.upload(access, [uploader.file("net.ptl", content)], archive="raw")
    assert service.published("net.ptl")[0] == content
    assert {host for _, host in proxy.seen} == {RESULTS, BLOBS}
    assert not any("proxy-authorization" in request.headers for request in service.requests + store.requests)


def test_tunnels_by_a_proxy(certificates: Path, uploader: Uploader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "cert.pem"))
    store = OwnStore()
    store.use_tls(with_tls(certificates))
    service = ResultsService(store)
    service.use_tls(with_tls(certificates))
    content = content_of(9 << 20)
    with store, service, Proxy(behind_names(service, store)) as proxy:
        access = service.access(https_proxy=f"127.0.0.1:{proxy.port}")
        uploader.upload(access, [uploader.file("net.ptl", content)], archive="raw")
    assert service.published("net.ptl")[0] == content
    assert set(proxy.seen) == {("CONNECT", RESULTS), ("CONNECT", BLOBS)}
    assert proxy.leaked == service.violations == store.violations == []


def test_certificates_that_nobody_knows(certificates: Path, uploader: Uploader) -> None:
    service = ResultsService(OwnStore())
    service.use_tls(with_tls(certificates))
    with service, pytest.raises(UnreachableError, match=r"the certificate of 127\.0\.0\.1 is not trusted here\."):
        uploader.upload(service.access(), [uploader.file("net.ptl", b"weights")])
    assert uploader.waits == []


def test_a_proxy_that_wants_a_password(
    certificates: Path, service: ResultsService, store: OwnStore, uploader: Uploader
) -> None:
    with Proxy(behind_names(service, store), "user:password") as proxy:
        access = service.access(
            ACTIONS_RESULTS_URL=f"https://{RESULTS}/", https_proxy=f"http://user:wrong-one@127.0.0.1:{proxy.port}"
        )
        with pytest.raises(UnreachableError, match="the proxy does not let us through") as caught:
            uploader.upload(access, [uploader.file("net.ptl", b"weights")])
    assert "wrong-one" not in str(caught.value)
    assert len(proxy.seen) == 5


def test_a_proxy_of_another_kind(service: ResultsService, store: OwnStore, uploader: Uploader) -> None:
    behind_names(service, store)
    with pytest.raises(UnreachableError, match="only http and https proxies are supported"):
        uploader.upload(service.access(http_proxy="socks5://127.0.0.1:1"), [uploader.file("net.ptl", b"weights")])
    assert uploader.waits == []


def test_hosts_that_need_no_proxy(service: ResultsService, uploader: Uploader) -> None:
    uploader.upload(service.access(http_proxy="http://127.0.0.1:1"), [uploader.file("net.ptl", b"weights")])
    assert service.published("net")
