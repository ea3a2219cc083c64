"""``ptmobile.yml``: one model, or a list of models with shared options, and its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ptmobile.spec.coerce import Given, load_yaml
from ptmobile.spec.conversion import ConversionSpec, ExampleInput, RunSpec
from ptmobile.spec.options import Option, all_options
from ptmobile.spec.problems import Problems, shown, suggestion

DEFAULT_NAME = "ptmobile.yml"
MAX_BYTES = 1024 * 1024
# Which file to read and where the report goes is decided outside of the file.
OUTSIDE_ONLY = ("config", "report-dir")


@dataclass(frozen=True)
class ConfigFile:
    """What a config file says: options shared by all models, and each model's own."""

    path: str
    shared: dict[str, Given] = field(default_factory=dict)
    models: tuple[dict[str, Given], ...] = ()


def read_config_file(root: Path, path: str, options: Mapping[str, Option], problems: Problems) -> ConfigFile:
    """Read a config file; what cannot be used is recorded as a problem."""
    document = _load(root / path, path, problems)
    if document is None:
        return ConfigFile(path)
    entries = document.pop("models", None)
    shared = _options(document, path, options, problems, per_model_only=False)
    if entries is None:
        return ConfigFile(path, shared, ({},))
    if not isinstance(entries, list) or not entries:
        problems.add(f"{path}: models", f"given {shown(entries)}; allowed: a list with at least one model")
        return ConfigFile(path, shared)
    if "model" in shared:
        problems.add(f"{path}: model", "stands beside models; write it inside the list")
    models = []
    for index, entry in enumerate(entries):
        where = f"{path}: models[{index}]"
        if isinstance(entry, str):
            entry = {"model": entry}  # noqa: PLW2901 - the short form of an entry
        if not isinstance(entry, dict):
            problems.add(where, f"given {shown(entry)}; allowed: a mapping of options")
            continue
        models.append(_options(entry, where, options, problems, per_model_only=True))
    return ConfigFile(path, shared, tuple(models))


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
    except Exception as error:  # noqa: BLE001 - whatever the YAML library raises is a fault of the file
        problems.add(path, str(error))
        return None
    if not isinstance(document, dict):
        problems.add(path, f"holds {shown(document)}; allowed: a mapping of options, or of models and shared options")
        return None
    return document


def _options(
    mapping: dict[Any, Any], where: str, options: Mapping[str, Option], problems: Problems, *, per_model_only: bool
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
            problems.add(at, f"is unknown{suggestion(str(key), allowed)}; allowed: {', '.join(allowed)}")
        elif value is not None:
            given[key] = Given(value, at, text=False)
    return given


def config_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the config file, generated from the types of the specification."""
    schemas, components = msgspec.json.schema_components([ConversionSpec, ExampleInput], ref_template="#/$defs/{name}")
    del schemas
    model = dict(components["ConversionSpec"])
    entry = {"anyOf": [_shape(), {"type": "string"}, {"$ref": "#/$defs/ExampleInput"}]}
    properties = dict(model["properties"])
    properties["inputs"] = {
        "description": properties["inputs"]["description"],
        "anyOf": [{"type": "array", "items": entry}, {"type": "string"}, {"$ref": "#/$defs/ExampleInput"}],
    }
    run = msgspec.json.schema_components([RunSpec], ref_template="#/$defs/{name}")[1]["RunSpec"]["properties"]
    shared = {name: run[name] for name, option in all_options().items() if _shared_only(name, option)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ptmobile.yml",
        "description": "One model, or a list of models; options beside the list hold for all of them.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "models": {
                "type": "array",
                "minItems": 1,
                "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Model"}]},
            },
            **properties,
            **shared,
        },
        "oneOf": [{"required": ["models"], "not": {"required": ["model"]}}, {"required": ["model"]}],
        "$defs": {
            "ExampleInput": components["ExampleInput"],
            "Model": {
                "type": "object",
                "additionalProperties": False,
                "required": ["model"],
                "properties": properties,
            },
        },
    }


def _shape() -> dict[str, Any]:
    return {"type": "array", "items": {"type": "integer", "minimum": 0}}


def _shared_only(name: str, option: Option) -> bool:
    return not option.per_model and name not in OUTSIDE_ONLY
