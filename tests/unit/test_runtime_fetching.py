"""Fetching runtime libraries: baked in, cached, downloaded, given; tampered, cut short, refused, at the same time."""

from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fetching_support import AAR, DECLARED, FBJNI, LOADER, Repository, body_of, copy_of, sha

from ptmobile.runtimes.fetching import (
    Coordinates,
    Folders,
    JgoClient,
    NotAvailable,
    RuntimeLibrary,
    TamperedError,
    fetch_runtime,
    folders_of,
    given_runtime,
    hashes,
    store,
)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The hashes of what `Repository` serves, instead of the real ones."""
    table = {str(name): sha(body_of(name)) for name in (AAR, FBJNI, LOADER)}
    monkeypatch.setattr(store, "known_hashes", lambda: table)
    monkeypatch.setattr(store, "known_copies", lambda: {str(AAR): sha(copy_of(AAR))})
    monkeypatch.setattr("ptmobile.runtimes.fetching.fetch.known_hashes", lambda: table)
    return table


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "a" / "cache")


def fetched(result: RuntimeLibrary | NotAvailable) -> RuntimeLibrary:
    assert isinstance(result, RuntimeLibrary), result
    return result


def left_behind(folders: Folders) -> list[str]:
    return sorted(path.name for path in folders.cache.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_downloaded_once_then_from_the_cache(folders: Folders) -> None:
    repository = Repository(AAR, FBJNI, LOADER, declared=DECLARED)
    first = fetched(fetch_runtime("1.12.2", folders, repository))
    assert [file.name for file in (first.aar, *first.jars)] == [str(AAR), str(FBJNI), str(LOADER)]
    assert first.jars[0].path.read_bytes() == str(FBJNI).encode()
    assert (first.aar.origin, first.aar.known, first.notices) == ("download", True, ())
    second = fetched(fetch_runtime("1.12.2", folders, Repository()))
    assert second.aar.origin == "cache"
    assert [jar.path for jar in second.jars] == [jar.path for jar in first.jars]
    assert not list(folders.cache.glob(".download*"))


def test_the_image_comes_first_and_is_never_written_to(folders: Folders, tmp_path: Path) -> None:
    image = tmp_path / "image"
    fetched(fetch_runtime("1.12.2", Folders(image), Repository(AAR, FBJNI, LOADER, declared=DECLARED)))
    before = {path: path.stat().st_mtime_ns for path in image.rglob("*")}
    found = fetched(fetch_runtime("1.12.2", Folders(folders.cache, image), Repository()))
    assert found.aar.origin == "baked"
    assert {path: path.stat().st_mtime_ns for path in image.rglob("*")} == before
    assert not folders.cache.exists()


def test_a_tampered_download_is_an_error_and_leaves_nothing(folders: Folders) -> None:
    repository = Repository(AAR, FBJNI, LOADER, declared=DECLARED)
    repository.files[LOADER] = b"something else"
    with pytest.raises(TamperedError, match=r"nativeloader:0\.10\.1@jar has the SHA-256"):
        fetch_runtime("1.12.2", folders, repository)
    assert left_behind(folders) == []


def test_a_poisoned_cache_is_an_error(folders: Folders, known: dict[str, str]) -> None:
    fetch_runtime("1.12.2", folders, Repository(AAR, FBJNI, LOADER, declared=DECLARED))
    known[str(AAR)] = "0" * 64
    with pytest.raises(TamperedError):
        fetch_runtime("1.12.2", folders, Repository())


@pytest.mark.parametrize("damage", ["cut", "gone", "record", "newer format", "older format"])
def test_a_damaged_cache_is_fetched_anew(folders: Folders, damage: str) -> None:
    repository = Repository(AAR, FBJNI, LOADER, declared=DECLARED)
    first = fetched(fetch_runtime("1.12.2", folders, repository))
    record = folders.cache / "releases" / "pytorch_android_lite-1.12.2.json"
    match damage:
        case "cut":
            first.aar.path.write_bytes(b"org")
        case "gone":
            first.jars[0].path.unlink()
        case "record":
            record.write_text('{"format": 2, "files": {"../../etc/passwd": {"sha256": "0", "size_bytes": 0}}}')
        case "newer format":
            record.write_text('{"format": 3, "files": {}}')
        case _:
            first.aar.path.write_bytes(body_of(AAR))
            record.write_text(f'{{"format": 1, "files": {{"{AAR}": "{sha(body_of(AAR))}"}}}}')
    assert fetched(fetch_runtime("1.12.2", folders, repository)).aar.origin == "download"
    assert fetched(fetch_runtime("1.12.2", folders, Repository())).aar.origin == "cache"


def test_unknown_files_are_taken_and_reported_with_their_hash(folders: Folders) -> None:
    newer = Coordinates("org.pytorch", "pytorch_android_lite", "2.1.0", "aar")
    found = fetched(fetch_runtime("2.1.0", folders, Repository(newer, FBJNI, LOADER, declared=DECLARED)))
    assert found.aar.known is False
    assert found.notices == (f"{newer} has the SHA-256 {sha(body_of(newer))}, unknown to us",)
    again = fetched(fetch_runtime("2.1.0", folders, Repository()))
    assert again.notices == found.notices


def test_the_java_dependencies_of_the_pom(folders: Folders) -> None:
    old = Coordinates("com.facebook.fbjni", "fbjni-java-only", "0.0.3")
    declared = {"com.facebook.fbjni:fbjni-java-only": "0.0.3", "com.facebook.soloader:nativeloader": "0.8.0"}
    found = fetched(fetch_runtime("1.12.2", folders, Repository(AAR, old, LOADER, declared=declared)))
    assert [jar.name for jar in found.jars] == [str(old), str(LOADER)]
    assert found.notices[0] == "nativeloader 0.8.0 is not served; 0.10.1 is taken"


@pytest.mark.parametrize("version", ["${nativeloader}", "../../x", "LATEST"])
def test_an_odd_version_in_the_pom(folders: Folders, version: str) -> None:
    declared = {"com.facebook.soloader:nativeloader": version}
    found = fetched(fetch_runtime("1.12.2", folders, Repository(AAR, FBJNI, LOADER, declared=declared)))
    assert [jar.name for jar in found.jars] == [str(FBJNI), str(LOADER)]


def test_without_a_pom(folders: Folders) -> None:
    found = fetched(fetch_runtime("1.12.2", folders, Repository(AAR, FBJNI, LOADER)))
    assert [jar.name for jar in found.jars] == [str(FBJNI), str(LOADER)]
    assert found.notices == (f"the POM of {AAR} was not read (no POM); the usual Java dependencies are taken",)


def test_what_is_not_served_is_no_exception(folders: Folders) -> None:
    result = fetch_runtime("1.10.0", folders, Repository())
    assert isinstance(result, NotAvailable)
    assert result.reason.startswith("pytorch_android_lite-1.10.0 is not available: no org.pytorch:")
    assert "bake the release" in result.advice
    assert left_behind(folders) == []


@pytest.mark.parametrize("version", ["", "..", "../1.9.0", "1.9.0/x", "LATEST", "1.9.0\n", "1" * 200])
def test_what_is_no_version(folders: Folders, version: str) -> None:
    result = fetch_runtime(version, folders, Repository())
    assert isinstance(result, NotAvailable)
    assert "is no version" in result.reason


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = fetch_runtime("1.12.2", Folders(tmp_path / "file" / "cache"), Repository(AAR, FBJNI, LOADER))
    assert isinstance(result, NotAvailable)
    assert "the cache cannot be written" in result.reason


def test_many_at_once_download_once(folders: Folders) -> None:
    repository = Repository(AAR, FBJNI, LOADER, declared=DECLARED)
    repository.delay = 0.05
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: fetched(fetch_runtime("1.12.2", folders, repository)), range(8)))
    assert len({result.aar.sha256 for result in results}) == 1
    assert repository.asked.count(AAR) == 1


def test_a_lock_is_not_waited_for_without_end(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PATIENCE", 0.2)
    repository = Repository(AAR, FBJNI, LOADER, declared=DECLARED)
    repository.open.clear()
    other = threading.Thread(target=fetch_runtime, args=("1.12.2", folders, repository))
    other.start()
    assert repository.reached.wait(60)
    result = fetch_runtime("1.12.2", folders, Repository())
    repository.open.set()
    other.join()
    assert isinstance(result, NotAvailable)
    assert "another process" in result.reason


def test_what_a_killed_process_left_is_removed(folders: Folders) -> None:
    abandoned = folders.cache / ".download-pytorch_android_lite-1.12.2-x"
    abandoned.mkdir(parents=True)
    (abandoned / "part.aar").write_bytes(b"x")
    fetched(fetch_runtime("1.12.2", folders, Repository(AAR, FBJNI, LOADER, declared=DECLARED)))
    assert not abandoned.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_belong_to_the_owner_of_the_folder_around(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 2345)
    folders = Folders(tmp_path / "temp" / "cache")
    fetched(fetch_runtime("1.12.2", folders, Repository(AAR, FBJNI, LOADER, declared=DECLARED)))
    assert {path.stat().st_uid for path in tmp_path.rglob("*")} == {1234}


# --- an AAR of the user's own


def make_aar(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def test_an_aar_of_the_users_own(folders: Folders, tmp_path: Path) -> None:
    path = make_aar(tmp_path / "mine.aar", "classes.jar", "jni/x86_64/libpytorch_jni_lite.so")
    found = fetched(given_runtime(path, folders, Repository(FBJNI, LOADER)))
    assert (found.aar.path, found.aar.origin, found.version) == (path, "given", "")
    assert found.notices == (f"mine.aar has the SHA-256 {sha(path.read_bytes())}",)
    assert fetched(given_runtime(path, folders, Repository())).jars[0].origin == "cache"


def test_a_given_aar_that_is_a_published_one(folders: Folders, tmp_path: Path, known: dict[str, str]) -> None:
    path = make_aar(tmp_path / "mine.aar", "classes.jar", "jni/x86_64/libpytorch_jni_lite.so")
    known[str(AAR)] = sha(path.read_bytes())
    found = fetched(given_runtime(path, folders, Repository(FBJNI, LOADER)))
    assert (found.version, found.aar.known) == ("1.12.2", True)
    assert found.notices == (f"mine.aar is {AAR}",)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("jni/x86_64/libpytorch_jni_lite.so",), "has no classes.jar"),
        (("classes.jar", "jni/x86_64/libother.so"), "has no libpytorch_jni_lite.so"),
    ],
)
def test_what_is_no_library(folders: Folders, tmp_path: Path, names: tuple[str, ...], reason: str) -> None:
    result = given_runtime(make_aar(tmp_path / "x.aar", *names), folders, Repository())
    assert isinstance(result, NotAvailable)
    assert reason in result.reason


def test_what_is_no_archive(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "x.aar").write_bytes(b"not a zip")
    for name in ("x.aar", "missing.aar"):
        result = given_runtime(tmp_path / name, folders, Repository())
        assert isinstance(result, NotAvailable)
        assert "cannot be read as an .aar" in result.reason


# --- where things are kept


def test_folders(tmp_path: Path) -> None:
    home = {"HOME": "/home/me"}
    assert folders_of(home).cache == Path("/home/me/.cache/ptmobile")
    assert folders_of(home | {"XDG_CACHE_HOME": "/x"}).cache == Path("/x/ptmobile")
    assert folders_of(home | {"XDG_CACHE_HOME": "relative"}).cache == Path("/home/me/.cache/ptmobile")
    job = home | {"GITHUB_ACTIONS": "true", "RUNNER_TEMP": "/runner/_temp"}
    assert folders_of(job).cache == Path("/runner/_temp/ptmobile-cache")
    assert folders_of(job | {"PTMOBILE_CACHE": "/kept"}).cache == Path("/kept")
    assert folders_of(home | {"PTMOBILE_CACHE": "kept"}).cache == Path.cwd() / "kept"
    assert folders_of(home | {"PTMOBILE_RUNTIMES": str(tmp_path)}).baked == tmp_path
    assert folders_of(home | {"PTMOBILE_RUNTIMES": str(tmp_path / "none")}).baked is None


def test_the_recorded_hashes_are_well_formed() -> None:
    table = hashes.known_hashes()
    assert len(table) == 11
    copies = hashes.known_copies()
    assert copies.keys() == {name for name in table if name.endswith("@aar")}
    for name, digest in (*table.items(), *copies.items()):
        assert str(Coordinates.parse(name)) == name
        assert len(bytes.fromhex(digest)) == 32


# --- jgo against a server of our own


class Handler(BaseHTTPRequestHandler):
    """Serves `answers`: path to status, body, promised length."""

    def __init__(self, answers: dict[str, tuple[int, bytes, int]], *args: object) -> None:
        self.answers = answers
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        status, body, promised = self.answers.get(self.path, (404, b"", 0))
        self.send_response(status)
        self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


Server = tuple[JgoClient, dict[str, tuple[int, bytes, int]]]


@pytest.fixture
def server() -> Iterator[Server]:
    answers: dict[str, tuple[int, bytes, int]] = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, answers)) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield JgoClient.from_environment({"PTMOBILE_MAVEN": f"http://127.0.0.1:{http.server_port}/m2"}), answers
        http.shutdown()
        thread.join()


def serve(answers: dict[str, tuple[int, bytes, int]], name: Coordinates, body: bytes, sha1: str = "") -> None:
    answers[f"/m2/{name.path}"] = (200, body, len(body))
    digest = (sha1 or hashlib.sha1(body).hexdigest()).encode()
    answers[f"/m2/{name.path}.sha1"] = (200, digest, len(digest))


POM = Coordinates(AAR.group, AAR.name, AAR.version, "pom")
POM_TEXT = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>org.pytorch</groupId><artifactId>pytorch_android_lite</artifactId><version>1.12.2</version><dependencies>
<dependency><groupId>com.facebook.fbjni</groupId><artifactId>fbjni-java-only</artifactId><version>0.2.2</version>
</dependency><dependency><groupId>com.android.support</groupId><artifactId>appcompat-v7</artifactId>
<version>28.0.0</version></dependency></dependencies></project>"""


