"""A file without its model: mode check and `ptmobile check`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from device_support import Maker
from torch.utils import bundled_inputs

from ptmobile.cli import main
from ptmobile.errors import ConfigurationError
from ptmobile.litefile import strip_records
from ptmobile.report.devices import compatible, verified_on_device
from ptmobile.report.model import ModelReport, Report
from ptmobile.report.outputs import outputs_of
from ptmobile.report.summary import summary_blocks

Check = Callable[..., Report]


@pytest.fixture
def check(workspace: Path, convert: Callable[..., Report]) -> Check:
    def check(file: Path, **options: Any) -> Report:
        shutil.copyfile(file, workspace / "net.ptl")
        return convert(model="net.ptl", mode="check", **options)

    return check


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.gelu(self.linear(x))


def only(report: Report) -> ModelReport:
    (model,) = report.models
    return model


def test_the_same_verdict_as_for_a_model(make: Maker, check: Check) -> None:
    report = check(make(Net(), torch.ones(2, 4)), inputs="[[2, 4]]", runtime="1.12.2")
    model = only(report)
    assert (report.exit_code, model.verdict.status) == (0, "passed")
    assert "as on the host, on 5 inputs" in model.verdict.title
    assert verified_on_device(model.result)
    assert [(c.reference, c.candidate) for c in model.result.comparisons] == [
        ("lite", f"device 1.12.2 {model.result.devices[0].abi}")
    ]
    assert model.file is not None
    assert model.file.path == "net.ptl"
    given = outputs_of(report, "report.json")
    assert (given["equivalent"], given["device-verified"], given["model-path"]) == ("", True, "net.ptl")
    assert "the numbers of the host" in "".join(summary_blocks(report))


def test_a_release_that_reads_older_files_refuses(make: Maker, check: Check) -> None:
    report = check(make(Net(), torch.ones(2, 4)), inputs="[[2, 4]]", runtime="1.9.0")
    assert report.exit_code == 6
    assert "maximum supported version for reading is 6" in only(report).verdict.reasons[0].message
    assert compatible(only(report).result) is False


def test_old_files_with_debug_records_abort_and_stripped_ones_run(make: Maker, check: Check, tmp_path: Path) -> None:
    file = make(torch.nn.Linear(4, 3), torch.ones(2, 4))
    assert check(make.old(file, strip=False), inputs="[[2, 4]]", runtime="1.9.0").exit_code == 6
    strip_records(make.old(file, strip=False), tmp_path / "stripped.ptl")
    assert check(tmp_path / "stripped.ptl", inputs="[[2, 4]]", runtime="1.9.0").exit_code == 0


def test_bundled_inputs_are_taken(check: Check, tmp_path: Path) -> None:
    module = torch.jit.script(Net().eval())
    examples = [(torch.randn(2, 4),), (torch.randn(1, 4),)]
    bundled_inputs.augment_model_with_bundled_inputs(module, inputs=examples)
    module._save_for_lite_interpreter(str(tmp_path / "bundled.ptl"))
    model = only(check(tmp_path / "bundled.ptl", runtime="1.12.2"))
    assert [trial.arguments for trial in model.result.trials] == [("float32 [2, 4]",), ("float32 [1, 4]",)]
    assert verified_on_device(model.result)


def test_inputs_from_a_data_file(make: Maker, check: Check, workspace: Path) -> None:
    np.save(workspace / "x.npy", np.ones((2, 4), np.float32))
    model = only(check(make(Net(), torch.ones(2, 4)), inputs="x.npy", runtime="1.12.2"))
    assert model.verdict.code == 0
    assert [trial.seed for trial in model.result.trials] == [None] * 3


def test_without_inputs_the_file_is_loaded_only(make: Maker, check: Check) -> None:
    report = check(make(Net(), torch.ones(2, 4)), runtime="1.12.2")
    model = only(report)
    assert report.exit_code == 0
    assert [verdict.status for verdict in model.result.devices] == ["ran"]
    assert compatible(model.result) is True
    assert not verified_on_device(model.result)
    assert [warning.title for warning in model.verdict.warnings] == ["no-inputs"]
    assert "no inputs to run it on" in "".join(summary_blocks(report))


def test_inputs_that_do_not_fit_are_the_hosts_finding(make: Maker, check: Check) -> None:
    report = check(make(Net(), torch.ones(2, 4)), inputs="[[2, 5]]", runtime="1.12.2")
    assert report.exit_code in (5, 6)
    assert only(report).verdict.status == "failed"


def test_tables_speak_for_a_release_that_cannot_be_had(make: Maker, check: Check) -> None:
    report = check(make(Net(), torch.ones(2, 4)), runtime="1.10.0")
    assert report.exit_code == 6
    assert "desktop build" in only(report).verdict.reasons[0].message


def test_what_is_no_file_for_the_lite_interpreter(check: Check, tmp_path: Path) -> None:
    torch.jit.script(Net()).save(str(tmp_path / "full.pt"))
    report = check(tmp_path / "full.pt", runtime="1.12.2")
    assert report.exit_code == 3
    assert only(report).file is None


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"model": "nets.py:Net"}, "allowed in mode check: the path of a .ptl file"),
        ({"model": "absent.ptl"}, "does not exist"),
        ({"model": "nets.ptl", "method": "trace"}, "the mode is check"),
        ({"model": "nets.ptl", "mode": "convert"}, "is a PyTorch Mobile file already"),
        ({"model": "nets.ptl", "mode": "chekc"}, "did you mean 'check'"),
    ],
)
def test_wrong_specifications(
    workspace: Path, convert: Callable[..., Report], options: dict[str, str], problem: str
) -> None:
    (workspace / "nets.ptl").touch()
    with pytest.raises(ConfigurationError, match=problem):
        convert(**{"mode": "check", "inputs": "[[1, 3, 9, 9]]", **options})


def test_the_command_line(
    make: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copyfile(make(Net(), torch.ones(2, 4)), tmp_path / "net.ptl")
    monkeypatch.chdir(tmp_path)
    assert main(["check", "net.ptl", "--runtime", "none", "--inputs", "[[2, 4]]"]) == 0
    assert "net runs on the host; no library of an app was run" in capsys.readouterr().out
    assert (tmp_path / "ptmobile-report/report.json").is_file()
    assert main(["check", "absent.ptl"]) == 2
    assert "absent.ptl" in capsys.readouterr().out
