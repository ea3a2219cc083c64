"""What the tests of whole runs share: workers that are prepared once, and the command line in a process of its own."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import msgspec
import pytest

from ptmobile import pipeline
from ptmobile.progress.base import Lines
from ptmobile.report.model import ModelReport, Report, Source, report_schema, to_json
from ptmobile.sandbox import Workers
from ptmobile.spec.conversion import ConversionSpec, RunSpec

MODELS = Path(__file__).resolve().parent.parent / "data" / "models"
REPOSITORY = MODELS.parents[2]
CLI = "import sys; from ptmobile.cli import main; sys.exit(main())"


@functools.cache
def report_validator() -> jsonschema.Draft202012Validator:
    """Checks a report against the schema that is shipped."""
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


class Converter:
    """Converts models of one workspace by the pipeline of a run, with workers that were prepared once for all tests."""

    def __init__(self, workspace: Path, workers: Workers) -> None:
        self.workspace = workspace
        self.workers = workers
        self.lines: list[str] = []
        self._numbers = itertools.count()

    def __call__(self, model: str, *inputs: Any, **options: Any) -> ModelReport:
        """Convert one model of ``tests/data/models``; a list among the inputs is a shape, a text names a data file."""
        return self.run([self.spec(model, *inputs, **options)]).models[0]

    def spec(self, model: str, *inputs: Any, **options: Any) -> ConversionSpec:
        name = options.pop("name", f"model{next(self._numbers)}")
        entries = [self._entry(entry) for entry in inputs or ([2, 4],)]
        given = {"model": model, "name": name, "output": f"out/{name}.ptl", "inputs": entries}
        kebab = {key.replace("_", "-"): value for key, value in options.items()}
        return msgspec.convert({**given, **kebab}, ConversionSpec)

    def run(self, models: list[ConversionSpec], **options: Any) -> Report:
        """Run several models; every report, of whatever ending, must fit the schema."""
        self.lines.clear()
        run = pipeline.Run(self.workspace, Lines(self.lines.append), Source(), lambda: "2026-01-01T00:00:00+00:00")
        report = pipeline.run_models(RunSpec(models=tuple(models), **options), run)
        report_validator().validate(json.loads(to_json(report)))
        return report

    def file(self, report: ModelReport) -> Path:
        """The file that was written for a model."""
        assert report.file is not None, report.verdict
        return self.workspace / report.file.path

    @staticmethod
    def _entry(entry: Any) -> dict[str, Any]:
        if isinstance(entry, list):
            return {"shape": entry}
        return {"file": entry} if isinstance(entry, str) else entry


@contextlib.contextmanager
def prepared_converter(workspace: Path) -> Iterator[Converter]:
    """A converter for a workspace that holds the test models."""
    shutil.copytree(MODELS, workspace, dirs_exist_ok=True)
    with Workers(workspace) as workers, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "Workers", lambda root: contextlib.nullcontext(workers))
        yield Converter(workspace, workers)


@dataclass(frozen=True)
class Ran:
    """A run of the command line that has ended."""

    code: int
    output: str
    workspace: Path
    report_dir: str = "ptmobile-report"

    @property
    def report(self) -> dict[str, Any]:
        """The report, which must be there and fit its schema; the page and the test results must say the same."""
        folder = self.workspace / self.report_dir
        report = json.loads((folder / "report.json").read_bytes())
        report_validator().validate(report)
        assert f"""<header class="banner {report["verdict"]}">""" in (folder / "report.html").read_text(
            encoding="utf-8"
        )
        results = ET.parse(folder / "junit.xml").getroot()
        assert (results.find(".//failure") is None and results.find(".//error") is None) == (
            report["verdict"] == "passed" and (not report["exit_code"])
        )
        return dict(report)

    @property
    def summary(self) -> str:
        """The Markdown summary, which must be there."""
        return (self.workspace / self.report_dir / "summary.md").read_text(encoding="utf-8")

    def model(self, name: str) -> dict[str, Any]:
        """The report about one model."""
        (found,) = [model for model in self.report["models"] if model["spec"]["name"] == name]
        return dict(found)


def run_cli(
    workspace: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    before: Callable[[], object] | None = None,
    report_dir: str = "ptmobile-report",
) -> Ran:
    """Run ``ptmobile convert`` in a workspace; ``before`` is called in the child before it starts."""
    done = subprocess.run(
        cli_command(*arguments),
        cwd=workspace,
        env={**cli_environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
        preexec_fn=before,
    )
    return Ran(done.returncode, done.stdout.decode(), workspace, report_dir)


def cli_command(*arguments: str) -> list[str]:
    """The command that runs ``ptmobile convert`` with these arguments."""
    return [sys.executable, "-I", "-c", CLI, "convert", *arguments]


def cli_environment() -> dict[str, str]:
    """What little a run needs of its environment."""
    no_kit = {"PTMOBILE_DEVICE_KIT": "/nonexistent"}  # the phone's library has tests of its own
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", **no_kit}
