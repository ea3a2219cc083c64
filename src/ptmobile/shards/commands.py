"""``ptmobile plan`` and ``ptmobile merge``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from ptmobile.spec.coerce import Given
from ptmobile.spec.command_line import add_options, given_options
from ptmobile.spec.options import Option, all_options

Subparsers = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns

_PLAN: Final = ("config", "only", "shards", "baseline")
_MERGE: Final = ("matrix", "fail-on", "report-dir")


def add_plan(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """The command that spreads models over jobs."""
    plan = commands.add_parser(
        "plan",
        help="spread the models of a config file over several jobs, as JSON for strategy.matrix",
        description=(
            "Print a JSON object whose list include has an entry for each job: its number (shard), how many there are "
            "(of), and its models, a text for convert's --only. With a baseline jobs take about the same time."
        ),
        epilog="Nothing is run or written. Mistakes in the config file are found here, before any job starts.",
    )
    add_options(plan, _options(*_PLAN))
    plan.set_defaults(command=_plan)


def add_merge(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """The command that makes one report of many."""
    merge = commands.add_parser(
        "merge",
        help="make one report, one summary and one verdict of the reports that several jobs have left",
        description="Read every report.json below a folder and write one report of all their models.",
        epilog="Exit code: that of the first model that failed; 8 if a report is missing, damaged or there twice.",
    )
    merge.add_argument("reports", metavar="FOLDER", help="the folder that the artifacts of the jobs are in")
    add_options(merge, _options(*_MERGE))
    merge.set_defaults(command=_merge)


def _options(*names: str) -> dict[str, Option]:
    options = all_options()
    return {name: options[name] for name in names}


def _plan(arguments: argparse.Namespace) -> int:
    from ptmobile.baseline.fetching import ArtifactBaselines  # noqa: PLC0415 - each command loads only its own
    from ptmobile.github.commands import masking  # noqa: PLC0415
    from ptmobile.github.context import GitHubContext  # noqa: PLC0415
    from ptmobile.shards.jobs import plan_of  # noqa: PLC0415
    from ptmobile.shards.planning import matrix_json  # noqa: PLC0415
    from ptmobile.spec.problems import Problems  # noqa: PLC0415
    from ptmobile.spec.resolve import resolve  # noqa: PLC0415
    from ptmobile.spec.workspace import Workspace  # noqa: PLC0415

    given = {"mode": Given("plan", "plan", text=True), **given_options(arguments, _options(*_PLAN))}
    spec = resolve(given, Workspace(Path.cwd()), Problems())
    baselines = ArtifactBaselines(GitHubContext.from_environ(os.environ), _say, masking(None))
    plan = plan_of(spec, Path.cwd(), baselines.fetch)
    for line in filter(None, (plan.problem, plan.advice)):
        _say(line)
    print(matrix_json(plan.shards))
    return 0


def _say(line: str) -> None:
    """Beside the plan, which other programs read."""
    print(line, file=sys.stderr)


def _merge(arguments: argparse.Namespace) -> int:
    from ptmobile.github.context import GitHubContext, scrub  # noqa: PLC0415 - each command loads only its own
    from ptmobile.session import Session  # noqa: PLC0415
    from ptmobile.spec.workspace import Workspace  # noqa: PLC0415

    off = {name: Given("off", f"--{name}", text=True) for name in ("upload", "comment")}
    given = {
        **off,
        "mode": Given("merge", "merge", text=True),
        "reports": Given(arguments.reports, "FOLDER", text=True),
        **given_options(arguments, _options(*_MERGE)),
    }
    context = GitHubContext.from_environ(os.environ)
    scrub(os.environ)
    return Session(context, Workspace(Path.cwd()), sys.stdout).convert(lambda _problems: given)
