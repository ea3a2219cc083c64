"""What a model that wants to deceive can do to the proof: it is told, or is of no consequence. Runs natively.

The same attacks, and more, run in the action's container in tests/hostile.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ptmobile.pipeline import Run, run_models
from ptmobile.progress.base import Lines
from ptmobile.report.model import ModelReport, Source
from ptmobile.spec.problems import Problems
from ptmobile.spec.resolve import Given, resolve
from ptmobile.spec.workspace import Workspace
from ptmobile.worker.processes import landlock

HOSTILE = Path(__file__).resolve().parent.parent / "hostile/models"
needs_landlock = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")

Attack = Callable[..., tuple[ModelReport, str]]


@pytest.fixture
def attack(tmp_path: Path) -> Attack:
    """Convert a hostile model; gives its report and what was printed."""
    workspace = Path(shutil.copytree(HOSTILE, tmp_path / "workspace"))

    def attack(model: str, arguments: str = "[]", **options: str) -> tuple[ModelReport, str]:
        lines: list[str] = []
        asked: Mapping[str, str] = {
            "model": f"{model}.py:make",
            "model-args": arguments,
            "inputs": "[[2, 4]]",
            "trials": "1",
            "runtime": "none",
            "repair": "off",
            "timing": "false",
            **options,
        }
        given = {name: Given(value, name, text=True) for name, value in asked.items()}
        spec = resolve(given, Workspace(workspace), Problems())
        report = run_models(spec, Run(workspace, Lines(lines.append), Source(), lambda: "now"))
        return report.models[0], "\n".join(lines)

    return attack


@pytest.mark.parametrize(
    ("what", "method", "told"),
    [
        ("golden", "script", "its golden outputs are not what the eager model gave"),
        ("form", "trace", "does not follow from those of the eager model"),
        ("inputs", "script", "lite (script) does not compute what optimised (script) computes"),
    ],
)
def test_what_is_forged_in_the_process_of_the_model_is_found(attack: Attack, what: str, method: str, told: str) -> None:
    model, _ = attack("forged", f"[{what}]", method=method)
    assert (model.verdict.status, model.verdict.code) == ("failed", 5)
    assert any(told in f"{reason.title} {reason.message}" for reason in model.verdict.reasons)


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "fifo"])
def test_only_plain_files_become_the_file(attack: Attack, kind: str) -> None:
    model, _ = attack("replaced_file", f"[{kind}, at once]", method="script")
    assert (model.verdict.status, model.verdict.code) == ("failed", 4)
    assert "plain file" in model.verdict.reasons[0].message or "cannot be opened" in model.verdict.reasons[0].message


@needs_landlock
def test_the_file_that_was_run_is_shipped_whatever_becomes_of_the_original(attack: Attack, tmp_path: Path) -> None:
    model, printed = attack("replaced_file", "[symlink, later]", method="script")
    assert model.verdict.status == "passed", model.verdict
    assert "replaced: the original" in printed
    assert "BREACH" not in printed
    assert model.file is not None
    assert model.result.file is not None
    shipped = (tmp_path / "workspace" / model.file.path).read_bytes()
    assert hashlib.sha256(shipped).hexdigest() == model.result.file.sha256 == model.file.content.sha256


@needs_landlock
def test_outputs_of_other_stages_are_out_of_reach(attack: Attack) -> None:
    model, printed = attack("others_outputs")
    assert model.verdict.status == "passed", model.verdict
    assert "refused: overwrite kept: PermissionError" in printed
    assert "changed: the originals of what was kept" in printed
    assert "BREACH" not in printed
