"""What a supervisor takes from the desks of its processes, and what it refuses to take."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ptmobile.errors import PtmobileError
from ptmobile.result import Stage, StageName
from ptmobile.worker.processes.desks import ChangedError, Desks, NotKeptError

FILE = Path("files-script/main-0/model.ptl")


@pytest.fixture
def desks(tmp_path: Path) -> Desks:
    return Desks(tmp_path, guarded=False)


def stage(name: StageName, target: str = "") -> Stage:
    method = None if name in ("eager", "inputs", "timed") else "script"
    return Stage(name=name, method=method, target=target, status="passed")  # type: ignore[arg-type]


def left(desk: Path, name: str, data: bytes = b"data") -> Path:
    path = desk / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_what_a_stage_left_is_copied(desks: Desks) -> None:
    desk = desks.new()
    original = left(desk, "eager/0.bin")
    left(desk, "golden.json", b"{}")
    desks.take(stage("eager"), desk)
    kept = desks.kept / "eager/0.bin"
    assert (kept.read_bytes(), (desks.kept / "golden.json").read_bytes()) == (b"data", b"{}")
    assert desks.sha256(kept) == hashlib.sha256(b"data").hexdigest()
    assert kept.stat().st_ino != original.stat().st_ino
    assert original.exists()  # the roads still read it


def test_what_the_next_stage_has_begun_to_leave_is_not_taken_with_this_one(desks: Desks) -> None:
    desk = desks.new()
    left(desk, "inputs/trials.json")
    left(desk, "golden/0.bin")  # the process is ahead of its supervisor, in the middle of its stage eager
    desks.take(stage("inputs"), desk)
    left(desk, "golden/0.json")
    desks.take(stage("eager"), desk)
    assert sorted(file.name for file in (desks.kept / "golden").iterdir()) == ["0.bin", "0.json"]


def test_a_stage_may_be_expected_to_leave_more(desks: Desks) -> None:
    desk = desks.new()
    left(desk, "inputs/trials.json")
    left(desk, "golden/0.json")
    desks.expect_also("inputs", "golden")
    desks.take(stage("inputs"), desk)
    assert (desks.kept / "inputs/trials.json").exists()
    assert (desks.kept / "golden/0.json").exists()


def test_a_descriptor_that_stays_open_reaches_nothing_that_is_kept(desks: Desks) -> None:
    desk = desks.new()
    with left(desk, "optimised (script)/0.bin").open("r+b") as still_open:
        desks.take(stage("optimised"), desk)
        still_open.write(b"evil")
    kept = desks.kept / "optimised (script)/0.bin"
    assert desks.read(kept) == b"data"
    assert not (desk / "optimised (script)").exists()


def test_what_is_kept_is_never_replaced(desks: Desks) -> None:
    desk = desks.new()
    left(desk, "eager/0.bin")
    desks.take(stage("eager"), desk)
    left(desk, "eager/0.bin", b"evil")
    left(desk, "eager/1.bin", b"evil")
    desks.take(stage("eager"), desk)
    assert [path.name for path in (desks.kept / "eager").iterdir()] == ["0.bin"]
    assert desks.read(desks.kept / "eager/0.bin") == b"data"


def test_holes_are_kept_as_holes(desks: Desks) -> None:
    desk, size = desks.new(), (64 << 20) + 5
    with left(desk, "timed.json", b"").open("wb") as stream:
        stream.truncate(size)
        stream.seek(32 << 20)
        stream.write(b"in the middle")
    desks.take(stage("timed"), desk)
    kept = desks.kept / "timed.json"
    assert kept.stat().st_size == size
    assert kept.stat().st_blocks * 512 < 4 << 20
    assert kept.read_bytes()[32 << 20 :].startswith(b"in the middle")
    assert desks.sha256(kept) == hashlib.sha256(kept.read_bytes()).hexdigest()


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/proc/self/environ")


def second_name(path: Path) -> None:
    os.link(path, path.with_name("other"))


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate((8 << 30) + 1)


@pytest.mark.parametrize("spoil", [link, second_name, fifo, sparse])
@pytest.mark.parametrize("place", ["lite (script)/0.bin", str(FILE)])
def test_only_plain_files_are_taken(desks: Desks, spoil: Callable[[Path], None], place: str) -> None:
    desk = desks.new()
    desks.expect("lite (script)", desks.kept / FILE)
    left(desk, str(FILE))
    spoil(left(desk, place))
    with pytest.raises(PtmobileError):
        desks.take(stage("lite"), desk)


def test_folders_in_folders_are_refused(desks: Desks) -> None:
    desk = desks.new()
    folder(left(desk, "lite (script)/0.bin"))
    with pytest.raises(PtmobileError):
        desks.take(stage("lite"), desk)


@pytest.mark.parametrize("part", ["lite (script)", "files-script", "files-script/main-0"])
def test_links_to_folders_are_not_followed(desks: Desks, tmp_path: Path, part: str) -> None:
    desk = desks.new()
    desks.expect("lite (script)", desks.kept / FILE)
    left(desk, str(FILE))
    left(desk, "lite (script)/0.bin")
    (desk / part).rename(tmp_path / "elsewhere")
    (desk / part).symlink_to(tmp_path / "elsewhere")
    with pytest.raises((PtmobileError, OSError)):
        desks.take(stage("lite"), desk)


def test_a_file_that_was_to_be_left_must_be_there(desks: Desks) -> None:
    desks.expect("saved (script)", desks.kept / FILE)
    with pytest.raises(NotKeptError, match=r"no model\.ptl"):
        desks.take(stage("saved"), desks.new())


@pytest.mark.parametrize("target", ["../x", "a/../../x", "/etc"])
def test_the_name_of_a_stage_leads_nowhere_else(desks: Desks, target: str) -> None:
    with pytest.raises(NotKeptError, match="no name of a folder"):
        desks.take(stage("device", target), desks.new())
    assert not list(desks.kept.iterdir())


def test_changes_are_noticed_where_the_kernel_does_not_prevent_them(desks: Desks, tmp_path: Path) -> None:
    desk = desks.new()
    left(desk, "lite (script)/0.bin")
    desks.take(stage("lite"), desk)
    kept = desks.kept / "lite (script)/0.bin"
    kept.write_bytes(b"evil")
    with pytest.raises(ChangedError, match="somebody else"):
        desks.read(kept)
    added = left(desks.kept, "lite (script)/1.bin")
    with pytest.raises(ChangedError):
        desks.read(added)
