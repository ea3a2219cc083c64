"""One report of those that the shards have left: what is there is kept, what is not is said. No files, no clock."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from ptmobile.baseline.model import BaselineSource
from ptmobile.errors import ExitCode
from ptmobile.judging.judge import judge_run
from ptmobile.provenance import this_tool
from ptmobile.report.model import Merged, ModelReport, Reason, Report, Source
from ptmobile.shards.collecting import Collected, Found
from ptmobile.shards.planning import Shard
from ptmobile.spec.conversion import RunSpec

_LOOK = "Look at the job of that shard; to run it again and merge anew, use Re-run failed jobs."


@dataclass
class _Merge:
    """Models by name with the report that each is from, and the problems met."""

    models: dict[str, tuple[str, ModelReport]] = field(default_factory=dict)
    problems: list[Reason] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def problem(self, title: str, message: str, advice: str = "", code: int = int(ExitCode.PUBLISH)) -> None:
        self.problems.append(Reason(title=title, message=message, advice=advice))
        self.codes.append(code)


def merge(spec: RunSpec, collected: Collected, planned: Sequence[Shard], source: Source, created: str) -> Report:
    """The reports as one. Without ``planned`` nothing is known of what is missing.

    The exit code is that of the first model that failed, as far as ``fail-on`` lets it; else that of what stopped a
    shard; else 8, if a report is missing, damaged, foreign or there twice.
    """
    merging = _Merge()
    for problem in collected.problems:
        merging.problem(problem.title, problem.message, problem.advice)
    ours = [found for found in collected.found if _is_ours(found, source, collected.found[0], merging)]
    names = {name for shard in planned for name in shard.models}
    for found in ours:
        _take(found, names, merging)
    for shard in planned:
        _miss(shard, merging)
    order = {name: index for index, name in enumerate(name for shard in planned for name in shard.models)}
    taken = sorted(merging.models.items(), key=lambda item: order.get(item[0], 0))
    models = tuple(model for _, (_, model) in taken)
    code = judge_run(spec, [model.verdict for model in models]) or next(iter(merging.codes), 0)
    failed = bool(merging.problems) or any(model.verdict.status == "failed" for model in models)
    reports = [found.report for found in ours]
    separate = bool(reports) and all(report.tool.isolation == "separate-user" for report in reports)
    configs = {report.config for report in reports}
    return Report(
        tool=this_tool("separate-user" if separate else "same-user"),
        source=source,
        created=created,
        config=configs.pop() if len(configs) == 1 else None,
        verdict="failed" if failed else "passed",
        exit_code=code,
        models=models,
        problems=tuple(merging.problems),
        baseline=_baseline(reports, names | set(merging.models)),
        merged=Merged(reports=tuple(found.path for found in ours), planned=len(names) if planned else None),
    )


def _is_ours(found: Found, source: Source, first: Found, merging: _Merge) -> bool:
    """Whether a report is of the commit that all are of: an artifact of another run may lie among them."""
    expected = source if source.sha else first.report.source
    given = found.report.source
    if (given.repository, given.sha) == (expected.repository, expected.sha) or not expected.sha:
        return True
    what = f"{given.repository or 'no repository'} at {given.sha[:12] or 'no commit'}"
    merging.problem(
        "A report is of another commit",
        f"{found.path} is of {what}, not of {expected.repository} at {expected.sha[:12]}; it is left out.",
        "Merge only the artifacts of one run.",
    )
    return False


def _take(found: Found, planned: set[str], merging: _Merge) -> None:
    report = found.report
    for problem in report.problems:
        title, message = f"A shard did not finish: {problem.title}", f"{found.path}: {problem.message}"
        merging.problem(title, message, problem.advice, report.exit_code or int(ExitCode.PUBLISH))
    for model in report.models:
        name = model.spec.name
        if planned and name not in planned:
            merging.problem(
                "A model was not planned",
                f"{found.path} has the model {name}, which no shard was to do; it is left out.",
                "Give each artifact of a shard a name of its own, and download only those of this run.",
            )
        elif name in merging.models:
            merging.problem(
                "A model is there twice",
                f"{name} is in {merging.models[name][0]} and in {found.path}; the first is taken.",
                "Let each model be in one shard only.",
            )
        else:
            merging.models[name] = (found.path, model)


def _miss(shard: Shard, merging: _Merge) -> None:
    missing = [name for name in shard.models if name not in merging.models]
    if not missing:
        return
    listed = ", ".join(missing[:20]) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
    if len(missing) == len(shard.models):
        merging.problem(f"Shard {shard.number} has left no report", f"Nothing is known of {listed}.", _LOOK)
    else:
        merging.problem(f"Shard {shard.number} is not complete", f"Its report says nothing about {listed}.", _LOOK)


def _baseline(reports: Sequence[Report], known: Container[str]) -> BaselineSource | None:
    """The baseline of the shards: a problem that one of them had goes before what another says.

    A model that it alone has is one that every shard misses, and that is not ``known`` to the plan or the merge either.
    """
    sources = [report.baseline for report in reports if report.baseline is not None]
    problem = next((source for source in sources if source.problem), None)
    if problem is not None or not sources:
        return problem
    missed = set.intersection(*(set(source.gone) for source in sources))
    return replace(sources[0], gone=tuple(sorted(name for name in missed if name not in known)))
