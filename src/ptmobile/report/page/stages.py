"""The stages with their times as parts of the longest, and what each did or why it failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ptmobile.report.numbers import seconds
from ptmobile.result import ASIDES, Stage
from ptmobile.visible import shorten

_MAX_STAGES = 60
_NOTES, _NOTE = 10, 300


@dataclass(frozen=True)
class StageBar:
    """One stage; ``percent`` is its time as a part of the longest stage's."""

    status: str
    name: str
    time: str
    percent: float
    notes: tuple[str, ...]
    problem: str


def stage_bars(stages: Sequence[Stage], *, passed: bool) -> tuple[StageBar, ...]:
    """A bar for each stage. Of a model that passed, a failed stage lies on a road that was not taken, or beside."""
    shown = stages[:_MAX_STAGES]
    longest = max((stage.seconds for stage in shown), default=0.0)
    return tuple(_bar(stage, longest, passed) for stage in shown)


def _bar(stage: Stage, longest: float, passed: bool) -> StageBar:
    problem = f"{stage.problem.title}: {stage.problem.message}" if stage.problem else ""
    aside = (passed or stage.name in ASIDES) and stage.status in ("failed", "crashed")
    return StageBar(
        status="aside" if aside else stage.status,
        name=stage.key,
        time=seconds(stage.seconds),
        percent=round(100 * max(stage.seconds, 0.0) / longest, 1) if longest > 0 else 0.0,
        notes=tuple(shorten(note, _NOTE) for note in stage.notes[:_NOTES]),
        problem=shorten(problem, _NOTE),
    )
