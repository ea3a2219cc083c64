"""What is kept of an AAR: the same bytes everywhere, both hashes recorded, both verified."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fetching_support import (
    AAR,
    DECLARED,
    FBJNI,
    KEPT,
    LIBRARY,
    LOADER,
    NOT_KEPT,
    Repository,
    aar,
    archive,
    body_of,
    copy_of,
    sha,
)

from ptmobile.runtimes.fetching import (
    Coordinates,
    Folders,
    KeptCopy,
    NotAvailable,
    RuntimeLibrary,
    TamperedError,
    fetch_runtime,
    given_runtime,
    store,
)
from ptmobile.runtimes.fetching.keeping import NoArchiveError, keep_needed

OTHER = Coordinates("org.pytorch", "pytorch_android_lite", "1.13.1", "aar")
SERVED = (AAR, OTHER, FBJNI, LOADER)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    """1.12.2 is a release whose hashes are recorded, 1.13.1 is not."""
    monkeypatch.setattr(store, "known_hashes", lambda: {str(AAR): sha(body_of(AAR))})
    monkeypatch.setattr(store, "known_copies", lambda: {str(AAR): sha(copy_of(AAR))})


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "cache")


def fetched(folders: Folders, version: str = "1.12.2") -> RuntimeLibrary:
    found = fetch_runtime(version, folders, Repository(*SERVED, declared=DECLARED))
    assert isinstance(found, RuntimeLibrary), found
    return found


def record_of(folders: Folders, version: str = "1.12.2") -> Path:
    return folders.cache / "releases" / f"pytorch_android_lite-{version}.json"


# --- the copy


def copied(tmp_path: Path, data: bytes) -> bytes:
    (tmp_path / "source").write_bytes(data)
    (tmp_path / "target").unlink(missing_ok=True)
    keep_needed(tmp_path / "source", tmp_path / "target")
    return (tmp_path / "target").read_bytes()


def test_the_classes_the_manifest_and_two_abis(tmp_path: Path) -> None:
    data = aar("1.12.2")
    with zipfile.ZipFile(io.BytesIO(copied(tmp_path, data))) as kept, zipfile.ZipFile(io.BytesIO(data)) as whole:
        assert tuple(kept.namelist()) == KEPT
        assert kept.testzip() is None
        assert {name: kept.read(name) for name in KEPT} == {name: whole.read(name) for name in KEPT}
        assert set(whole.namelist()) == {*KEPT, *NOT_KEPT}


def test_the_bytes_depend_on_the_members_alone(tmp_path: Path) -> None:
    """Not on their order, dates, permissions, or on how their headers were written."""
    plain = {name: name.encode() * 20 for name in (*KEPT, *NOT_KEPT)}
    stream = io.BytesIO()
    with zipfile.ZipFile(Unseekable(stream), "w", zipfile.ZIP_DEFLATED) as other:  # type: ignore[call-overload]
        for name in reversed(plain):
            member = zipfile.ZipInfo(name, (2021, 6, 14, 1, 2, 3))
            member.external_attr = 0o755 << 16
            other.writestr(member, plain[name], zipfile.ZIP_DEFLATED)
        other.comment = b"made elsewhere"
    assert stream.getvalue()[6] & 0x08  # sizes after the data, not in front of them
    assert copied(tmp_path, stream.getvalue()) == copied(tmp_path, archive(plain))


class Unseekable(io.RawIOBase):
    """A stream that goes forward only, so that sizes are written behind the data."""

    def __init__(self, inner: io.BytesIO) -> None:
        self._inner = inner

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return self._inner.write(data)


def test_a_copy_of_a_copy_is_the_same(tmp_path: Path) -> None:
    once = copied(tmp_path, aar("1.12.2"))
    assert copied(tmp_path, once) == once


def test_the_bytes_are_those_that_were_recorded(tmp_path: Path) -> None:
    """Of stored members, since a compressor's bytes depend on its version; the real ones are recorded as a whole."""
    data = archive({name: name.encode() * 20 for name in KEPT}, zipfile.ZIP_STORED)
    digest = hashlib.sha256(copied(tmp_path, data)).hexdigest()
    assert digest == "db51b7d893d1e78c127e468b95ecc77715fa0c115a19593addfd1d339a7cef89"


def twice() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr("classes.jar", "one")
        with pytest.warns(UserWarning, match="Duplicate"):
            target.writestr("classes.jar", "another")
    return stream.getvalue()


