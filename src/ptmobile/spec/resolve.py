"""From everything that was given to one specification: input, then config file, then default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ptmobile.packages.provided import provided
from ptmobile.packages.reading import read_requirements
from ptmobile.runtimes.choosing import backports, choose_runtimes
from ptmobile.runtimes.detection import Detection
from ptmobile.spec.baseline_reference import checked_baseline
from ptmobile.spec.coerce import Given, coerce
from ptmobile.spec.config_file import DEFAULT_NAME, ConfigFile, Entry, read_config_file
from ptmobile.spec.conversion import ConversionSpec, ExampleInput, RunMode, RunSpec
from ptmobile.spec.handing_over import comment_run, is_comment_run, publishing_of
from ptmobile.spec.model_reference import (
    LiteModelFile,
    ModelReference,
    ModuleFactory,
    TorchScriptFile,
    TorchvisionModel,
    default_name,
    parse_model_reference,
    referenced_path,
)
from ptmobile.spec.modes import check_file_options, check_mode_options, chosen, merges, resolve_merge
from ptmobile.spec.options import Option, all_options
from ptmobile.spec.problems import Problems, shown
from ptmobile.spec.quantities import parse_percentage, parse_size
from ptmobile.spec.scope import ONE_MODEL_ONLY
from ptmobile.spec.workspace import Workspace


def resolve(given: Mapping[str, Given], workspace: Workspace, problems: Problems) -> RunSpec:
    """One specification from the inputs (or the command line) and the config file that they name.

    Raises:
        ConfigurationError: with all problems at once.
    """
    if is_comment_run(given):
        return comment_run(given, workspace, problems)
    options = all_options()
    if merges(given):
        run = {name: g for name, g in given.items() if not options[name].per_model}
        folder = _report_dir(_text(given, "report-dir"), run, workspace, problems)
        return resolve_merge(given, folder, workspace, problems)
    return _resolve_models(given, workspace, problems)


def _resolve_models(given: Mapping[str, Given], workspace: Workspace, problems: Problems) -> RunSpec:
    """The specification of a run that is about models, in any mode but comment and merge."""
    options = all_options()
    config = config_of(given, workspace, options, problems)
    if not config.models:
        problems.raise_if_any()
    run = {name: g for name, g in {**config.shared, **given}.items() if not options[name].per_model}
    run_fields = {
        options[name].field: value
        for name, g in run.items()
        if (value := coerce(options[name], g, problems)) is not None
    }
    run_fields["report_dir"] = _report_dir(run_fields.get("report_dir"), run, workspace, problems)
    if run_fields.get("baseline"):
        run_fields["baseline"] = checked_baseline(run_fields["baseline"], run["baseline"].where, workspace, problems)
    inputs = {name: g for name, g in given.items() if options[name].per_model}
    _check_scope(inputs, config, problems)
    publishing = publishing_of(run_fields, run, problems)
    if publishing.report is not None:
        problems.add(run["report"].where, "is for mode comment")
    if run_fields.get("mode") == "comment":
        problems.add(run["mode"].where, "given 'comment', which is no mode for a config file")
        problems.raise_if_any()
    mode: RunMode = run_fields.get("mode", "convert")
    check_mode_options(run, given, mode, problems)
    context = _Context(workspace, mode, problems)
    entries = chosen(config, run_fields.get("only", ()), given.get("only"), problems)
    models = [_model(entry, {**config.shared, **entry.given, **inputs}, context) for entry in entries]
    complete = [model for model in models if model is not None]
    if "baseline" not in run and any(model.max_size_growth for model in complete):
        problems.add("max-size-growth", "is given without a baseline to compare with; name one in baseline")
    problems.raise_if_any()
    named = _with_outputs(complete, run_fields["report_dir"], context)
    problems.raise_if_any()
    return RunSpec(models=named, publishing=publishing, **{**run_fields, "config": config.path or None})


@dataclass(frozen=True)
class _Context:
    """What reading a model's options needs beside them."""

    workspace: Workspace
    mode: RunMode
    problems: Problems


def _text(given: Mapping[str, Given], name: str) -> str | None:
    return str(given[name].value).strip() if name in given else None


