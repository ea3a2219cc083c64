"""What the modes have to do with options and models: which options mean something, and which models are meant."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from ptmobile.shards.planning import parse_matrix
from ptmobile.spec.coerce import Given, coerce
from ptmobile.spec.config_file import ConfigFile, Entry
from ptmobile.spec.conversion import RunSpec
from ptmobile.spec.handing_over import publishing_of
from ptmobile.spec.model_reference import default_name, parse_model_reference
from ptmobile.spec.options import all_options
from ptmobile.spec.problems import Problems, shown, suggestion
from ptmobile.spec.scope import CONVERSION_ONLY, INPUTS_ONLY, MODE_OPTIONS, MODELS_ONLY
from ptmobile.spec.workspace import Workspace


def merges(given: Mapping[str, Given]) -> bool:
    """Whether reports are to be merged, so that no model is needed."""
    return "mode" in given and str(given["mode"].value).strip() == "merge"


def resolve_merge(given: Mapping[str, Given], report_dir: str, workspace: Workspace, problems: Problems) -> RunSpec:
    """What merging needs: the folder with the reports, and what was planned.

    Raises:
        ConfigurationError: with all problems at once.
    """
    options = all_options()
    values: dict[str, Any] = {}
    for name, g in given.items():
        if options[name].per_model or name in MODELS_ONLY or MODE_OPTIONS.get(name, "merge") != "merge":
            problems.add(g.where, "means nothing when reports are merged")
        elif (value := coerce(options[name], g, problems)) is not None:
            values[options[name].field] = value
    if "reports" not in given:
        problems.add("reports", "is missing; give the folder that the artifacts were downloaded into")
    elif values.get("reports"):
        values["reports"] = _folder(values["reports"], given["reports"].where, workspace, problems)
    if values.get("matrix"):
        try:
            parse_matrix(values["matrix"])
        except ValueError as error:
            problems.add(given["matrix"].where, f"given {shown(values['matrix'])}, which is no plan: {error}")
    publishing = publishing_of(values, given, problems)
    problems.raise_if_any()
    return RunSpec(models=(), publishing=publishing, **{**values, "report_dir": report_dir})


def _folder(given: str, where: str, workspace: Workspace, problems: Problems) -> str:
    path = workspace.relative(given, where, problems)
    if path is not None and not (workspace.root / path).is_dir():
        said = "is not a folder" if (workspace.root / path).exists() else "does not exist in the workspace"
        problems.add(where, f"given {shown(given)}, which {said}; did a step before download the artifacts into it?")
    return path or ""


def check_mode_options(run: Mapping[str, Given], given: Mapping[str, Given], mode: str, problems: Problems) -> None:
    """Options of another mode mean nothing, and are mistakes. ``given`` are those that do not stand in a file."""
    for name, belongs in MODE_OPTIONS.items():
        if name in run and mode != belongs:
            problems.add(run[name].where, f"is for mode {belongs}, but the mode is {mode}")
    if mode in ("plan", "merge") and "mode" not in given:
        problems.add(run["mode"].where, f"given {shown(mode)}; allowed in the file: convert, check, verify")


def check_file_options(given: Mapping[str, Given], mode: str, problems: Problems) -> None:
    """Of a file that is there already nothing says how it is made, and to verify it nothing says on which inputs."""
    for name in CONVERSION_ONLY:
        if name in given:
            problems.add(given[name].where, f"says how to convert a model, but the mode is {mode}")
    for name in INPUTS_ONLY if mode == "verify" else ():
        if name in given:
            problems.add(given[name].where, "is about inputs, but mode verify takes those that the file has")


def chosen(config: ConfigFile, only: tuple[str, ...], given: Given | None, problems: Problems) -> tuple[Entry, ...]:
    """The models that are meant: all, or those that ``only`` names."""
    if given is None or not only:
        return config.models
    named = [(name_of(entry, config), entry) for entry in config.models]
    known = [name for name, _ in named if name]
    for name in only:
        if name not in known:
            near = suggestion(name, known) or (f"; there are: {', '.join(known[:20])}" if known else "")
            problems.add(given.where, f"names {shown(name)}, which is no model of {config.path or 'this run'}{near}")
    return tuple(entry for name, entry in named if name in only or not name)


def name_of(entry: Entry, config: ConfigFile, given: Mapping[str, Given] = MappingProxyType({})) -> str:
    """The name of a model; empty where it has none that can be known, which is a problem of its own."""
    values = {**config.shared, **entry.given, **given}
    if "name" in values:
        return str(values["name"].value)
    with suppress(ValueError, KeyError):
        return default_name(parse_model_reference(str(values["model"].value)))
    return ""
