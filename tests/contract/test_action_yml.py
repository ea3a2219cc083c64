"""action.yml, schemas, workflows and examples say what the types say."""

from __future__ import annotations

import json
import re
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from document_support import (
    CONFIGS,
    ROOT,
    WORKFLOWS,
    first_column,
    is_ours,
    is_understood,
    relative,
    resolve_inputs,
    script,
    steps_of,
)

import ptmobile
from ptmobile import cli
from ptmobile.errors import ExitCode
from ptmobile.report.exit_codes import EXIT_CODES
from ptmobile.report.model import Report, Source, Tool
from ptmobile.report.outputs import OUTPUTS, outputs_of
from ptmobile.spec.config_file import OUTSIDE_ONLY, config_schema
from ptmobile.spec.options import all_options
from ptmobile.spec.yaml_text import load_yaml

GENERATOR = script("generate")
ACTION: dict[str, Any] = load_yaml((ROOT / "action.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", list(GENERATOR.generated()), ids=str)
def test_generated_files_are_up_to_date(path: Path) -> None:
    written = (ROOT / path).read_text(encoding="utf-8")
    assert written == GENERATOR.generated()[path], "run `make docs`"


def test_the_check_of_the_generator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/troubleshooting.md", "docs/inputs-and-outputs.md", "docs/security.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    readme = tmp_path / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace("| 130 |", "| x |"), encoding="utf-8")
    monkeypatch.setattr(GENERATOR, "ROOT", tmp_path)
    assert GENERATOR.main(["--check"]) == 1
    assert not (tmp_path / "action.yml").exists()
    assert "README.md: is out of date; run scripts/generate.py" in capsys.readouterr().out
    assert GENERATOR.main([]) == 0
    assert GENERATOR.main(["--check"]) == 0
    assert (tmp_path / "action.yml").read_bytes() == (ROOT / "action.yml").read_bytes()
    assert (tmp_path / "README.md").read_bytes() == (ROOT / "README.md").read_bytes()


def test_a_readme_without_a_place_for_a_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="one place for inputs"):
        GENERATOR.fill("no marks", "inputs", "table")


def test_action_yml_is_read_the_same_by_another_parser() -> None:
    assert yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8")) == ACTION


def test_inputs_are_those_of_the_types() -> None:
    options = {name: option for name, option in all_options().items() if option.action_input}
    assert list(ACTION["inputs"]) == list(options)
    for name, option in options.items():
        described = ACTION["inputs"][name]
        # No default: one that is always given would silence the config file.
        assert set(described) == {"description", "required"}
        assert described["required"] is False
        assert described["description"].startswith(option.description)
        assert not option.default_text or described["description"].endswith(f"Default: {option.default_text}.")
        assert all(choice in described["description"] for choice in option.choices)


def test_names_mean_the_same_to_the_runner_and_to_act() -> None:
    """Blanks and dots become different variables; hyphens stay what they are."""
    for name in (*ACTION["inputs"], *ACTION["outputs"]):
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)


def test_outputs_are_those_that_are_written() -> None:
    tool = Tool(version="1", isolation="same-user")
    report = Report(tool=tool, source=Source(), created="", config=None, verdict="passed", exit_code=0, models=())
    assert list(ACTION["outputs"]) == list(OUTPUTS) == list(outputs_of(report, "x"))
    assert {name: output["description"] for name, output in ACTION["outputs"].items()} == OUTPUTS
    assert all(set(output) == {"description"} for output in ACTION["outputs"].values())


def test_how_it_runs() -> None:
    """Arguments and an entrypoint of their own would be read differently by the runner and by act."""
    assert ACTION["runs"] == {"using": "docker", "image": "Dockerfile"}
    assert len(ACTION["description"]) <= 125  # what the Marketplace takes


def test_the_documents_have_the_same_tables() -> None:
    document = ROOT / "docs/inputs-and-outputs.md"
    assert first_column(document, "Input") == [f"`{name}`" for name in ACTION["inputs"]]
    assert first_column(document, "Output") == [f"`{name}`" for name in ACTION["outputs"]]
    text = document.read_text(encoding="utf-8")
    for name, output in ACTION["outputs"].items():
        assert f"| `{name}` | {output['description']} |" in text
    assert first_column(ROOT / "README.md", "Code") == [str(int(code)) for code in ExitCode]


def test_every_exit_code_has_a_meaning() -> None:
    assert list(EXIT_CODES) == list(ExitCode)


