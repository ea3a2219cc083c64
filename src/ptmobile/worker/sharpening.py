"""The second, sharper comparison: the same architecture, whose untrained weights have values that show errors.

It is a job of its own in a folder of its own, up to the file on this machine. The file that is shipped is not touched;
but where the second comparison fails, what made the file would spoil other weights, so it is not shipped either.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace
from torch import nn

from ptmobile.errors import LoadError
from ptmobile.protocol import Job
from ptmobile.result import Failure, ModelResult, Notice, Problem, Sharper
from ptmobile.worker.example_inputs import TrialInputs
from ptmobile.worker.sensitive_weights import Sensitised, make_sensitive

#: Notices which say that the first comparison proves little.
_LITTLE_PROVED = frozenset({"zero-output", "still-output", "nan-output"})
_FOLDER, _CHANGED = "sensitive", "sensitised.json"
_ADVICE = (
    "The weights of this comparison are not the model's, but values in the place of untrained ones. Train the model, "
    "build it otherwise (optimize-blocklist, method), or set sensitive-weights to off."
)


def sensitise(job: Job, module: nn.Module, first: TrialInputs) -> None:
    """In the process of the model: change its untrained weights, and leave how many there were.

    Raises:
        LoadError: it has none.
    """
    changed = make_sensitive(module, first.arguments, seed=job.spec.seed)
    (Path(job.scratch) / _CHANGED).write_bytes(msgspec.json.encode(changed))
    if not changed:
        raise LoadError("No weights of the model are plainly untrained.")


def sharpened(job: Job, result: ModelResult, run: Callable[[Job], ModelResult]) -> ModelResult:
    """A result with what the second comparison says, if there is to be one. ``run`` does a job."""
    asked, file = job.spec.sensitive_weights, result.file
    proves_little = any(notice.code in _LITTLE_PROVED for notice in result.notices)
    left = job.spec.timeout_minutes - result.seconds / 60
    if file is None or not file.verified or asked == "off" or (asked == "auto" and not proves_little) or left <= 0:
        return result
    folder = Path(job.scratch) / _FOLDER
    folder.mkdir()
    spec = replace(job.spec, method=file.method, timeout_minutes=left, bundle_inputs=False, timing=False)
    edition = replace(job.editions[0], devices=(), spares=())
    second = run(replace(job, spec=spec, scratch=str(folder), editions=(edition,), sensitive=True))
    return _with(result, second, _changed(folder))


def _changed(folder: Path) -> Sensitised:
    try:
        return msgspec.json.decode((folder / _CHANGED).read_bytes(), type=Sensitised)
    except (OSError, msgspec.DecodeError):
        return Sensitised()


def _with(result: ModelResult, second: ModelResult, changed: Sensitised) -> ModelResult:
    count = len(changed.parameters) + len(changed.statistics)
    failure = _failure(result, second)
    comparable = count > 0 and second.comparisons
    sharper = Sharper(
        status="failed" if failure else "passed" if comparable and second.failure is None else "not-run",
        changed=count,
        comparisons=second.comparisons,
        failure=second.failure,
        seconds=second.seconds,
    )
    if failure is None or result.file is None:
        return replace(result, sharper=sharper, notices=(*result.notices, _told(sharper, second)))
    return replace(result, sharper=sharper, failure=failure, file=replace(result.file, verified=False))


def _failure(result: ModelResult, second: ModelResult) -> Failure | None:
    """A difference, or that only another build than the one that is shipped gives none."""
    if second.failure is not None and second.failure.kind == "mismatch":
        problem = second.failure.problem
        told = replace(
            problem, title=f"With sensitive weights, {problem.title}"[:300], advice=problem.advice or _ADVICE
        )
        return Failure(kind="mismatch", stage=second.failure.stage, problem=told)
    remedy = second.file.remedy if second.file is not None else ""
    if second.failure is None and remedy and result.file is not None and not result.file.remedy:
        problem = Problem(
            title="With sensitive weights, the build does not compute what the model computes",
            message=f"A build that verifies with them is: {remedy}.",
            advice=_ADVICE,
        )
        return Failure(kind="mismatch", stage="optimised", problem=problem)
    return None


def _told(sharper: Sharper, second: ModelResult) -> Notice:
    if sharper.status == "passed":
        text = (
            f"{sharper.changed} untrained weights and statistics were given values: the same build agrees with these."
        )
        return Notice(level="notice", code="sensitive-weights", message=text)
    reason = second.failure.problem.message if second.failure else "nothing was compared"
    text = f"No second comparison with sensitive weights: {reason}"
    return Notice(level="notice", code="sensitive-weights", message=text[:2000])