def test_jgo_end_to_end(server: Server, folders: Folders) -> None:
    client, answers = server
    for name in (AAR, FBJNI, LOADER):
        serve(answers, name, body_of(name))
    serve(answers, POM, POM_TEXT.encode())
    found = fetched(fetch_runtime("1.12.2", folders, client))
    assert [jar.name for jar in found.jars] == [str(FBJNI), str(LOADER)]
    assert found.notices == ()
    assert "pytorch_android_lite-1.12.2.pom" not in left_behind(folders)


def test_a_download_with_a_wrong_sha1(server: Server, folders: Folders) -> None:
    client, answers = server
    serve(answers, AAR, body_of(AAR), sha1="0" * 40)
    result = fetch_runtime("1.12.2", folders, client)
    assert isinstance(result, NotAvailable)
    assert "did not arrive whole: Checksum mismatch" in result.reason


def test_a_download_that_ends_early(server: Server, folders: Folders) -> None:
    client, answers = server
    answers[f"/m2/{AAR.path}"] = (200, b"half", 8)
    result = fetch_runtime("1.12.2", folders, client)
    assert isinstance(result, NotAvailable)
    assert "the Maven repository cannot be reached (" in result.reason
    assert left_behind(folders) == []


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_repository_that_refuses(server: Server, folders: Folders, status: int) -> None:
    client, answers = server
    answers[f"/m2/{AAR.path}"] = (status, b"", 0)
    result = fetch_runtime("1.12.2", folders, client)
    assert isinstance(result, NotAvailable)
    assert f"the Maven repository does not serve {AAR}" in result.reason