# --- schemas ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["config", "report"])
def test_the_shipped_schema_is_the_one_that_is_printed(which: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", which]) == 0
    shipped = resources.files("ptmobile").joinpath(f"schemas/{which}.schema.json").read_text(encoding="utf-8")
    assert capsys.readouterr().out == shipped
    assert json.loads(shipped)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_key_of_a_config_file_is_described() -> None:
    schema = config_schema()
    inside = {name for name, option in all_options().items() if name not in OUTSIDE_ONLY}
    assert set(schema["properties"]) == inside | {"models"}
    for name, described in schema["properties"].items():
        assert described["description"], name
    assert not re.search(r"``|\n    ", json.dumps(schema, ensure_ascii=False).replace("\\n", "\n"))


# --- examples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CONFIGS, ids=relative)
def test_example_configs_can_be_run(path: Path) -> None:
    run = resolve_inputs({"config": relative(path)}, ROOT)
    assert run.models


def test_there_are_examples() -> None:
    assert len(CONFIGS) >= 2
    assert [relative(path) for path in WORKFLOWS] == [
        ".github/workflows/ci.yml",
        *(f"examples/workflows/{name}.yml" for name in ("budgets", "comment", "convert", "many-models")),
        *(f"examples/workflows/{name}.yml" for name in ("pull-request", "release", "shards")),
    ]


#: The examples with a job that may write: what starts them, what the job may do, and the actions that it runs.
WRITERS = {
    "comment": (
        "workflow_run",
        {"actions": "read", "pull-requests": "write"},
        ["actions/download-artifact", "org/ptmobile-action"],
    ),
    "release": (
        "push",
        {"attestations": "write", "contents": "write", "id-token": "write"},
        ["actions/download-artifact", "actions/attest-build-provenance"],
    ),
}


@pytest.mark.parametrize("path", WORKFLOWS, ids=relative)
def test_workflows_ask_for_no_more_than_they_need(path: Path) -> None:
    workflow = load_yaml(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        permissions = job.get("permissions", {}) if ".github" not in path.parts else {}
        assert set(permissions.values()) <= {"read", "write"}
        # Who may write runs nothing of a model or a pull request: it is not even checked out.
        if "write" in permissions.values():
            trigger, allowed, actions = WRITERS[path.stem]
            assert permissions == allowed
            assert list(workflow[True if True in workflow else "on"]) == [trigger]
            assert [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step] == actions
    for step in steps_of(workflow):
        if str(step.get("uses", "")).startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        # An expression inside a script is a way into it; what a script needs comes as a variable.
        assert "${{" not in step.get("run", "")


def test_actions_are_pinned_by_commit_where_they_matter() -> None:
    """In our own workflows, and where something is signed and released."""
    for path in WORKFLOWS:
        if ".github" in path.parts or path.stem == "release":
            for line in path.read_text(encoding="utf-8").splitlines():
                if "uses:" in line and "./" not in line and "org/ptmobile-action" not in line:
                    assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=relative)
def test_steps_give_inputs_that_are_understood(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    workflow = load_yaml(text)
    ours = [step for step in steps_of(workflow) if is_ours(step)]
    assert ours
    for step in ours:
        for inputs in _expanded(step["with"], workflow):
            assert set(inputs) <= set(ACTION["inputs"])
            assert is_understood(_here(inputs), ROOT)
    ids = {step["id"] for step in ours if "id" in step}
    for step_id, output in re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", text):
        assert step_id in ids
        assert output in ACTION["outputs"]


def _here(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs of a merge without what only the jobs before it make."""
    if inputs.get("mode") != "merge":
        return inputs
    assert inputs.pop("matrix") == "${{ needs.plan.outputs.matrix }}"
    return {**inputs, "reports": "examples"}


_CHOICE = re.compile(r"\$\{\{ github\.event_name == '\w+' && '([^']+)' \|\| '([^']*)' \}\}")


def _expanded(inputs: dict[str, Any], workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """The inputs once for every value of the matrix that they name, or for each way that a choice by event goes."""
    choices = {name: found for name, value in inputs.items() if (found := _CHOICE.fullmatch(str(value)))}
    if choices:
        return [{**inputs, **{name: found[way] for name, found in choices.items()}} for way in (1, 2)]
    used = re.findall(r"\$\{\{ matrix\.([\w-]+) \}\}", json.dumps(inputs))
    if "models" in used:  # of a plan that is made when it runs
        text = json.dumps(inputs).replace("${{ matrix.shard }}", "1")
        return [{name: value for name, value in json.loads(text).items() if name != "only"}]
    if not used:
        return [inputs]
    (name,) = set(used)
    values = [v for job in workflow["jobs"].values() for v in job.get("strategy", {}).get("matrix", {}).get(name, [])]
    assert values
    return [json.loads(json.dumps(inputs).replace(f"${{{{ matrix.{name} }}}}", value)) for value in values]


# --- versions ---------------------------------------------------------------------------------------------------------


def test_the_version_is_the_same_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    version = ptmobile.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"ptmobile {version}\n"
