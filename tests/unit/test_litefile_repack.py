"""Stripping and repacking: same content, same bytes; alignment; 64-bit fields; bounded memory; no half-written file."""

from __future__ import annotations

import io
import random
import resource
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from ptmobile.errors import PublishError
from ptmobile.litefile import LiteFileError, is_debug_record, read_lite_file, strip_records
from ptmobile.litefile.container import read_container
from ptmobile.litefile.repack import Limits

TINY = Path(__file__).parents[1] / "data" / "tiny.ptl"
MIB = 2**20


def rezipped(path: Path, extra: dict[str, bytes], *, shuffle: int = 0) -> Path:
    """The tiny file as another tool would write it: misaligned, other dates and order, more records."""
    with zipfile.ZipFile(TINY) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members |= {f"tiny/{name}": data for name, data in extra.items()}
    names = list(members)
    random.Random(shuffle).shuffle(names)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            method = zipfile.ZIP_DEFLATED if "/code/" in name else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name, (2020 + shuffle, 1, 1, 0, 0, 0)), members[name], method)
    return path


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def data_offsets(path: Path) -> list[int]:
    with path.open("rb") as stream:
        return [record.data_offset for record in read_container(stream).records]


def test_debug_records_go_and_the_rest_stays_as_it_was(tmp_path: Path) -> None:
    debug = {"code/a.py.debug_pkl": b"secret path", "callstack_debug_map.pkl": b"secret too"}
    source = rezipped(tmp_path / "s.ptl", debug)
    target = tmp_path / "t.ptl"
    report = strip_records(source, target)
    assert report.dropped == ("callstack_debug_map.pkl", "code/a.py.debug_pkl")
    assert report.bytes_saved == source.stat().st_size - target.stat().st_size
    assert contents(target) == contents(TINY)
    assert b"secret" not in target.read_bytes()


def test_every_record_begins_on_64_bytes(tmp_path: Path) -> None:
    source = rezipped(tmp_path / "s.ptl", {"data/7": b"x" * 100, "data/8": b"y"})
    assert any(offset % 64 for offset in data_offsets(source))
    strip_records(source, tmp_path / "t.ptl")
    assert all(offset % 64 == 0 for offset in data_offsets(tmp_path / "t.ptl"))
    assert all(offset % 64 == 0 for offset in data_offsets(TINY))


def test_padding_is_the_field_that_pytorch_writes(tmp_path: Path) -> None:
    strip_records(TINY, tmp_path / "t.ptl")
    data = (tmp_path / "t.ptl").read_bytes()
    with zipfile.ZipFile(tmp_path / "t.ptl") as archive:
        for info in archive.infolist():
            name_length, extra_length = struct.unpack_from("<2H", data, info.header_offset + 26)
            start = info.header_offset + 30 + name_length
            assert data[start : start + 2] == b"FB"
            assert struct.unpack_from("<H", data, start + 2)[0] == extra_length - 4
            assert data[start + 4 : start + extra_length] == b"Z" * (extra_length - 4)


def test_order_dates_and_headers_of_the_source_do_not_show(tmp_path: Path) -> None:
    outputs = []
    for number in range(3):
        source = rezipped(tmp_path / f"s{number}.ptl", {"extra/z": b"1", "extra/a": b"2"}, shuffle=number)
        strip_records(source, tmp_path / f"t{number}.ptl")
        outputs.append((tmp_path / f"t{number}.ptl").read_bytes())
    assert len(set(outputs)) == 1
    with zipfile.ZipFile(io.BytesIO(outputs[0])) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == sorted(archive.namelist())
        kinds = {info.filename: info.compress_type for info in archive.infolist()}
    assert all((kind == zipfile.ZIP_DEFLATED) == ("/code/" in name) for name, kind in kinds.items())


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    strip_records(TINY, tmp_path / "1.ptl")
    report = strip_records(tmp_path / "1.ptl", tmp_path / "2.ptl")
    assert (report.dropped, report.bytes_saved) == ((), 0)
    assert (tmp_path / "1.ptl").read_bytes() == (tmp_path / "2.ptl").read_bytes()


def test_in_place(tmp_path: Path) -> None:
    source = rezipped(tmp_path / "s.ptl", {"code/a.py.debug_pkl": b"x"})
    strip_records(source, tmp_path / "t.ptl")
    strip_records(source, source)
    assert source.read_bytes() == (tmp_path / "t.ptl").read_bytes()


def test_other_records_can_be_dropped_but_not_what_loading_needs(tmp_path: Path) -> None:
    report = strip_records(TINY, tmp_path / "t.ptl", lambda name: name.startswith(("code/", "extra/")))
    assert len(report.dropped) == 4
    assert read_lite_file(tmp_path / "t.ptl").extra_files == ()
    with pytest.raises(ValueError, match=r"bytecode\.pkl"):
        strip_records(TINY, tmp_path / "u.ptl", lambda name: name.endswith(".pkl"))
    assert not (tmp_path / "u.ptl").exists()


@pytest.mark.parametrize("limits", [Limits(number=100), Limits(number=1), Limits(number=2000), Limits(count=3)])
def test_64_bit_fields(tmp_path: Path, limits: Limits) -> None:
    """The fields that files beyond 4 GiB or 65535 records need, forced on a small one."""
    target = tmp_path / "t.ptl"
    strip_records(TINY, target, limits=limits)
    assert b"PK\x06\x06" in target.read_bytes()
    assert contents(target) == contents(TINY)
    assert all(offset % 64 == 0 for offset in data_offsets(target))
    lite, tiny = read_lite_file(target), read_lite_file(TINY)
    assert (lite.operators, lite.methods) == (tiny.operators, tiny.methods)
    again = tmp_path / "u.ptl"
    strip_records(target, again)
    strip_records(TINY, target)
    assert again.read_bytes() == target.read_bytes()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    source = rezipped(tmp_path / "s.ptl", {"data/9": bytes(64 * MIB)})
    tracemalloc.start()
    try:
        strip_records(source, tmp_path / "t.ptl")
        read_lite_file(tmp_path / "t.ptl")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


def test_damage_leaves_no_file(tmp_path: Path) -> None:
    source = rezipped(tmp_path / "s.ptl", {"data/9": b"weights!" * 9})
    data = bytearray(source.read_bytes())
    data[data.index(b"weights!")] ^= 1
    source.write_bytes(data)
    with pytest.raises(LiteFileError, match="data/9 is damaged"):
        strip_records(source, tmp_path / "t.ptl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.ptl"]


def test_a_target_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="cannot be written"):
        strip_records(TINY, tmp_path / "absent" / "t.ptl")
    with pytest.raises(PublishError, match="cannot be written"):
        strip_records(TINY, TINY / "t.ptl")


def test_a_full_disk_leaves_no_half_written_file(tmp_path: Path) -> None:
    target = tmp_path / "t.ptl"
    target.write_bytes(b"the one before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(PublishError, match="cannot be written"):
            strip_records(TINY, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_bytes() == b"the one before"
    assert [path.name for path in tmp_path.iterdir()] == ["t.ptl"]


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "t.ptl.part").symlink_to(victim)
    strip_records(TINY, tmp_path / "t.ptl")
    assert victim.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("code/__torch__/a.py.debug_pkl", True),
        ("delegated_backends.debug_pkl", True),
        ("mobile_debug_handles.pkl", True),
        ("callstack_debug_map.pkl", True),
        ("code/__torch__/a.py", False),
        ("data.pkl", False),
        ("extra/debug.txt", False),
    ],
)
def test_what_a_debug_record_is(name: str, expected: bool) -> None:
    assert is_debug_record(name) is expected
