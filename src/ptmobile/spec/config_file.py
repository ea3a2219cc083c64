"""``ptmobile.yml``: one model, or a list of models with shared options, and its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ptmobile.spec.coerce import Given
from ptmobile.spec.conversion import ConversionSpec, ExampleInput, RunSpec
from ptmobile.spec.json_schema import DIALECT, tidy
from ptmobile.spec.options import Option, all_options
from ptmobile.spec.problems import Problems, shown, suggestion
from ptmobile.spec.publishing import INPUT_ONLY, PublishingSpec
from ptmobile.spec.scope import MODE_OPTIONS
from ptmobile.spec.yaml_text import YamlTextError, load_yaml

DEFAULT_NAME = "ptmobile.yml"
MAX_BYTES = 1024 * 1024
# Which files to read, which part of them, where the report goes, and secrets: decided outside of the file.
OUTSIDE_ONLY = ("config", "report-dir", "only", "allow-foreign-code", *MODE_OPTIONS, *INPUT_ONLY)


@dataclass(frozen=True)
class Entry:
    """One model of a config file: where it stands, and its own options."""

    where: str
    given: dict[str, Given] = field(default_factory=dict)


@dataclass(frozen=True)
class ConfigFile:
    """What a config file says: options shared by all models, and each model's own."""

    path: str
    shared: dict[str, Given] = field(default_factory=dict)
    models: tuple[Entry, ...] = ()


def read_config_file(root: Path, path: str, options: Mapping[str, Option], problems: Problems) -> ConfigFile:
    """Read a config file; what cannot be used is recorded as a problem."""
    document = _load(root / path, path, problems)
    if document is None:
        return ConfigFile(path)
    entries = document.pop("models", None)
    shared = _options(document, path, options, problems, per_model_only=False)
    if entries is None:
        return ConfigFile(path, shared, (Entry(path),))
    if not isinstance(entries, list) or not entries:
        problems.add(f"{path}: models", f"given {shown(entries)}; allowed: a list with at least one model")
        return ConfigFile(path, shared)
    if "model" in shared:
        problems.add(f"{path}: model", "stands beside models; write it inside the list")
    read = [_entry(entry, f"{path}: models[{index}]", options, problems) for index, entry in enumerate(entries)]
    return ConfigFile(path, shared, tuple(entry for entry in read if entry is not None))


def _entry(entry: Any, where: str, options: Mapping[str, Option], problems: Problems) -> Entry | None:
    """An entry of the list of models; a bare text is the short form of one that says only which model."""
    if isinstance(entry, str):
        entry = {"model": entry}
    if not isinstance(entry, dict):
        problems.add(where, f"given {shown(entry)}; allowed: a model, or a mapping of options")
        return None
    return Entry(where, _options(entry, where, options, problems, per_model_only=True))


def _load(file: Path, path: str, problems: Problems) -> dict[str, Any] | None:
    try:
        if file.stat().st_size > MAX_BYTES:
            problems.add(path, f"is larger than {MAX_BYTES} bytes, which no config file is")
            return None
        document = load_yaml(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        problems.add(path, "is not a text file in UTF-8")
        return None
    except OSError as error:
        problems.add(path, f"cannot be read: {error.strerror}")
        return None
    except YamlTextError as error:
        problems.add(path, str(error))
        return None
    if not isinstance(document, dict):
        problems.add(path, f"holds {shown(document)}; allowed: a mapping of options, or of models and shared options")
        return None
    return document


def _options(
    mapping: dict[str, Any], where: str, options: Mapping[str, Option], problems: Problems, *, per_model_only: bool
) -> dict[str, Given]:
    allowed = [
        name
        for name, option in options.items()
        if name not in OUTSIDE_ONLY and (option.per_model or not per_model_only)
    ]
    if not per_model_only:
        allowed.append("models")
    given: dict[str, Given] = {}
    for key, value in mapping.items():
        at = f"{where}{'.' if per_model_only else ': '}{key}"
        if key not in allowed:
            problems.add(at, f"is unknown{_outside(key) or suggestion(key, allowed) or _listed(allowed)}")
        elif value is not None:
            given[key] = Given(value, at, text=False)
    return given


def _outside(name: str) -> str:
    """What to say about an option that exists, but not in a config file."""
    if name == "allow-foreign-code":
        return "; it can only be an input of the action, because the config file may be part of the foreign code"
    if name in INPUT_ONLY:
        return "; it is an input of the action only"
    return "; it is given outside of the file" if name in OUTSIDE_ONLY else ""


def _listed(allowed: list[str]) -> str:
    return f"; allowed: {', '.join(allowed)}"


def config_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the config file, generated from the types of the specification."""
    _, components = msgspec.json.schema_components(
        [ConversionSpec, ExampleInput, RunSpec, PublishingSpec], ref_template="#/$defs/{name}"
    )
    properties = dict(components["ConversionSpec"]["properties"])
    properties["inputs"] = {"description": properties["inputs"]["description"], **_inputs_schema()}
    for name, option in all_options().items():
        if option.numbers_too:
            properties[name] = {**properties[name], "type": ["string", "number"]}
    run = {**components["RunSpec"]["properties"], **components["PublishingSpec"]["properties"]}
    shared = {name: run[name] for name, option in all_options().items() if _shared_only(name, option)}
    model = {"type": "object", "additionalProperties": False, "required": ["model"], "properties": properties}
    models = {
        "description": "Several models; what stands beside this list holds for all of them.",
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Model"}]},
    }
    schema = {
        "$schema": DIALECT,
        "title": "ptmobile.yml",
        "description": "One model, or a list of models; options beside the list hold for all of them.",
        "type": "object",
        "additionalProperties": False,
        "properties": {"models": models, **properties, **shared},
        "oneOf": [{"required": ["models"]}, {"required": ["model"]}],
        "$defs": {"ExampleInput": _example_schema(components["ExampleInput"]), "Model": model},
    }
    cleaned: dict[str, Any] = tidy(schema)
    return cleaned


def _inputs_schema() -> dict[str, Any]:
    """The short forms of ``inputs``: one argument without the outer list, a shape, the path of a file."""
    shape = {"type": "array", "items": {"type": "integer", "minimum": 0}}
    one = [{"type": "string"}, {"$ref": "#/$defs/ExampleInput"}]
    return {"anyOf": [{"type": "array", "items": {"anyOf": [shape, *one]}}, {**shape, "minItems": 1}, *one]}


def _example_schema(component: dict[str, Any]) -> dict[str, Any]:
    sources = [{"required": [name]} for name in ("shape", "shapes", "file")]
    return {**component, "oneOf": sources}


def _shared_only(name: str, option: Option) -> bool:
    return not option.per_model and name not in OUTSIDE_ONLY