def _report_dir(given: str | None, run: Mapping[str, Given], workspace: Workspace, problems: Problems) -> str:
    where = run["report-dir"].where if "report-dir" in run else "report-dir"
    path = workspace.relative(given or RunSpec(models=()).report_dir, where, problems)
    if path is not None and (workspace.root / path).exists() and not (workspace.root / path).is_dir():
        problems.add(where, f"given {shown(path)}, which is a file; a folder is needed")
    return path or "."


def config_of(
    given: Mapping[str, Given], workspace: Workspace, options: Mapping[str, Option], problems: Problems
) -> ConfigFile:
    """The config file that was named, else the one that is there, else an empty one for the model that was given."""
    if "config" in given:
        if "model" in given:
            problems.add(given["model"].where, "stands beside config; give one of the two")
            return ConfigFile("")
        path = workspace.existing_file(str(given["config"].value).strip(), given["config"].where, problems)
        return read_config_file(workspace.root, path, options, problems) if path else ConfigFile("")
    if "model" in given:
        return ConfigFile("", models=(Entry("model"),))
    if (workspace.root / DEFAULT_NAME).exists():
        path = workspace.existing_file(DEFAULT_NAME, "config", problems)
        return read_config_file(workspace.root, path, options, problems) if path else ConfigFile("")
    problems.add("model", f"is missing; give a model, or a config file (and there is no {DEFAULT_NAME})")
    return ConfigFile("")


def _check_scope(inputs: Mapping[str, Given], config: ConfigFile, problems: Problems) -> None:
    if len(config.models) > 1:
        for name in ONE_MODEL_ONLY:
            if name in inputs:
                problems.add(inputs[name].where, f"is for one model, but {config.path} has {len(config.models)}")


def _model(entry: Entry, given: Mapping[str, Given], context: _Context) -> ConversionSpec | None:
    options, problems = all_options(), context.problems
    per_model = {name: g for name, g in given.items() if options[name].per_model}
    if "model" not in per_model:
        problems.add(entry.where, "names no model")
    values: dict[str, Any] = {}
    for name, g in per_model.items():
        value = coerce(options[name], g, problems)
        if value is not None:
            values[options[name].field] = value
    return _checked(ConversionSpec(**values), per_model, context) if "model" in values else None


def _checked(spec: ConversionSpec, given: Mapping[str, Given], context: _Context) -> ConversionSpec | None:
    """The checks between options and against the workspace; paths become relative to the workspace."""
    workspace, problems = context.workspace, context.problems
    before = len(problems.found)
    changes = _named_model(spec, given, context)
    if spec.weights is not None:
        changes["weights"] = workspace.existing_file(spec.weights, given["weights"].where, problems)
    elif spec.weights_key is not None:
        problems.add(given["weights-key"].where, "is given without weights")
    changes.update(_requirements(spec, given, context))
    if spec.runtime_library is not None:
        changes["runtime_library"] = workspace.existing_file(
            spec.runtime_library, given["runtime-library"].where, problems
        )
    if problem := choose_runtimes(spec.runtime, Detection(found=(), notices=())).problem:
        problems.add(given["runtime"].where, problem)
    for problem in backports(spec.backport_to).problems:
        problems.add(given["backport-to"].where, problem)
    for name, parse in (("max-size", parse_size), ("max-size-growth", parse_percentage)):
        _check_budget(name, parse, given, problems)
    if spec.output is not None:
        changes["output"] = _output(spec.output, given["output"].where, workspace, problems)
    changes["inputs"] = tuple(_with_path(entry, given, workspace, problems) for entry in spec.inputs)
    return None if len(problems.found) > before else replace(spec, **changes)


def _requirements(spec: ConversionSpec, given: Mapping[str, Given], context: _Context) -> dict[str, Any]:
    """The path of the requirements; what is in them is read, so that all that is wrong there is told as well."""
    if spec.requirements is None:
        if spec.allow_source_builds:
            context.problems.add(given["allow-source-builds"].where, "is given without requirements")
        return {}
    path = context.workspace.existing_file(spec.requirements, given["requirements"].where, context.problems)
    if path is not None:
        builds = spec.allow_source_builds
        read_requirements(path, context.workspace, provided(), context.problems, source_builds=builds)
    return {"requirements": path}


