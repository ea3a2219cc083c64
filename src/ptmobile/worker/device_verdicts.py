"""What it means for a file how the phone's own libraries took it. Pure: from stages and comparisons to verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from ptmobile.device.kit import native_abi
from ptmobile.device.target import DeviceTarget
from ptmobile.result import Comparison, DeviceStatus, DeviceVerdict, Failure, Notice, Problem, Stage

PHONE = "arm64-v8a"
# Who runs an ABI: what a verdict on it says, and about whom it says nothing.
AUDIENCE = {PHONE: "phones", "x86_64": "emulators and Chromebooks"}
# pytorch/pytorch issue 40027: NNPACK's psimd kernel. Prepacked (optimised) convolutions are right.
_DEFECT = (
    "The x86_64 library has a known defect: a 1x1 convolution that is not optimised, on fewer than 4 pixels (in every "
    "squeeze-and-excitation block), gives garbage there and not on phones. optimize: true avoids it."
)


def device_verdict(
    target: DeviceTarget, stage: Stage | None, comparisons: Sequence[Comparison], key: str
) -> DeviceVerdict:
    """The verdict of one library from its stage and from the comparisons of what it gave."""

    def verdict(status: DeviceStatus, message: str = "", max_abs: float | None = None) -> DeviceVerdict:
        return DeviceVerdict(
            release=target.release,
            abi=target.abi,
            found=target.found,
            decides=target.decides,
            emulated=target.abi != native_abi(),
            status=status,
            message=message,
            max_abs=max_abs,
            seconds=stage.seconds if stage else 0.0,
        )

    if stage is None:
        return verdict("not-run", "The time was up before it.")
    problem = stage.problem
    if stage.status == "skipped" and problem is not None:
        return verdict("not-run", problem.message)
    if stage.status != "passed":
        words = f"{problem.message}\n{problem.advice}".strip() if problem else "It did not run the file."
        return verdict("failed", words)
    mine = [c for c in comparisons if c.candidate == key]
    eager = next((c for c in mine if c.reference == "eager"), None)
    max_abs = eager.max_abs if eager else None
    if mine and all(comparison.passed for comparison in mine):
        return verdict("right", max_abs=max_abs)
    finding = next((f for c in mine for f in c.findings if f.fails), None)
    return verdict("wrong", f"{finding.output} {finding.message}" if finding else "The outputs differ.", max_abs)


def judge_devices(verdicts: Sequence[DeviceVerdict], *, required: bool) -> tuple[Failure | None, list[Notice]]:
    """Whether the file may be shipped, and what to say beside.

    Where the phones' ABI was run it decides; what is wrong on x86_64 alone is said as what it is.
    """
    warnings: list[Notice] = []
    for verdict in verdicts:
        if verdict.status == "not-run":
            if required:
                return _failure(verdict, "could not be run here, and device-check is required"), warnings
            message = f"The file was not run in the library of {_name(verdict)}: {verdict.message}"
            warnings.append(Notice(level="notice", code="device-not-run", message=message))
        elif verdict.status != "right":
            if verdict.abi != PHONE and _phones_are_right(verdict, verdicts):
                message = f"{_name(verdict)} ({AUDIENCE[verdict.abi]}) is wrong, phones are right: {verdict.message}"
                warnings.append(Notice(level="warning", code="device-abi", message=message))
                continue
            if not verdict.decides and not required:
                message = f"{_name(verdict)}, which no app here declares, does not take the file: {verdict.message}"
                warnings.append(Notice(level="warning", code="device-other", message=message))
                continue
            what = "computes something else than the model" if verdict.status == "wrong" else "does not run the file"
            return _failure(verdict, what), warnings
    return None, warnings


def _phones_are_right(verdict: DeviceVerdict, verdicts: Sequence[DeviceVerdict]) -> bool:
    return any(v.abi == PHONE and v.release == verdict.release and v.status == "right" for v in verdicts)


def _failure(verdict: DeviceVerdict, what: str) -> Failure:
    advice = ""
    if verdict.status == "wrong" and verdict.abi == "x86_64":
        advice = f"This is the library of {AUDIENCE['x86_64']}; phones (arm64-v8a) were not asked. {_DEFECT}"
    problem = Problem(
        title=f"The library of {_name(verdict)} {what}", message=verdict.message or "No reason is known.", advice=advice
    )
    return Failure(kind="runtime", stage=f"device {verdict.release} {verdict.abi}", problem=problem)


def _name(verdict: DeviceVerdict) -> str:
    return f"pytorch_android_lite {verdict.release} for {verdict.abi}"
