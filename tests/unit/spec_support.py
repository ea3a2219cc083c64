"""Specifications as tests give them: by the inputs of the action, or by a config file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import strategies as st

from ptmobile.errors import ConfigurationError
from ptmobile.spec import ConversionSpec, RunSpec
from ptmobile.spec.action_inputs import read_action_inputs
from ptmobile.spec.options import all_options
from ptmobile.spec.problems import Problems
from ptmobile.spec.resolve import resolve
from ptmobile.spec.workspace import Workspace

OPTIONS = all_options()
FILES = ("net.py", "net.pt", "weights.pt", "x.npy", "sub/deep/net.py", "notes.txt")
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)


def fill_workspace(root: Path) -> Path:
    """A workspace with a few (empty) files."""
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def environ(inputs: Mapping[str, str]) -> dict[str, str]:
    """Inputs as the runner passes them."""
    return {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in inputs.items()}


def read(root: Path, inputs: Mapping[str, str]) -> RunSpec:
    problems = Problems()
    return resolve(read_action_inputs(environ(inputs), OPTIONS, problems), Workspace(root), problems)


def read_one(root: Path, **inputs: str) -> ConversionSpec:
    """The only model of a run; torchvision:alexnet unless another is given."""
    dashed = {name.replace("_", "-"): value for name, value in inputs.items()}
    given = dashed if "model" in dashed or "config" in dashed else {"model": "torchvision:alexnet", **dashed}
    (model,) = read(root, given).models
    return model


def problems_of(root: Path, inputs: Mapping[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(root, inputs)
    assert caught.value.code == 2
    return [line.removeprefix("  - ") for line in str(caught.value).splitlines()[1:]]


def problem_of(root: Path, **inputs: str) -> str:
    dashed = {name.replace("_", "-"): value for name, value in inputs.items()}
    (problem,) = problems_of(root, {"model": "torchvision:alexnet", **dashed})
    return problem


def config(root: Path, text: str, **inputs: str) -> RunSpec:
    (root / "config.yml").write_text(text, encoding="utf-8")
    return read(root, {"config": "config.yml", **{name.replace("_", "-"): value for name, value in inputs.items()}})


def config_problems(root: Path, text: str, **inputs: str) -> list[str]:
    (root / "config.yml").write_text(text, encoding="utf-8")
    return problems_of(root, {"config": "config.yml", **inputs})
