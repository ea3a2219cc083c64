"""What a difference means, as tables: the choices that scores make, and how long the variants take."""

from __future__ import annotations

from dataclasses import dataclass

from ptmobile.report.meaning import time_words
from ptmobile.report.numbers import short
from ptmobile.result import Decision, Latency, ModelResult
from ptmobile.visible import shorten

_MAX_ROWS = 50
_NAME = 120


@dataclass(frozen=True)
class ChoiceRow:
    """One output read as scores of classes, of one variant against the eager model."""

    status: str
    output: str
    candidate: str
    classes: str
    first: str
    five: str
    margin: str
    difference: str
    unstable: str


@dataclass(frozen=True)
class LatencyBar:
    """The median of one variant; ``percent`` is a part of the longest, ``ratio`` of eager's in words."""

    variant: str
    time: str
    percent: float
    runs: int
    ratio: str = ""


def choice_rows(result: ModelResult) -> tuple[ChoiceRow, ...]:
    """A row for each output and variant that has one."""
    return tuple(map(_choice, result.decisions[:_MAX_ROWS]))


def latency_bars(result: ModelResult) -> tuple[LatencyBar, ...]:
    """A bar for each variant that was timed."""
    latencies = result.timing.latencies[:_MAX_ROWS] if result.timing else ()
    longest = max((latency.seconds for latency in latencies), default=0.0)
    return tuple(
        LatencyBar(
            variant=latency.variant,
            time=time_words(latency.seconds),
            percent=round(100 * max(latency.seconds, 0.0) / longest, 1) if longest > 0 else 0.0,
            runs=latency.runs,
            ratio=_ratio(latency) if latency is not latencies[0] else "",
        )
        for latency in latencies
    )


def _ratio(latency: Latency) -> str:
    if not latency.ratio:
        return ""
    return f"{latency.ratio:.2f} times eager" + (", not taken in turn with it" if latency.apart else "")


def _choice(decision: Decision) -> ChoiceRow:
    agree = decision.top1 == decision.rows
    ties = f", {decision.ties:,} tie" if decision.ties else ""
    return ChoiceRow(
        status="passed" if agree else "failed",
        output=shorten(decision.output, _NAME),
        candidate=decision.candidate,
        classes=f"{decision.classes:,}",
        first=f"{decision.top1:,} of {decision.rows:,}{ties}",
        five="-" if decision.top5 is None else f"{decision.top5:,} of {decision.rows:,}",
        margin=short(decision.margin),
        difference=short(decision.difference),
        unstable=f"{decision.unstable:,}",
    )
