"""What the modes plan and merge do with a workspace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ptmobile.baseline.finding import Fetch, find_baseline
from ptmobile.report.escape import code_cell
from ptmobile.report.model import Report, Source
from ptmobile.report.numbers import count, seconds
from ptmobile.shards.collecting import collect
from ptmobile.shards.files import with_files
from ptmobile.shards.merging import merge
from ptmobile.shards.planning import Shard, parse_matrix, plan_shards
from ptmobile.spec.conversion import RunSpec


@dataclass(frozen=True)
class Plan:
    """Who does what; ``problem`` says why the baseline that was asked for could not help, with ``advice``."""

    shards: tuple[Shard, ...]
    problem: str = ""
    advice: str = ""


def plan_of(spec: RunSpec, root: Path, fetch: Fetch) -> Plan:
    """The plan for the models of a specification: by the times in the baseline, else by their number."""
    times: dict[str, float] = {}
    problem = advice = ""
    if spec.baseline:
        baseline = find_baseline(spec.baseline, root, fetch)
        problem, advice = baseline.source.problem, baseline.source.advice
        times = {name: model.seconds for name, model in baseline.models.items()}
    return Plan(plan_shards([model.name for model in spec.models], times, spec.shards), problem, advice)


def plan_summary(plan: Plan) -> str:
    """The plan as Markdown."""
    models = sum(len(shard.models) for shard in plan.shards)
    head = f"## ptmobile: {count(models, 'model')} in {count(len(plan.shards), 'job')}"
    rows = [f"| {shard.number} | {_time(shard)} | {', '.join(map(code_cell, shard.models))} |" for shard in plan.shards]
    return "\n".join([head, "", "| Job | Expected | Models |", "|---:|---:|---|", *rows, ""])


def merged_report(spec: RunSpec, root: Path, source: Source, created: str) -> Report:
    """One report of those below the folder that the specification names."""
    collected = with_files(collect(spec.reports, root, spec.report_dir), spec.reports, root)
    return merge(spec, collected, parse_matrix(spec.matrix) if spec.matrix else (), source, created)


def _time(shard: Shard) -> str:
    return "-" if shard.seconds is None else seconds(shard.seconds)
