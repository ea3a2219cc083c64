"""What is said about the phone's own libraries: release, ABI and whose it is, and what it made of the file."""

from __future__ import annotations

from ptmobile.report.comparisons import ASIDE, FAILED, PASSED
from ptmobile.report.numbers import short
from ptmobile.result import DeviceVerdict, ModelResult

_AUDIENCES = {"arm64-v8a": "phones", "x86_64": "emulators and Chromebooks"}
_MARKS = {"right": PASSED, "wrong": FAILED, "failed": FAILED, "not-run": ASIDE}


def device_rows(result: ModelResult) -> tuple[tuple[str, str], ...]:
    """A mark and a sentence for each library."""
    return tuple((_MARKS[verdict.status], _sentence(verdict)) for verdict in result.devices)


def verified_on_device(result: ModelResult) -> bool:
    """Whether a library of the app's own loaded the file, ran it and gave the model's numbers, and none disagreed."""
    ran = [verdict for verdict in result.devices if verdict.status != "not-run"]
    return bool(ran) and all(verdict.status == "right" for verdict in ran)


def compatible(result: ModelResult) -> bool | None:
    """Whether the libraries that could be run load and run the file; None if none could be run."""
    ran = [verdict.status in ("right", "wrong") for verdict in result.devices if verdict.status != "not-run"]
    return all(ran) if ran else None


def _sentence(verdict: DeviceVerdict) -> str:
    audience = _AUDIENCES.get(verdict.abi)
    library = f"pytorch_android_lite {verdict.release}, {verdict.abi}"
    library += f" ({audience}{', emulated here' if verdict.emulated else ''})" if audience else ""
    what = {
        "right": f"loads the file, runs it and gives the model's numbers, within {short(verdict.max_abs)}",
        "wrong": "runs the file, but gives other numbers than the model",
        "failed": "does not run the file",
        "not-run": "was not run",
    }[verdict.status]
    first = verdict.message.splitlines()[0] if verdict.message else ""
    reason = f": {first}" if verdict.status != "right" and first else ""
    return f"{library}, {what}{reason}. Release: {verdict.found or 'not said where from'}."