def test_a_broken_pom(server: Server, folders: Folders) -> None:
    client, answers = server
    for name in (AAR, FBJNI, LOADER):
        serve(answers, name, body_of(name))
    serve(answers, POM, b"<project><dep")
    found = fetched(fetch_runtime("1.12.2", folders, client))
    assert "was not read" in found.notices[0]


def test_no_network(folders: Folders) -> None:
    client = JgoClient(("http://someone:secret@127.0.0.1:9/m2",))
    result = fetch_runtime("1.12.2", folders, client)
    assert isinstance(result, NotAvailable)
    assert "the Maven repository cannot be reached (ConnectionError)" in result.reason
    assert "secret" not in result.reason


def test_the_certificates_of_the_machine_are_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    bundle = tmp_path / "certificates.pem"
    bundle.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    client = JgoClient()
    with client._context(AAR, tmp_path):
        assert os.environ["REQUESTS_CA_BUNDLE"] == str(bundle)
    assert "REQUESTS_CA_BUNDLE" not in os.environ
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "mine")
    with client._context(AAR, tmp_path):
        assert os.environ["REQUESTS_CA_BUNDLE"] == "mine"
    assert os.environ["REQUESTS_CA_BUNDLE"] == "mine"


def test_offline(folders: Folders) -> None:
    result = fetch_runtime("1.12.2", folders, JgoClient.from_environment({"PTMOBILE_OFFLINE": "1"}))
    assert isinstance(result, NotAvailable)
    assert "PTMOBILE_OFFLINE is set" in result.reason
