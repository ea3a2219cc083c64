"""What is said about the phone's own libraries: release, ABI and whose it is, what it made of the file, how we know."""

from __future__ import annotations

from collections.abc import Iterator

from ptmobile.report.comparisons import ASIDE, FAILED, PASSED
from ptmobile.report.numbers import short
from ptmobile.result import DeviceVerdict, Evidence, ModelResult, TableAnswer

#: What an app must say of itself from Android 15 on, in bytes.
LARGE_PAGES = 16 * 1024
#: Who has an ABI.
AUDIENCES = {"arm64-v8a": "phones", "x86_64": "emulators and Chromebooks"}
_MARKS = {"right": PASSED, "ran": PASSED, "wrong": FAILED, "failed": FAILED, "not-run": ASIDE}
EVIDENCE: dict[Evidence, str] = {
    "run": "run on the library",
    "asked": "asked of the library",
    "desktop": "desktop build of the same number",
    "inferred": "inferred from other releases",
}


def device_rows(result: ModelResult) -> tuple[tuple[str, str], ...]:
    """A mark and a sentence for each library; those that failed come first."""
    reference = "the model" if result.mode == "convert" else "the host's lite interpreter"
    rows = [(_mark(verdict), _sentence(verdict, reference)) for verdict in result.devices]
    return tuple(sorted(rows, key=lambda row: row[0] != FAILED))


def verified_on_device(result: ModelResult) -> bool:
    """Whether a library of the app's own loaded the file, ran it and gave the model's numbers, and none disagreed."""
    ran = [verdict for verdict in result.devices if verdict.status != "not-run"]
    return bool(ran) and all(verdict.status == "right" for verdict in ran)


def compatible(result: ModelResult) -> bool | None:
    """Whether the libraries load and run the files; None if none could be run, and nothing is known against them."""
    known = [answer for verdict in result.devices if (answer := takes(verdict)) is not None]
    return all(known) if known else None


def page_notes(result: ModelResult) -> tuple[str, ...]:
    """Libraries that cannot be loaded on devices with large pages."""
    small = {v.release: v.page_bytes for v in result.devices if v.page_bytes and v.page_bytes < LARGE_PAGES}
    return tuple(
        f"The libraries of {release} are aligned to {size // 1024} KB pages: devices with 16 KB pages, which apps for "
        "Android 15 and later must support on Google Play, cannot load them."
        for release, size in small.items()
    )


def takes(verdict: DeviceVerdict) -> bool | None:
    """Whether the library loads and runs the file, or is known not to; None if it could not be run."""
    if verdict.status != "not-run":
        return verdict.status in ("right", "ran", "wrong")
    refused = verdict.tables is not None and verdict.tables.refusal not in (None, "inferred")
    return False if refused else None


def _mark(verdict: DeviceVerdict) -> str:
    return FAILED if takes(verdict) is False else _MARKS[verdict.status]


def _sentence(verdict: DeviceVerdict, reference: str) -> str:
    file = f"the file for {verdict.edition}" if verdict.edition else "the file"
    what = {
        "right": f"loads {file}, runs it and gives the numbers of {reference}, within {short(verdict.max_abs)}",
        "ran": f"loads {file}",
        "wrong": f"runs {file}, but gives other numbers than {reference}",
        "failed": f"does not run {file}",
        "not-run": "was not run",
    }[verdict.status]
    first = verdict.message.splitlines()[0].rstrip(".") if verdict.message else ""
    reason = f": {first}" if verdict.status != "right" and first else ""
    evidence = " ".join(known(verdict))
    return f"{_library(verdict)}, {what}{reason}. {evidence} Release: {verdict.found or 'not said where from'}."


def _library(verdict: DeviceVerdict) -> str:
    if verdict.abi == "iOS":
        return f"LibTorch-Lite {verdict.release} (iOS)"
    audience = AUDIENCES.get(verdict.abi)
    library = f"pytorch_android_lite {verdict.release}, {verdict.abi}"
    return library + (f" ({audience}{', emulated here' if verdict.emulated else ''})" if audience else "")


def known(verdict: DeviceVerdict) -> Iterator[str]:
    """What the verdict rests on."""
    if verdict.status != "not-run":
        yield f"Evidence: {EVIDENCE['run']}."
    elif verdict.tables is None:
        yield "Evidence: none."
    else:
        yield from _of_tables(verdict.tables)


def _of_tables(tables: TableAnswer) -> Iterator[str]:
    loads = {
        "yes": "it will load the file",
        "no": "it will not load the file",
        "unknown": "whether it loads is unknown",
    }
    yield f"By tables, {loads[tables.loads]} (evidence: {EVIDENCE[tables.loads_evidence]});"
    if tables.runs == "no" and tables.runs_evidence is not None:
        yield f"it will not run it (evidence: {EVIDENCE[tables.runs_evidence]})."
    else:
        yield "whether it runs it, only running shows."
    yield from tables.reasons[:3]