def moved() -> bytes:
    """An archive whose directory is wrong about where its member lies."""
    data = archive({"classes.jar": b"x"}, zipfile.ZIP_STORED)
    return data.replace(b"PK\x03\x04", b"PK\x03\x05", 1)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: b"<html>no such file</html>", "not a zip"),
        (lambda: b"", "not a zip"),
        (lambda: archive({"classes.jar": b"x"}, zipfile.ZIP_BZIP2), "compressed or encrypted in an unusual way"),
        (twice, "two members of one name"),
        (moved, "not where the directory says"),
        (lambda: aar("1.12.2")[:-30], "not a zip"),
    ],
    ids=["page", "empty", "bzip2", "twice", "moved", "cut"],
)
def test_what_cannot_be_copied_from(tmp_path: Path, make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(NoArchiveError, match=reason):
        copied(tmp_path, make())


# --- in the cache


def test_both_hashes_are_recorded_and_the_published_one_is_reported(folders: Folders) -> None:
    for origin in ("download", "cache"):
        found = fetched(folders).aar
        data = found.path.read_bytes()
        assert (found.origin, found.sha256, found.size_bytes) == (origin, sha(body_of(AAR)), len(body_of(AAR)))
        assert found.kept == KeptCopy(sha256=sha(data), size_bytes=len(data))
        assert data == copy_of(AAR)
        assert len(data) < found.size_bytes
    stored = json.loads(record_of(folders).read_text())["files"][str(AAR)]
    assert (stored["sha256"], stored["kept"]["sha256"]) == (sha(body_of(AAR)), sha(copy_of(AAR)))


def test_other_files_are_kept_whole(folders: Folders) -> None:
    for jar in fetched(folders).jars:
        assert jar.kept is None
        assert (sha(jar.path.read_bytes()), jar.path.stat().st_size) == (jar.sha256, jar.size_bytes)


def test_nothing_else_stays(folders: Folders) -> None:
    fetched(folders)
    stay = sorted(path.name for path in folders.cache.rglob("*") if path.is_file() and path.suffix != ".lock")
    assert stay == [
        "fbjni-java-only-0.2.2.jar",
        "nativeloader-0.10.1.jar",
        "pytorch_android_lite-1.12.2.aar",
        "pytorch_android_lite-1.12.2.json",
    ]


def poison(folders: Folders, version: str, published: str | None = None) -> None:
    """Put another library into the cache, as somebody would who can write there, with a record that fits."""
    path = fetched(folders, version).aar.path
    evil = archive({"classes.jar": b"evil", f"jni/x86_64/{LIBRARY}": b"evil"})
    path.write_bytes(evil)
    record = json.loads(record_of(folders, version).read_text())
    stored = record["files"][f"org.pytorch:pytorch_android_lite:{version}@aar"]
    stored["kept"] = {"sha256": sha(evil), "size_bytes": len(evil)}
    stored["sha256"] = published or stored["sha256"]
    record_of(folders, version).write_text(json.dumps(record))


def test_another_copy_of_a_known_release_is_an_error(folders: Folders) -> None:
    poison(folders, "1.12.2")
    with pytest.raises(
        TamperedError, match=rf"The copy of {AAR} has the SHA-256 [0-9a-f]{{64}}, but that of the publi"
    ):
        fetch_runtime("1.12.2", folders, Repository())


def test_a_known_release_with_another_hash_is_an_error(folders: Folders) -> None:
    poison(folders, "1.12.2", "0" * 64)
    with pytest.raises(TamperedError, match=f"{AAR} has the SHA-256 {'0' * 64}, but"):
        fetch_runtime("1.12.2", folders, Repository())


def test_a_whole_file_in_the_place_of_the_copy_is_fetched_anew(folders: Folders) -> None:
    """As the record of an unknown release cannot be checked against anything, its two hashes must fit at least."""
    for version, name in (("1.12.2", AAR), ("1.13.1", OTHER)):
        fetched(folders, version).aar.path.write_bytes(body_of(name))
        assert fetched(folders, version).aar.origin == "download"
        assert fetched(folders, version).aar.origin == "cache"


def test_what_is_served_is_no_archive(folders: Folders) -> None:
    repository = Repository(*SERVED, declared=DECLARED)
    repository.files[OTHER] = b"<html>moved</html>"
    result = fetch_runtime("1.13.1", folders, repository)
    assert isinstance(result, NotAvailable)
    assert "what is served is no .aar: File is not a zip file" in result.reason
    assert not record_of(folders, "1.13.1").exists()


def test_an_archive_that_was_changed_on_the_way_is_not_even_opened(folders: Folders) -> None:
    repository = Repository(*SERVED, declared=DECLARED)
    repository.files[AAR] = b"<html>moved</html>"
    with pytest.raises(TamperedError):
        fetch_runtime("1.12.2", folders, repository)


def test_an_aar_of_the_users_own_is_left_as_it_is(folders: Folders, tmp_path: Path) -> None:
    path = tmp_path / "mine.aar"
    path.write_bytes(aar("mine"))
    found = given_runtime(path, folders, Repository(*SERVED))
    assert isinstance(found, RuntimeLibrary)
    assert (found.aar.path, found.aar.kept, path.read_bytes()) == (path, None, aar("mine"))
