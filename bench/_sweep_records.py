"""What a sweep finds: one record per variant of a model and release, each a line of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec

Capture = Literal["trace", "script"]
Form = Literal["plain", "optimised"]
#: right, wrong: it ran. refused: by the library, when loaded. failed: it raised when run. crashed: the library's
#: process ended. not captured, not made: torch raised before there was a file. too large, too slow: beyond the sweep's
#: limits. ended: the process that makes the file crashed.
Outcome = Literal[
    "right", "wrong", "refused", "failed", "crashed", "not captured", "not made", "too large", "too slow", "ended"
]
CAPTURES: tuple[Capture, ...] = get_args(Capture)
FORMS: tuple[Form, ...] = get_args(Form)
LOADED: tuple[Outcome, ...] = ("right", "wrong", "failed")


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One file: how the model was captured, whether it was optimised, and the release that it is for."""

    capture: Capture
    form: Form
    release: str


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the same file in another runtime."""

    outcome: Outcome
    message: str = ""
    error: float | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one variant.

    ``error``: the largest difference from eager as a part of the output's largest value; ``reaction``: that between
    the outputs of two inputs; ``noise``: that when every weight moves by its last bit. ``changes``, ``left``: what
    lowering said. ``host``, ``arm64``: the same file in the host's lite interpreter, and in the library for phones,
    asked where this one does not agree with eager.
    ``peak_bytes``: of all processes of this model together until now.
    """

    model: str
    kind: str
    variant: Variant
    abi: str
    outcome: Outcome
    message: str = ""
    error: float | None = None
    reaction: float | None = None
    noise: float | None = None
    size_bytes: int = 0
    load_ms: float | None = None
    trial_ms: float | None = None
    changes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    host: Elsewhere | None = None
    arm64: Elsewhere | None = None
    seconds: float = 0.0
    peak_bytes: int = 0
    date: str = ""
    machine: str = ""


class At(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's process is about to do, and for which variants."""

    step: str
    variants: tuple[Variant, ...]


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a model's process: where it is, or what it found."""

    at: At | None = None
    record: Record | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's process is told. ``libraries``: by release, then ABI, as in ``_libraries.Library``.

    ``step_seconds``: how long the library may take.
    """

    model: str
    variants: tuple[Variant, ...]
    abi: str
    libraries: dict[str, dict[str, dict[str, str]]]
    answers: str
    scratch: str
    step_seconds: float
    trials: int = 2


def variants_of(releases: Iterable[str], captures: Sequence[Capture] = CAPTURES) -> Iterator[Variant]:
    """All variants of one model."""
    for capture in captures:
        for release in releases:
            for form in FORMS:
                yield Variant(capture=capture, form=form, release=release)


def read_records(path: Path) -> list[Record]:
    """All records of a file, the last of each variant; an unfinished last line does not count."""
    found: dict[tuple[str, Variant, str], Record] = {}
    if path.is_file():
        for line in path.read_bytes().split(b"\n")[:-1]:
            record = msgspec.json.decode(line, type=Record)
            found[record.model, record.variant, record.abi] = record
    return list(found.values())


class Log:
    """A file to which lines are appended, each at once and whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and not path.read_bytes().endswith(b"\n"):
            content = path.read_bytes()
            path.write_bytes(content[: content.rfind(b"\n") + 1])  # cut short by a crash

    def append(self, line: msgspec.Struct) -> None:
        """Add one line."""
        with self._path.open("ab", buffering=0) as stream:
            stream.write(msgspec.json.encode(line) + b"\n")
