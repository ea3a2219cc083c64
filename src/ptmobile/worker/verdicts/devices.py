"""What it means for a file how the phone's own libraries took it. Pure: from stages and comparisons to verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ptmobile.device.kit import native_abi
from ptmobile.device.target import DeviceTarget
from ptmobile.result import (
    Comparison,
    DeviceStatus,
    DeviceVerdict,
    Evidence,
    Failure,
    Notice,
    Problem,
    Stage,
)

PHONE = "arm64-v8a"
#: Codes of warnings about a library that is wrong and does not decide.
OTHER_ABI, OTHER_RELEASE = "device-abi", "device-other"
# Who runs an ABI: what a verdict on it says, and about whom it says nothing.
AUDIENCE = {PHONE: "phones", "x86_64": "emulators and Chromebooks"}
#: How something is known of a library that was not run.
KNOWN: dict[Evidence, str] = {
    "run": "it was seen when this library ran other files",
    "asked": "this library was asked",
    "desktop": "it holds for the desktop build of the same number",
    "inferred": "it is inferred from other releases",
}
# pytorch/pytorch issue 40027: NNPACK's psimd kernel. Prepacked (optimised) convolutions are right.
DEFECT = (
    "The x86_64 library has a known defect: a 1x1 convolution that is not optimised, on fewer than 4 pixels (in every "
    "squeeze-and-excitation block), gives garbage there and not on phones. optimize: true avoids it."
)


def device_verdict(
    target: DeviceTarget, stage: Stage | None, compared: Sequence[Comparison], *, edition: str = "", alone: str = ""
) -> DeviceVerdict:
    """The verdict of one library from its stage and from the comparisons of what it gave.

    ``alone``: why there are no comparisons, where there cannot be any.
    """
    status, message, max_abs = _outcome(stage, compared, alone)
    return DeviceVerdict(
        release=target.release,
        abi=target.abi,
        edition=edition,
        found=target.found,
        decides=target.decides,
        emulated=target.abi != native_abi(),
        status=status,
        message=message,
        max_abs=max_abs,
        seconds=stage.seconds if stage else 0.0,
        page_bytes=target.page_bytes,
    )


def _outcome(stage: Stage | None, compared: Sequence[Comparison], alone: str) -> tuple[DeviceStatus, str, float | None]:
    if stage is None:
        return "not-run", "The time was up before it.", None
    problem = stage.problem
    if stage.status == "skipped" and problem is not None:
        return "not-run", problem.message, None
    if stage.status != "passed":
        return "failed", f"{problem.message}\n{problem.advice}".strip() if problem else "It did not run the file.", None
    if alone:
        return "ran", alone, None
    # The eager model comes first, where there is one.
    max_abs = compared[0].max_abs if compared else None
    if compared and all(comparison.passed for comparison in compared):
        return "right", "", max_abs
    finding = next((f for c in compared for f in c.findings if f.fails), None)
    rows = next((f for c in compared for f in c.findings if f.kind == "rows"), None)
    told = [f"{found.output} {found.message}" for found in (finding, rows) if found is not None]
    return "wrong", ". ".join(told) or "The outputs differ.", max_abs


def judge_devices(
    verdicts: Sequence[DeviceVerdict], *, required: bool, prepacked: bool
) -> tuple[Failure | None, list[Notice]]:
    """Whether the file may be shipped, and what to say beside.

    Where the phones' ABI was run it decides; what is wrong on x86_64 alone is said as what it is. ``prepacked``: the
    file's convolutions are, so that the known defect does not explain anything.
    """
    defect = "" if prepacked else DEFECT
    notices: list[Notice] = []
    for verdict in verdicts:
        if verdict.status == "not-run":
            failure = _not_run(verdict, required=required)
            notices += [] if failure else _said_of_not_run(verdict)
        elif verdict.status in ("right", "ran"):
            failure = None
        else:
            failure, more = _not_right(verdict, verdicts, required, defect)
            notices += more
        if failure is not None:
            return failure, notices
    return None, notices


def _not_run(verdict: DeviceVerdict, *, required: bool) -> Failure | None:
    """A failure where running was required, or where it is known well enough that the file does not work."""
    if required:
        return _failure(verdict, "could not be run here, and device-check is required")
    tables = verdict.tables
    if tables is None or tables.refusal in (None, "inferred") or not verdict.decides:
        return None
    what = "does not load the file" if tables.loads == "no" else "does not run the file"
    problem = Problem(
        title=f"The library of {_name(verdict)} {what}",
        message="\n".join([f"It was not run; {KNOWN[tables.refusal or 'inferred']}:", *tables.reasons]),
        advice=tables.advice,
    )
    return Failure(kind="runtime", stage=f"device {verdict.release} {verdict.abi}", problem=problem)


def _said_of_not_run(verdict: DeviceVerdict) -> Iterator[Notice]:
    message = f"The file was not run in the library of {_name(verdict)}: {verdict.message}"
    yield Notice(level="notice", code="device-not-run", message=message)
    tables = verdict.tables
    if tables is not None and tables.refusal:
        reasons = " ".join(tables.reasons)
        text = f"{_name(verdict)} probably does not take the file ({KNOWN[tables.refusal]}): {reasons}"
        yield Notice(level="warning", code="device-tables", message=text)


def _not_right(
    verdict: DeviceVerdict, verdicts: Sequence[DeviceVerdict], required: bool, defect: str
) -> tuple[Failure | None, list[Notice]]:
    if verdict.abi != PHONE and phones_are_right(verdict, verdicts):
        message = f"{_name(verdict)} ({AUDIENCE[verdict.abi]}) is wrong, phones are right: {verdict.message}"
        return None, [Notice(level="warning", code=OTHER_ABI, message=f"{message} {defect}".strip())]
    if not verdict.decides and not required:
        message = f"{_name(verdict)}, which no app here declares, does not take the file: {verdict.message}"
        return None, [Notice(level="warning", code=OTHER_RELEASE, message=message)]
    what = "computes something else than the model" if verdict.status == "wrong" else "does not run the file"
    return _failure(verdict, what, defect), []


def phones_are_right(verdict: DeviceVerdict, verdicts: Sequence[DeviceVerdict]) -> bool:
    """Whether the phones' library of the same release gave the model's numbers."""
    return any(v.abi == PHONE and v.release == verdict.release and v.status == "right" for v in verdicts)


def asks_phones(verdicts: Sequence[DeviceVerdict]) -> set[str]:
    """The releases whose library for x86_64 alone gave other numbers, so that the phones' one has to decide."""
    asked = {verdict.release for verdict in verdicts if verdict.abi == PHONE}
    return {v.release for v in verdicts if v.abi == "x86_64" and v.status == "wrong"} - asked


