from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptmobile.github.summary import SUMMARY_LIMIT, SummaryResult, append_summary, fit
from ptmobile.local.file_commands import summary_accepted

ANY_TEXT = st.text(st.characters(exclude_categories=()))
REPORT = "`report.html`"


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    path = tmp_path / "summary"
    path.touch()
    return path


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    with tempfile.NamedTemporaryFile() as file:
        yield Path(file.name)


def test_blocks_are_parted_by_empty_lines(summary: Path) -> None:
    assert append_summary(summary, ["# One\n", "\ntwo", ""], full_report=REPORT) == SummaryResult(written=True)
    assert append_summary(summary, ["three"], full_report=REPORT) == SummaryResult(written=True)
    assert summary.read_text() == "# One\n\ntwo\n\nthree\n"


def test_text_left_without_its_end_is_parted_too(summary: Path) -> None:
    summary.write_text("before")
    append_summary(summary, ["after"], full_report=REPORT)
    assert summary.read_text() == "before\n\nafter\n"


def test_a_block_too_long_goes_without_its_successors(summary: Path) -> None:
    blocks = ["first", "x" * SUMMARY_LIMIT, "third", "ü" * (SUMMARY_LIMIT // 2)]
    assert append_summary(summary, blocks, full_report=REPORT) == SummaryResult(written=True, left_out=2)
    assert summary.read_text() == (
        "first\n\nthird\n\n"
        "> **Truncated.** 2 parts of this summary are left out: GitHub takes 1 MiB. The full report: `report.html`\n"
    )


def test_one_is_said_as_one() -> None:
    text, left_out = fit(["x" * 500], full_report=REPORT, budget=200)
    assert left_out == 1
    assert "1 part of this summary is left out" in text


def test_bytes_count_not_characters() -> None:
    assert fit(["a" * 300], full_report="", budget=400)[1] == 0
    assert fit(["ü" * 300], full_report="", budget=400)[1] == 1


def test_a_full_file_is_left_alone(summary: Path) -> None:
    summary.write_bytes(b"x" * SUMMARY_LIMIT)
    assert append_summary(summary, ["a", "b"], full_report=REPORT) == SummaryResult(written=False, left_out=2)
    assert summary.stat().st_size == SUMMARY_LIMIT


@pytest.mark.parametrize("name", [None, "missing"])
def test_without_a_file_nothing_is_written(tmp_path: Path, name: str | None) -> None:
    path = tmp_path / name if name else None
    assert append_summary(path, ["a"], full_report=REPORT) == SummaryResult(written=False, left_out=1)
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_say_writes_nothing(summary: Path) -> None:
    assert append_summary(summary, [], full_report=REPORT) == SummaryResult(written=False)
    assert summary.read_bytes() == b""


@given(st.lists(ANY_TEXT), st.integers(-10, 400), st.text(max_size=20))
def test_never_over_the_budget(blocks: list[str], budget: int, report: str) -> None:
    text, left_out = fit(blocks, full_report=report, budget=budget)
    assert len(text.encode("utf-8", "replace")) <= max(budget, 0)
    assert 0 <= left_out <= len(blocks)
    assert (left_out > 0) == ("Truncated" in text and not any("Truncated" in b for b in blocks)) or not text


@given(
    st.binary(max_size=3),
    st.integers(SUMMARY_LIMIT - 5000, SUMMARY_LIMIT + 5),
    st.lists(st.lists(st.tuples(ANY_TEXT, st.integers(1, 50_000)), max_size=4), max_size=4),
)
def test_always_accepted(scratch: Path, end: bytes, used: int, rounds: list[list[tuple[str, int]]]) -> None:
    filled = min(used, SUMMARY_LIMIT) if rounds and len(rounds) % 2 else 0
    before = b"x" * max(filled - len(end), 0) + end
    scratch.write_bytes(before)
    for blocks in rounds:
        texts = [text * times for text, times in blocks]
        append_summary(scratch, texts, full_report=REPORT, budget=SUMMARY_LIMIT)
        content = scratch.read_bytes()
        assert summary_accepted(content)
        assert content.startswith(before)


@pytest.mark.parametrize("before", ["", "x", "x\n"])
@pytest.mark.parametrize("length", range(85, 105))
def test_what_parts_the_blocks_counts_too(summary: Path, before: str, length: int) -> None:
    summary.write_text(before)
    append_summary(summary, ["a" * length], full_report=REPORT, budget=100)
    assert summary.stat().st_size <= 100
    assert (summary.read_text() != before) == (length <= 98 - len(before) - 2)
