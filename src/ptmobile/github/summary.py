"""A step's summary: Markdown in the file named by GITHUB_STEP_SUMMARY.

The runner drops a summary of more than 1 MiB whole, so ours is measured in bytes and cut where it does no harm: between
blocks. A block is kept whole or left out whole, because a cut inside one would leave a table, a code fence or a folded
section open and swallow what follows; whoever makes the blocks keeps each to one subject (one model, one table). A
block that does not fit is left out without its successors, so that one model cannot push the others out, and a note at
the end says how many are missing and where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ptmobile.github.outputs import append_in_place

SUMMARY_LIMIT = 1024 * 1024
"""What the runner takes, in bytes, inclusive."""

DEFAULT_BUDGET = SUMMARY_LIMIT - 4096
"""What we fill by default, so that a step of ours and something small beside it still fit."""

_SEPARATOR = "\n\n"


@dataclass(frozen=True)
class SummaryResult:
    """What became of the blocks."""

    written: bool
    left_out: int = 0


def append_summary(
    path: Path | None, blocks: Sequence[str], *, full_report: str, budget: int = DEFAULT_BUDGET
) -> SummaryResult:
    """Append blocks to the summary as far as the budget goes, counting what the file holds already.

    `full_report` ends the sentence "… the full report: " and is Markdown. Without a file, nothing is written.
    """
    if path is None:
        return SummaryResult(written=False, left_out=len(blocks))
    try:
        used = path.stat().st_size
    except OSError:
        return SummaryResult(written=False, left_out=len(blocks))
    text, left_out = fit(blocks, full_report=full_report, budget=budget - used)
    if not text:
        return SummaryResult(written=False, left_out=left_out)
    # What stood there before may end in a paragraph; an empty line keeps the two apart.
    lead = "\n" if used else ""
    return SummaryResult(append_in_place(path, lead + text), left_out)


def fit(blocks: Sequence[str], *, full_report: str, budget: int, limit: str = "1 MiB") -> tuple[str, int]:
    """Return the blocks that fit into a number of bytes, as one text, and how many are left out.

    `limit` is what the note about them says that GitHub takes. Two bytes of the budget stay free for what parts the
    text from its predecessor. If not even the note about what is left out fits, the text is empty.
    """
    texts = [text for block in blocks if (text := block.strip("\n"))]
    sizes = [_size(text) + len(_SEPARATOR) for text in texts]
    room = budget - len(_SEPARATOR)
    if sum(sizes) <= room:
        return _join(texts), 0
    # The longest note there can be is set aside, then blocks are taken in order while they fit.
    room -= _size(_note(len(texts), full_report, limit)) + len(_SEPARATOR)
    if room < 0:
        return "", len(texts)
    kept = []
    for text, size in zip(texts, sizes, strict=True):
        if size <= room:
            kept.append(text)
            room -= size
    left_out = len(texts) - len(kept)
    return _join([*kept, _note(left_out, full_report, limit)]), left_out


def _join(texts: Sequence[str]) -> str:
    return _SEPARATOR.join(texts) + "\n" if texts else ""


def _note(left_out: int, full_report: str, limit: str) -> str:
    parts = "1 part of this summary is" if left_out == 1 else f"{left_out} parts of this summary are"
    return f"> **Truncated.** {parts} left out: GitHub takes {limit}. The full report: {full_report}"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