def shows_defect(verdicts: Sequence[DeviceVerdict]) -> bool:
    """Whether a file that is not optimised meets what looks like the known defect of the x86_64 library."""
    return any(
        verdict.abi == "x86_64" and verdict.status == "wrong" and _phones_may_be_right(verdict, verdicts)
        for verdict in verdicts
    )


def _phones_may_be_right(verdict: DeviceVerdict, verdicts: Sequence[DeviceVerdict]) -> bool:
    asked = any(v.abi == PHONE and v.release == verdict.release and v.status != "not-run" for v in verdicts)
    return not asked or phones_are_right(verdict, verdicts)


def _failure(verdict: DeviceVerdict, what: str, defect: str = "") -> Failure:
    advice = ""
    if verdict.status == "wrong" and verdict.abi == "x86_64":
        advice = f"This is the library of {AUDIENCE['x86_64']}; phones (arm64-v8a) were not asked. {defect}".strip()
    problem = Problem(
        title=f"The library of {_name(verdict)} {what}", message=verdict.message or "No reason is known.", advice=advice
    )
    return Failure(kind="runtime", stage=f"device {verdict.release} {verdict.abi}", problem=problem)


def _name(verdict: DeviceVerdict) -> str:
    library = "LibTorch-Lite" if verdict.abi == "iOS" else "pytorch_android_lite"
    return f"{library} {verdict.release} for {verdict.abi}"
