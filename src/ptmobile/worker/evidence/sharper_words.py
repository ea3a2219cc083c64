"""What the second comparison, with sensitive weights, says: as a line among the stages, and in notices."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ptmobile.result import ModelResult, Notice, Sharper, Stage, StageName, StageStatus
from ptmobile.worker.processes.reports import MORE_TIME, OUT_OF_TIME
from ptmobile.worker.verdicts.devices import OTHER_ABI, OTHER_RELEASE

SENSITIVE: StageName = "sensitive"
_UNFINISHED = "The second comparison with sensitive weights is not complete, since the time was up"


def stage_of(result: ModelResult, target: str, *, out_of_time: bool, telling: bool) -> Stage:
    """A whole job as one stage. ``telling``: its failure, if there is one, says something of the model's file."""
    failure = result.failure
    status: StageStatus = "passed"
    if failure is not None:
        crashed = {stage.key for stage in result.stages if stage.status == "crashed"}
        ended = out_of_time or failure.stage in crashed
        status = "crashed" if ended else "failed" if telling else "skipped"
    problem = failure.problem if failure else None
    return Stage(name=SENSITIVE, target=target, status=status, seconds=result.seconds, problem=problem)


def notice_of(sharper: Sharper, text: str, *, out_of_time: bool) -> Notice:
    """What was found, in a notice; a warning where the time was up while something spoke against the file."""
    problem = sharper.failure.problem if sharper.failure else None
    if out_of_time and sharper.status == "not-run" and problem is not None:
        told = f"{_UNFINISHED}: {problem.title}. {problem.message} {MORE_TIME}"[:2000]
        quiet = problem.title == OUT_OF_TIME
        return Notice(level="notice" if quiet else "warning", code="sensitive-weights", message=told)
    return Notice(level="notice", code="sensitive-weights", message=text[:2000])


def warnings(second: ModelResult) -> Iterator[Notice]:
    """What libraries that do not decide gave with sensitive weights."""
    for notice in second.notices:
        if notice.code in (OTHER_ABI, OTHER_RELEASE):
            yield replace(notice, message=f"With sensitive weights: {notice.message}"[:2000])


def words(sharper: Sharper) -> str:
    """What the second comparison says of the files that stay as they are."""
    if sharper.status != "passed":
        reason = sharper.failure.problem.message if sharper.failure else "nothing was compared"
        return f"No second comparison with sensitive weights: {reason}"
    what = f"{sharper.changed} untrained weights and statistics were given values"
    return f"{what}: the same build agrees with these{_libraries(sharper)}.{_left_alone(sharper)}"


def carried(sharper: Sharper) -> str:
    """What it says of files that were made anew for its sake."""
    what = f"When {sharper.changed} untrained weights and statistics were given values, the first build did not agree"
    both = f"The file is built as agrees with both, with these and the model's own{_libraries(sharper)}."
    return f"{what}. {both}{_left_alone(sharper)}"


def _left_alone(sharper: Sharper) -> str:
    """What of the model's weights the second comparison has as well."""
    names = ", ".join(sharper.unreached[:3]) + (" and more" if len(sharper.unreached) > 3 else "")
    parts = [
        f"{sharper.kept} that look trained" if sharper.kept else "",
        f"the statistics of {names}, through which no numbers came" if names else "",
        f"{sharper.constants} constants of its TorchScript code" if sharper.constants else "",
    ]
    return f" Left alone: {'; '.join(filter(None, parts))}." if any(parts) else ""


def _libraries(sharper: Sharper) -> str:
    right = dict.fromkeys(
        f"{verdict.release} {verdict.abi}" for verdict in sharper.devices if verdict.status == "right"
    )
    return f", also in the library of {', '.join(right)}" if right else ""
