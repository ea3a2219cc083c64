"""What bench/zoo.py finds: one record per model, each a line of JSON."""

from __future__ import annotations

from pathlib import Path

import msgspec
from _zoo_floor import Floor

#: From this rounding error of eager itself on, as a part of the output's largest value, the default tolerance is too
#: tight; then ten times the error is allowed to ours and to the recipe alike.
INEXACT = 5e-6
ROOM = 10.0


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """What ``ptmobile convert`` made of a model.

    ``error``: the file's largest difference from eager as a part of the output's largest value. ``devices``: ABI,
    status and message for each library that ran it. ``seconds`` of the whole command, without those in the libraries.
    """

    saved: bool = False
    verified: bool = False
    method: str = ""
    optimised: bool = False
    remedy: str = ""
    adapted: bool = False
    devices: tuple[tuple[str, str, str], ...] = ()
    error: float | None = None
    why: str = ""
    advice: str = ""
    first_problem: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    device_seconds: float = 0.0
    peak_bytes: int = 0


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What the plain recipe made of it: ``right`` is what its file really computes, which the recipe does not ask.

    ``device`` is ``right``, ``wrong``, ``failed``, or empty where it was not reached. ``why``: the step that failed.
    """

    captured: bool = False
    saved: bool = False
    ran: bool = False
    right: bool = False
    error: float | None = None
    device: str = ""
    why: str = ""
    seconds: float = 0.0


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One model: how exact it is by itself, what ours made of it, and the recipe by both of its roads."""

    model: str
    kind: str
    floor: Floor = Floor()
    ours: Ours
    trace: Recipe
    script: Recipe
    date: str
    machine: str

    @property
    def inexact(self) -> bool:
        """Whether the model's own rounding error asks for a wider tolerance."""
        return is_inexact(self.floor)


def is_inexact(floor: Floor) -> bool:
    """Whether a model's own rounding error asks for a wider tolerance."""
    return floor.relative is not None and floor.relative > INEXACT


def read_records(path: Path) -> list[Record]:
    """All records of a file, the last of each model; an unfinished last line does not count."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
    found = (msgspec.json.decode(line, type=Record) for line in lines if line)
    return list({record.model: record for record in found}.values())
