"""Variables, inputs and paths as the runner makes them, without a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptmobile.local.environment import Folders, declared_inputs, input_variable
from ptmobile.local.step import Step


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    (tmp_path / "work").mkdir()
    return Folders.create(tmp_path / "work", tmp_path / "job" / "_temp", "{}")


@pytest.mark.parametrize(
    ("name", "variable"),
    [("model", "INPUT_MODEL"), ("model-args", "INPUT_MODEL-ARGS"), ("a b.c", "INPUT_A_B.C")],
)
def test_input_names(name: str, variable: str) -> None:
    assert input_variable(name) == variable


def test_declared_inputs_have_their_defaults_as_text(tmp_path: Path) -> None:
    action_file = tmp_path / "action.yml"
    action_file.write_text("inputs:\n  model:\n  trials: {default: 5}\n  upload: {default: true}\n")
    assert declared_inputs(action_file) == {"model": "", "trials": "5", "upload": "true"}


def test_a_given_input_replaces_the_declared_one_whatever_its_case(tmp_path: Path, folders: Folders) -> None:
    action_file = tmp_path / "action.yml"
    action_file.write_text("inputs:\n  trials: {default: 5}\n  model: {}\n")
    step = Step("image", folders.workspace, {"Trials": "7"}, action_file=action_file)
    variables = step.variables(folders)
    assert {name: value for name, value in variables.items() if name.startswith("INPUT_")} == {
        "INPUT_TRIALS": "7",
        "INPUT_MODEL": "",
    }


def test_later_sources_win(folders: Folders) -> None:
    env = {"HOME": "/x", "INPUT_MODEL": "x", "GITHUB_SHA": "x", "OTHER": "kept"}
    variables = Step("image", folders.workspace, {"model": "m"}, env, context={"GITHUB_JOB": "j"}).variables(folders)
    assert variables["HOME"] == "/github/home"
    assert variables["INPUT_MODEL"] == "m"
    assert variables["GITHUB_SHA"] != "x"
    assert variables["GITHUB_JOB"] == "j"
    assert variables["OTHER"] == "kept"


def test_paths_are_translated_only_at_the_beginning(folders: Folders) -> None:
    workspace = str(folders.workspace)
    assert folders.translate(workspace) == "/github/workspace"
    assert folders.translate(f"{workspace}/m.pt") == "/github/workspace/m.pt"
    assert folders.translate(f"{workspace}2/m.pt") == f"{workspace}2/m.pt"
    assert folders.translate(f"file={workspace}/m.pt") == f"file={workspace}/m.pt"
    assert folders.translate(f"{folders.temp}/_github_home/x") == "/github/home/x"
    assert folders.translate(f"{folders.temp}/x") == "/github/runner_temp/x"


def test_command_files_are_plain_and_their_names_unguessable(tmp_path: Path, folders: Folders) -> None:
    other = Folders.create(tmp_path, tmp_path / "other", "{}")
    assert all(file.stat().st_size == 0 for file in folders.command_files.values())
    assert {file.name for file in folders.command_files.values()}.isdisjoint(
        file.name for file in other.command_files.values()
    )
