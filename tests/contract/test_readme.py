"""What the documents say: examples work, links lead somewhere, tables and lists are complete."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from document_support import (
    DOCUMENTS,
    README,
    ROOT,
    WORKFLOWS,
    fences,
    first_column,
    is_ours,
    is_understood,
    links,
    relative,
    resolve_inputs,
    validate,
)

from ptmobile import cli
from ptmobile.app_card import AppCard, AppValue
from ptmobile.baseline.model import BaselineSource, FileDifference, FileMeasures
from ptmobile.errors import ExitCode
from ptmobile.litefile import LiteFile
from ptmobile.report import model as report_model
from ptmobile.report.outputs import OUTPUTS
from ptmobile.result import (
    Comparison,
    Decision,
    Environment,
    Failure,
    Latency,
    ModelResult,
    NoiseFloor,
    Notice,
    OutputCard,
    OutputNoise,
    Problem,
    RepairCost,
    Stage,
    StageName,
    Timing,
    Trial,
    Values,
)
from ptmobile.spec import DTYPES
from ptmobile.spec.config_file import config_schema
from ptmobile.spec.yaml_text import load_yaml

FILES = (
    *(
        "models/net.py",
        "models/requirements.txt",
        "models/text.py",
        "checkpoints/flowers.pt",
        "checkpoints/net.safetensors",
        "exported/net.pt",
    ),
    *("inputs/mask.npy", "inputs/batch.npz"),
)
BLOCKS = [(document, text) for document in DOCUMENTS for text in fences(document, "yaml")]
CONFIG_BLOCKS = [text for _, text in BLOCKS if {"model", "models"} & set(load_yaml(text))]
STEP_BLOCKS = [text for _, text in BLOCKS if "steps" in load_yaml(text)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the files that the examples name."""
    root = tmp_path_factory.mktemp("repository")
    for name in FILES:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    return root


def test_every_block_is_of_a_known_kind() -> None:
    others = [text for _, text in BLOCKS if text not in CONFIG_BLOCKS + STEP_BLOCKS]
    assert others == []
    assert len(CONFIG_BLOCKS) >= 5
    assert len(STEP_BLOCKS) >= 2


@pytest.mark.parametrize("text", CONFIG_BLOCKS)
def test_config_files_are_valid_and_resolve(workspace: Path, text: str) -> None:
    jsonschema.validate(load_yaml(text), config_schema(), jsonschema.Draft202012Validator)
    (workspace / "ptmobile.yml").write_text(text, encoding="utf-8")
    assert resolve_inputs({}, workspace).models


@pytest.mark.parametrize("text", STEP_BLOCKS)
def test_steps_are_valid_and_resolve(workspace: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "workflow.yml").write_text("on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n" + _indented(text))
    validate("vendor.github-workflows", tmp_path / "workflow.yml")
    (workspace / "ptmobile.yml").write_text("model: torchvision:alexnet")
    steps = load_yaml(text)["steps"]
    assert [step["uses"].partition("@")[0] for step in steps[:2]] == ["actions/checkout", "org/ptmobile-action"]
    for step in filter(is_ours, steps):
        assert is_understood(step.get("with", {}), workspace)


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def test_the_first_example_is_six_lines() -> None:
    assert len(fences(README, "yaml")[0].splitlines()) == 6


def test_outputs_that_are_named_exist() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (*DOCUMENTS, *WORKFLOWS))
    named = set(re.findall(r"steps\.[\w-]+\.outputs\.([\w-]+)", text))
    assert named
    assert named <= set(OUTPUTS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_commands_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for block in fences(document, "console"):
        for line in block.splitlines():
            assert line.startswith("$ ")
            command, *arguments = shlex.split(line[2:], comments=True)
            if command == "make":
                assert set(arguments) <= targets
            elif command == ".venv/bin/python":
                assert (ROOT / arguments[0]).is_file()
                assert arguments[0].startswith("bench/")
            else:
                assert command == ".venv/bin/ptmobile"
                cli._parser().parse_args(arguments[: arguments.index(">")] if ">" in arguments else arguments)


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_lead_somewhere(document: Path) -> None:
    for href in links(document):
        if not href.startswith("https://"):
            assert (document.parent / href.partition("#")[0]).exists(), href


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < 300


def test_data_types_are_all_named() -> None:
    sentence = re.search(r"Data types are (.*?)\. ", README.read_text(encoding="utf-8").replace("\n", " "))
    assert sentence is not None
    assert re.findall(r"`(\w+)`", sentence[1]) == list(DTYPES)


def test_tolerances_are_those_that_are_applied() -> None:
    pytest.importorskip("torch")
    from ptmobile.worker.comparing.tolerance import Policy  # noqa: PLC0415

    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S+) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert [row[0] for row in rows] == ["float32", "float64", "float16", "bfloat16"]
    for dtype, rtol, atol in rows:
        applied = Policy().tolerance("close", dtype, 1.0, None)
        assert (applied.rtol, applied.atol) == (float(rtol), float(atol))
    for dtype in ("int64", "bool"):
        assert Policy(rtol=1.0, atol=1.0).tolerance("close", dtype, 1.0, None).atol == 0


def test_troubleshooting_has_a_section_for_every_exit_code() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    codes = [int(code) for code in re.findall(r"^## Exit code (\d+): ", text, re.MULTILINE)]
    assert codes == [int(code) for code in ExitCode if code]


def test_the_command_lines_own_list_of_exit_codes_is_right() -> None:
    listed = re.findall(r"(\d+) ([a-z]+)", cli._EPILOG.partition("exit codes:")[2])
    assert {int(code) for code, _ in listed} == {int(code) for code in ExitCode}


@pytest.mark.parametrize(
    "struct",
    [
        *(report_model.Report, report_model.ModelReport, report_model.Verdict, report_model.ShippedFile),
        *(FileDifference, FileMeasures, BaselineSource, report_model.Merged, report_model.UsedFile),
        *(report_model.Reason, report_model.Tool, report_model.Source, LiteFile, ModelResult, Stage, Problem, Notice),
        *(
            report_model.PublishedArtifact,
            Trial,
            OutputCard,
            Comparison,
            Values,
            Environment,
            Failure,
            AppCard,
            AppValue,
            report_model.AppCode,
        ),
        *(NoiseFloor, OutputNoise, Decision, Timing, Latency, RepairCost),
    ],
    ids=lambda struct: struct.__name__,
)
def test_every_field_of_the_report_is_explained(struct: Any) -> None:
    text = (ROOT / "docs/report.md").read_text(encoding="utf-8")
    assert [name for name in struct.__struct_fields__ if f"`{name}`" not in text] == []


def test_every_stage_is_explained() -> None:
    rows = first_column(ROOT / "docs/how-it-works.md", "Stage")
    assert re.findall(r"`(\w+)`", " ".join(rows)) == list(get_args(StageName))


def test_the_folders_that_are_described_exist() -> None:
    for cell in first_column(ROOT / "CONTRIBUTING.md", "Folder"):
        for path in re.findall(r"`([^`]+)`", cell):
            below = ROOT / "src/ptmobile" / path if path == "session.py" else ROOT / path
            assert below.exists(), path


def test_the_licence_is_the_one_that_is_named() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
