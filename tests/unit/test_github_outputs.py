from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptmobile.github.outputs import OutputFile, Value, append_in_place, entry, normalise, random_delimiter
from ptmobile.local.file_commands import Flavour, parse_key_values

BOTH: tuple[Flavour, ...] = ("runner", "act")
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]*", fullmatch=True)
# Line ends, and what the files' grammar is made of, come often.
VALUES = st.text(st.one_of(st.sampled_from("\r\n=<\ufeff\x85\u2028"), st.characters(exclude_categories=())))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    path = tmp_path / "output"
    path.touch(0o644)
    return path


def read(path: Path) -> str:
    return path.read_bytes().decode()


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    with tempfile.NamedTemporaryFile() as file:
        yield Path(file.name)


@given(st.dictionaries(NAMES, VALUES))
def test_both_read_back_the_normalised_values(scratch: Path, outputs: dict[str, str]) -> None:
    scratch.write_bytes(b"")
    assert OutputFile(scratch).write_all(outputs)
    expected = {name: normalise(value) for name, value in outputs.items()}
    for flavour in BOTH:
        assert parse_key_values(read(scratch), flavour=flavour) == expected


@given(VALUES)
def test_normalising_changes_only_what_it_says(value: str) -> None:
    result = normalise(value)
    assert result == normalise(result)
    if value.isprintable():
        assert result == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1e-5, "1e-05"),
        ("", ""),
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("\r\n\n a", " a"),
        ("\n\n", ""),
        ("file\udcff", "file\ufffd"),
    ],
)
def test_normalises(value: Value, expected: str) -> None:
    assert normalise(value) == expected


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a<<b", "1a", "-a", "ä", "a\n", "\ufeffa"])
def test_refuses_names_that_are_none(output: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not an output's name"):
        OutputFile(output).write_all({"good": "x", name: "y"})
    assert read(output) == ""


@pytest.mark.parametrize(("name", "value"), [("a", "xDELIMy"), ("DELIM", "x"), ("a", "x\nDELIM\nb=1")])
def test_refuses_what_contains_the_delimiter(output: Path, name: str, value: str) -> None:
    with pytest.raises(ValueError, match="contains its delimiter"):
        OutputFile(output, delimiter=lambda: "DELIM").write(name, value)
    assert read(output) == ""


def test_entries_have_delimiters_of_their_own(output: Path) -> None:
    assert OutputFile(output).write_all({"a": 1, "b": 2})
    delimiters = {line.partition("<<")[2] for line in read(output).splitlines() if "<<" in line}
    assert len(delimiters) == 2
    assert len(random_delimiter()) > 32


def test_entry_is_a_heredoc() -> None:
    assert entry("model-path", "a=b", "D") == "model-path<<D\na=b\nD\n"


@pytest.mark.parametrize("path", [None, Path("missing"), Path("missing/too"), Path()])
def test_without_a_file_nothing_is_written(tmp_path: Path, path: Path | None) -> None:
    assert not OutputFile(tmp_path / path if path else None).write("a", "b")
    assert list(tmp_path.iterdir()) == []


def test_the_file_stays_the_same_one(output: Path) -> None:
    before = output.stat()
    assert OutputFile(output).write("a", "b")
    after = output.stat()
    assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode)


@pytest.mark.parametrize("flavour", BOTH)
def test_a_line_left_without_its_end_is_ended(output: Path, flavour: Flavour) -> None:
    output.write_text("old=1")
    assert OutputFile(output).write("a", "b")
    assert parse_key_values(read(output), flavour=flavour) == {"old": "1", "a": "b"}


def test_half_an_entry_is_taken_back(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output.write_text("old=1\n")
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    assert not OutputFile(output).write("a", "b")
    assert read(output) == "old=1\n"


def test_a_full_disk_is_no_exception(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert not append_in_place(output, "text")
