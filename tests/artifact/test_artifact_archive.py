"""Archives and blocks: always the same bytes, readable from front to back, little in memory, stopped at once."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import threading
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from artifact_blobs import BLOCK
from artifact_upload import content_of

from ptmobile.errors import InterruptedRunError
from ptmobile.github.artifact.archive import write_bare, write_zip
from ptmobile.github.artifact.blocks import BlockUpload
from ptmobile.github.artifact.errors import RefusedError
from ptmobile.github.artifact.retry import Retrying
from ptmobile.github.artifact.store import BlobStore, block_list
from ptmobile.github.artifact.web import Reply


class Memory:
    """A sink that keeps everything and cannot seek."""

    def __init__(self) -> None:
        self.content = b""
        self.abandoned = False

    def write(self, data: bytes) -> int:
        self.content += data
        return len(data)

    def flush(self) -> None:
        pass

    def abandon(self) -> None:
        self.abandoned = True


def archive(*files: tuple[str, Path]) -> bytes:
    sink = Memory()
    write_zip(files, sink)
    return sink.content


def make(folder: Path, **contents: bytes) -> list[tuple[str, Path]]:
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [(name, folder / name) for name in contents]


def test_the_same_files_give_the_same_archive(tmp_path: Path) -> None:
    weights, report = content_of(300_000), b"<p>report</p>" * 1000
    first = make(tmp_path / "a", net=weights, report=report)
    second = make(tmp_path / "b", report=report, net=weights)
    os.utime(second[0][1], (1, 1))
    second[0][1].chmod(0o700)
    assert archive(*first) == archive(*second)
    assert archive(*first) != archive(first[0])
    with zipfile.ZipFile(io.BytesIO(archive(*first))) as read:
        entries = [(one.filename, one.date_time, one.external_attr >> 16, one.create_system) for one in read.infolist()]
    assert entries == [(name, (1980, 1, 1, 0, 0, 0), 0o100644, 3) for name in ("net", "report")]


def test_an_archive_can_be_read_from_front_to_back(tmp_path: Path) -> None:
    """Without the directory at its end, as download-artifact does: every entry says itself where it ends."""
    contents = {"a": content_of(200_000), "b": b"text " * 9999, "c": b""}
    data = archive(*make(tmp_path / "files", **contents))
    found = {}
    while data.startswith(b"PK\x03\x04"):
        assert data[8:10] == b"\x08\x00", "deflated"
        name_size = int.from_bytes(data[26:28], "little")
        start = 30 + name_size + int.from_bytes(data[28:30], "little")
        inflate = zlib.decompressobj(-15)
        found[data[30 : 30 + name_size].decode()] = inflate.decompress(data[start:]) + inflate.flush()
        assert inflate.eof
        descriptor = inflate.unused_data
        assert descriptor[:4] == b"PK\x07\x08"
        assert int.from_bytes(descriptor[4:8], "little") == zlib.crc32(found[data[30 : 30 + name_size].decode()])
        data = descriptor[16:]
    assert found == contents
    assert data.startswith(b"PK\x01\x02")


def test_weights_are_not_compressed_and_text_is(tmp_path: Path) -> None:
    mixed = content_of(500_000) + bytes(500_000)
    files = make(tmp_path / "files", weights=content_of(1_000_000), text=b"text " * 200_000, mixed=mixed, small=b"ab")
    with zipfile.ZipFile(io.BytesIO(archive(*files))) as read:
        sizes = {one.filename: one.compress_size for one in read.infolist()}
    assert sizes["weights"] in range(1_000_000, 1_001_000)
    assert sizes["text"] < 10_000
    assert sizes["mixed"] < 600_000


def test_a_file_that_cannot_be_read_further_ends_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = make(tmp_path / "files", net=b"weights")

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("shutil.copyfileobj", fail)
    sink = Memory()
    with pytest.raises(Exception, match=r"net cannot be uploaded: Input/output error\."):
        write_zip(files, sink)
    assert sink.abandoned


class Wire:
    """Takes requests like `Web.send`; blocks wait for a gate, and are answered with a status."""

    def __init__(self, status: int = 201) -> None:
        self.received: dict[str, bytes] = {}
        self.order: list[str] = []
        self.committed: bytes | None = None
        self.gate = threading.Event()
        self.gate.set()
        self._status = status

    def __call__(self, method: str, url: str, headers: object, body: bytes | memoryview, /) -> Reply:
        if url.endswith("comp=blocklist"):
            self.committed = bytes(body)
            return Reply(201, {}, b"")
        self.gate.wait(60)
        block = url.partition("blockid=")[2]
        self.order.append(block)
        self.received[block] = hashlib.sha256(body).digest()
        return Reply(self._status, {}, b"")


def blob_of(wire: Wire, threads: int = 5) -> BlockUpload:
    return BlockUpload(BlobStore("https://x/y?sig=1", wire, Retrying()), threads, threading.Event())


@pytest.mark.parametrize("step", [1_000_003, BLOCK, 3 * BLOCK + 1])
def test_blocks_are_cut_anew(step: int) -> None:
    content, wire = content_of(5 * BLOCK // 2), Wire()
    with blob_of(wire) as blob:
        for start in range(0, len(content), step):
            assert blob.write(memoryview(content)[start : start + step]) == len(content[start : start + step])
        done = blob.commit("text/plain")
    assert (done.size, done.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    expected = [hashlib.sha256(content[start : start + BLOCK]).digest() for start in range(0, len(content), BLOCK)]
    ids = sorted(wire.received, key=base64.b64decode)
    assert [wire.received[one] for one in ids] == expected
    assert wire.committed == block_list(ids)


def test_one_thread_keeps_the_order() -> None:
    wire = Wire()
    with blob_of(wire, threads=1) as blob:
        blob.write(bytes(6 * BLOCK))
        blob.commit("x/y")
    assert [base64.b64decode(one)[36:] for one in wire.order] == [b"%012d" % number for number in range(6)]


def test_memory_is_bounded_however_fast_bytes_come(tmp_path: Path) -> None:
    """Six blocks for five threads, whatever the size of the file."""
    path = tmp_path / "net.ptl"
    with path.open("wb") as stream:
        stream.truncate(30 * BLOCK)
    tracemalloc.start()
    try:
        with blob_of(Wire()) as blob:
            write_bare(path, blob)
            blob.commit("x/y")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * BLOCK + (8 << 20)


def test_a_refused_block_stops_whoever_writes() -> None:
    def write_on() -> None:
        with blob_of(Wire(403)) as blob:
            for _ in range(100):
                blob.write(bytes(BLOCK))
            pytest.fail("nobody was stopped")

    with pytest.raises(RefusedError, match="HTTP 403"):
        write_on()


def test_a_refused_last_block_commits_nothing() -> None:
    wire = Wire(403)

    def write() -> None:
        with blob_of(wire) as blob:
            blob.write(b"x")
            blob.commit("x/y")

    with pytest.raises(RefusedError, match="HTTP 403"):
        write()
    assert wire.committed is None


class _InterruptedAfterSixBlocks(BlockUpload):
    """Six blocks: five threads are held up by a store that hangs, and one block waits for them."""

    def _take(self, piece: memoryview) -> None:
        super()._take(memoryview(bytes(6 * BLOCK)))
        raise InterruptedRunError("The run was interrupted by SIGTERM.")


@pytest.mark.parametrize("files", [[], ["a"], ["a", "b"]])
def test_a_cancelled_run_does_not_wait_for_a_store_that_hangs(files: list[str], tmp_path: Path) -> None:
    """Without files: while a bare file is written. What an archive still writes at its end must not block."""
    wire = Wire()
    wire.gate.clear()
    path = tmp_path / "net"
    path.write_bytes(bytes(100))
    ended: list[BaseException] = []

    def run() -> None:
        store = BlobStore("https://x/y?sig=1", wire, Retrying())
        try:
            with _InterruptedAfterSixBlocks(store, 5, threading.Event()) as blob:
                write_zip([(name, path) for name in files], blob) if files else write_bare(path, blob)
        except InterruptedRunError as interruption:
            ended.append(interruption)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(30)
    in_time = not thread.is_alive()
    wire.gate.set()
    assert in_time
    assert len(ended) == 1
    assert wire.committed is None
