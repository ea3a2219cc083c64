"""Documents and workflows as data, and what they promise put to the readers of the program."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from markdown_it import MarkdownIt

from ptmobile.spec import RunSpec
from ptmobile.spec.action_inputs import read_action_inputs
from ptmobile.spec.options import all_options
from ptmobile.spec.problems import Problems
from ptmobile.spec.resolve import resolve
from ptmobile.spec.workspace import Workspace

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
WORKFLOWS = [*sorted((ROOT / ".github/workflows").glob("*.yml")), *sorted((ROOT / "examples/workflows").glob("*.yml"))]
CONFIGS = sorted((ROOT / "examples").rglob("ptmobile.yml"))
OURS = ("org/ptmobile-action@", "./")
_MARKDOWN = MarkdownIt("commonmark").enable("table")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def script(name: str) -> ModuleType:
    """scripts/NAME.py as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"scripts/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fences(document: Path, language: str) -> list[str]:
    """The code blocks of a language."""
    tokens = _MARKDOWN.parse(document.read_text(encoding="utf-8"))
    return [token.content for token in tokens if token.type == "fence" and token.info.strip() == language]


def links(document: Path) -> Iterator[str]:
    for token in _MARKDOWN.parse(document.read_text(encoding="utf-8")):
        for child in token.children or []:
            if child.type == "link_open":
                yield str(child.attrs["href"])


def first_column(document: Path, head: str) -> list[str]:
    """The first cells of the table whose first heading this is, as Markdown."""
    lines = document.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(line.split("|")[1].strip())
    return rows


def steps_of(workflow: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def is_ours(step: Mapping[str, Any]) -> bool:
    return str(step.get("uses", "")).startswith(OURS)


def resolve_inputs(inputs: Mapping[str, Any], workspace: Path) -> RunSpec:
    """What the action makes of a step's `with:`; texts are passed as the runner passes them."""
    texts = {f"INPUT_{name.upper()}": _as_text(value) for name, value in inputs.items()}
    problems = Problems()
    return resolve(read_action_inputs(texts, all_options(), problems), Workspace(workspace), problems)


def is_understood(inputs: Mapping[str, Any], workspace: Path) -> bool:
    """Whether inputs say what is to be done: with models, or with a report that an earlier step has downloaded."""
    if inputs.get("mode") == "merge":
        return resolve_inputs(inputs, workspace).reports == inputs["reports"]
    if inputs.get("mode") != "comment":
        return bool(resolve_inputs(inputs, workspace).models)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / inputs["report"]
        report.parent.mkdir(parents=True, exist_ok=True)
        report.touch()
        return resolve_inputs(inputs, Path(folder)).publishing.report == inputs["report"]


def validate(schema: str, *files: Path) -> None:
    """Check files against a schema that check-jsonschema carries with it."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
