"""The options about handing over: into their part of the specification, and checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ptmobile.spec.coerce import Given, coerce
from ptmobile.spec.conversion import RunSpec
from ptmobile.spec.options import Option, all_options
from ptmobile.spec.problems import Problems, shown
from ptmobile.spec.publishing import PublishingSpec
from ptmobile.spec.workspace import Workspace

_FIELDS = PublishingSpec.__struct_fields__


def publishing_of(fields: dict[str, Any], given: Mapping[str, Given], problems: Problems) -> PublishingSpec:
    """Take what is about handing over out of the fields of a run."""
    publishing = PublishingSpec(**{name: fields.pop(name) for name in _FIELDS if name in fields})
    if publishing.artifact_name:
        from ptmobile.github.artifact.names import name_problem  # noqa: PLC0415 - what is beside it loads urllib3

        if problem := name_problem(publishing.artifact_name):
            where = given["artifact-name"].where
            problems.add(where, f"given {shown(publishing.artifact_name)}, which is no name for an artifact: {problem}")
    return publishing


def is_comment_run(given: Mapping[str, Given]) -> bool:
    """Whether nothing is to be run, and a report that is there already to be shown."""
    return "mode" in given and str(given["mode"].value).strip() == "comment"


def comment_run(given: Mapping[str, Given], workspace: Workspace, problems: Problems) -> RunSpec:
    """The specification of a run that shows a report in its pull request: without models, and without a config file.

    Raises:
        ConfigurationError: with all problems at once.
    """
    options = all_options()
    for name in given:
        if options[name].per_model or name == "config":
            problems.add(given[name].where, "is about models, but mode comment only shows a report")
    fields = _values(given, options, problems)
    publishing = publishing_of(fields, given, problems)
    if publishing.report is None:
        problems.add("report", "is missing; mode comment needs the path of a report.json")
    else:
        path = workspace.existing_file(publishing.report, given["report"].where, problems)
        publishing = replace(publishing, report=path)
    if "comment" not in given:
        publishing = replace(publishing, comment="always")
    problems.raise_if_any()
    fields.pop("report_dir", None)
    return RunSpec(models=(), publishing=publishing, **fields)


def _values(given: Mapping[str, Given], options: Mapping[str, Option], problems: Problems) -> dict[str, Any]:
    run = {name: g for name, g in given.items() if not options[name].per_model and name != "config"}
    values = {options[name].field: coerce(options[name], g, problems) for name, g in run.items()}
    return {name: value for name, value in values.items() if value is not None}
