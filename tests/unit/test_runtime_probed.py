"""Answers of libraries in a folder of the user's own: written, found, preferred, damaged."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from ptmobile.errors import ConfigurationError, PublishError
from ptmobile.runtimes.limits import AskedLibrary, load_tables
from ptmobile.runtimes.limits.probed import probed_folder, read_probed, tables_with, write_probed
from ptmobile.runtimes.releases import Release, load_releases

ANSWERS = AskedLibrary(
    artifact="org.pytorch:pytorch_android_lite",
    version="1.10.0",
    sha256="0" * 64,
    abi="x86_64",
    how="asked",
    line="1.10",
    desktop="1.10.2",
    operators_asked=3168,
    also=("1.9", "1.11"),
    bytecode_min=3,
    bytecode_max=6,
    archive_max=6,
    page_bytes=16384,
    beyond=("aten::pad",),
    absent=("aten::add.Tensor", "aten::relu"),
)


def release(version: str) -> Release:
    return next(one for one in load_releases() if (one.platform, one.version) == ("android", version))


def test_the_folder() -> None:
    assert probed_folder({"PTMOBILE_CACHE": "/kept"}) == Path("/kept/probed")
    assert probed_folder({"HOME": "/home/me"}) == Path("/home/me/.cache/ptmobile/probed")


def test_written_and_found(tmp_path: Path) -> None:
    folder = probed_folder({"PTMOBILE_CACHE": str(tmp_path / "cache")})
    assert (read_probed(folder), tables_with(folder)) == ({}, load_tables())
    path = write_probed(ANSWERS, folder)
    assert path == folder / "pytorch_android_lite-1.10.0.json"
    assert read_probed(folder) == {"org.pytorch:pytorch_android_lite:1.10.0": ANSWERS}
    assert tables_with(folder).limits_of(release("1.10.0")).bytecode_max == 6
    assert load_tables().limits_of(release("1.10.0")).bytecode_max == 7


def test_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert write_probed(ANSWERS, Path("some/where")).samefile(tmp_path / "some/where/pytorch_android_lite-1.10.0.json")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_it_belongs_to_the_owner_of_the_folder_around(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 2345)
    path = write_probed(ANSWERS, tmp_path / "cache" / "probed")
    assert {one.stat().st_uid for one in (path, *path.parents[:2])} == {1234}


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        PublishError, match=rf"^{tmp_path}/file/x/pytorch_android_lite-1\.10\.0\.json cannot be written"
    ):
        write_probed(ANSWERS, tmp_path / "file" / "x")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "pytorch_android_lite-1.10.0.json").write_text("{}")
    for read in (read_probed, tables_with):
        with pytest.raises(ConfigurationError, match=rf"in {tmp_path} cannot be read: pytorch_android_lite-1\.10\.0"):
            read(tmp_path)


@pytest.mark.parametrize(
    ("operator", "answer", "evidence", "arguments"),
    [
        ("aten::relu", "no", "asked", None),
        ("aten::mul.Tensor", "yes", "asked", 2),
        ("aten::pad", "yes", "asked", None),  # newer than its line, and there all the same
        ("aten::_efficientzerotensor", "no", "asked", None),  # of 1.11, which was asked for too
        ("aten::scaled_dot_product_attention", "no", "desktop", None),  # of 2.1, which was not
        ("mine::op", "no", "desktop", None),
    ],
)
def test_what_the_answers_say(tmp_path: Path, operator: str, answer: str, evidence: str, arguments: int | None) -> None:
    write_probed(ANSWERS, tmp_path)
    found = tables_with(tmp_path).presence(operator, release("1.10.0"))
    assert (found.answer, found.evidence, found.arguments) == (answer, evidence, arguments)


def test_a_release_whose_line_is_in_no_table(tmp_path: Path) -> None:
    """It was asked for the operators of another line, and what it answered to those is known."""
    answers = replace(ANSWERS, line="1.9", also=("1.12",), beyond=(), absent=("aten::relu",))
    write_probed(answers, tmp_path)
    whole = tables_with(tmp_path)
    tables = dataclasses.replace(whole, schemas={line: whole.schemas[line] for line in ("1.9", "1.12")})
    found = [tables.presence(name, release("1.10.0")) for name in ("aten::mul.Tensor", "aten::relu", "aten::pad")]
    assert [(one.answer, one.evidence) for one in found] == [("yes", "asked"), ("no", "asked"), ("no", "asked")]
    assert tables.presence("mine::op", release("1.10.0")).answer == "unknown"
