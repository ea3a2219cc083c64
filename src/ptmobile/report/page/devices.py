"""A card for each library of an app: which one, what it made of the file, how we know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ptmobile.report.devices import AUDIENCES, known, takes
from ptmobile.report.numbers import NO_BREAK, seconds, short
from ptmobile.result import DeviceStatus, DeviceVerdict, ModelResult
from ptmobile.visible import shorten

_MAX_CARDS = 40
_LINE = 500
_SAID: dict[DeviceStatus, str] = {
    "right": "gives the model's numbers",
    "ran": "loads the file",
    "wrong": "gives other numbers",
    "failed": "does not run the file",
    "not-run": "not run",
}


@dataclass(frozen=True)
class DeviceCard:
    """One library; ``facts`` are key and value, ``evidence`` sentences."""

    status: str
    library: str
    abi: str
    audience: str
    said: str
    message: str
    facts: tuple[tuple[str, str], ...]
    evidence: tuple[str, ...]
    advice: str


def device_cards(result: ModelResult) -> tuple[DeviceCard, ...]:
    """A card for each verdict."""
    return tuple(_card(verdict, result.mode == "check") for verdict in result.devices[:_MAX_CARDS])


def device_status(verdict: DeviceVerdict) -> str:
    """Passed, failed or aside, which says nothing about the file: not run, and nothing is known against it."""
    if verdict.status == "not-run":
        return "failed" if takes(verdict) is False else "aside"
    return "passed" if verdict.status in ("right", "ran") else "failed"


def _card(verdict: DeviceVerdict, checked: bool) -> DeviceCard:
    said = "gives the host's numbers" if checked and verdict.status == "right" else _SAID[verdict.status]
    ios = verdict.abi == "iOS"
    return DeviceCard(
        status=device_status(verdict),
        library=f"{'LibTorch-Lite' if ios else 'pytorch_android_lite'} {verdict.release}",
        abi=verdict.abi,
        audience=AUDIENCES.get(verdict.abi, "") + (", emulated here" if verdict.emulated else ""),
        said=said,
        message=shorten(verdict.message, _LINE),
        facts=tuple(_facts(verdict)),
        evidence=tuple(shorten(sentence, _LINE) for sentence in known(verdict)),
        advice=shorten(verdict.tables.advice, _LINE) if verdict.tables else "",
    )


def _facts(verdict: DeviceVerdict) -> Iterator[tuple[str, str]]:
    yield "Release", verdict.found or "not said where from"
    yield "File", f"the one for {verdict.edition}" if verdict.edition else "the main one"
    if verdict.status != "not-run":
        if verdict.max_abs is not None:
            yield "Largest difference", short(verdict.max_abs)
        yield "Time", seconds(verdict.seconds)
    if not verdict.decides:
        yield "Weight", "a warning at most: no app declares this release"
    if verdict.page_bytes:
        yield "Largest memory pages", f"{verdict.page_bytes // 1024}{NO_BREAK}KB"