def _check_budget(name: str, parse: Callable[[str], object], given: Mapping[str, Given], problems: Problems) -> None:
    if name in given:
        try:
            parse(str(given[name].value))
        except ValueError as error:
            problems.add(given[name].where, f"given {shown(given[name].value)}; allowed: {error}")


def _named_model(spec: ConversionSpec, given: Mapping[str, Given], context: _Context) -> dict[str, Any]:
    """What follows from the kind of model that is named: its file, its name, and what has to be given with it."""
    workspace, problems = context.workspace, context.problems
    try:
        reference = parse_model_reference(spec.model)
    except ValueError as error:
        wrong = f", which {error}" if context.mode == "convert" else _needs_file(context.mode)
        problems.add(given["model"].where, f"given {shown(spec.model)}{wrong}")
        return {}
    changes: dict[str, Any] = {"name": spec.name or default_name(reference)}
    if (path := referenced_path(reference)) is not None:
        found = workspace.existing_file(path, given["model"].where, problems)
        changes["model"] = spec.model.replace(path, found or path, 1)
    _check_mode(reference, given, context)
    if isinstance(reference, TorchScriptFile) and spec.model_args:
        problems.add(given["model-args"].where, "is given for a TorchScript file, which takes none")
    if "inputs" not in given and not isinstance(reference, TorchvisionModel | LiteModelFile):
        kind = "factory" if isinstance(reference, ModuleFactory) else "model"
        problems.add("inputs", f"is missing; the {kind} {spec.model} needs example inputs, such as [[1, 3, 224, 224]]")
    return changes


def _check_mode(reference: ModelReference, given: Mapping[str, Given], context: _Context) -> None:
    """Files are checked, models are converted; what says how to convert means nothing in a check."""
    problems, named = context.problems, given["model"]
    is_file = isinstance(reference, LiteModelFile)
    if context.mode == "convert" and is_file:
        said = "which is a PyTorch Mobile file already; mode check runs it in the app's library"
        problems.add(named.where, f"given {shown(named.value)}, {said}")
    elif context.mode in ("check", "verify"):
        if not is_file:
            problems.add(named.where, f"given {shown(named.value)}{_needs_file(context.mode)}")
        check_file_options(given, context.mode, problems)


def _needs_file(mode: RunMode) -> str:
    return f"; allowed in mode {mode}: the path of a .ptl file"


def _output(given: str, where: str, workspace: Workspace, problems: Problems) -> str | None:
    path = workspace.relative(given, where, problems)
    if path is not None and ((workspace.root / path).is_dir() or not path.endswith(".ptl")):
        problems.add(where, f"given {shown(given)}; allowed: the path of a file that ends in .ptl")
    return path


def _with_path(
    entry: ExampleInput, given: Mapping[str, Given], workspace: Workspace, problems: Problems
) -> ExampleInput:
    if entry.file is None:
        return entry
    return replace(entry, file=workspace.existing_file(entry.file, given["inputs"].where, problems))


def _with_outputs(models: list[ConversionSpec], report_dir: str, context: _Context) -> tuple[ConversionSpec, ...]:
    """Give every model a name, and a file, of its own; a check makes no files."""
    named, problems = models, context.problems
    if context.mode not in ("check", "verify"):
        named = [replace(m, output=m.output or (Path(report_dir) / f"{m.name}.ptl").as_posix()) for m in models]
    for attribute in ("name", "output") if context.mode not in ("check", "verify") else ("name",):
        users: dict[str, list[str]] = {}
        for model in named:
            users.setdefault(getattr(model, attribute), []).append(model.model)
        shared = {value: found for value, found in users.items() if len(found) > 1}
        for value, found in shared.items():
            problems.add(attribute, f"{shown(value)} belongs to {_listed(found)}; give each model its own {attribute}")
        if shared:
            break  # models of one name have one default output as well
    return tuple(named)


def _listed(models: list[str], limit: int = 5) -> str:
    return ", ".join(map(shown, models[:limit])) + (f" and {len(models) - limit} more" if len(models) > limit else "")
