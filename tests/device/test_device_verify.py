"""Golden outputs replayed in the phone's own library: mode verify, without the model."""

from __future__ import annotations

import base64
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stage_support import Convert, bare_kit

from ptmobile.device.kit import native_abi
from ptmobile.report.model import ModelReport
from ptmobile.report.summary import summary_blocks

INPUTS = {"Net": "[[1, 3, 9, 9]]", "Squeeze": "[[1, 16, 4, 4]]"}


@pytest.fixture
def made(workspace: Path, convert: Convert) -> Callable[..., Path]:
    """Makes a file with golden outputs, which no library has run; the model's code is gone after that."""

    def made(name: str, **options: str) -> Path:
        report = convert(model=f"nets.py:{name}", inputs=INPUTS[name], runtime="none", **options)
        assert report.exit_code == 0
        (workspace / "nets.py").unlink()
        return workspace / f"ptmobile-report/{name}.ptl"

    return made


@pytest.fixture
def verify(workspace: Path, convert: Convert) -> Callable[..., ModelReport]:
    def verify(file: Path, **options: Any) -> ModelReport:
        (model,) = convert(
            model=str(file.relative_to(workspace)), mode="verify", **{"runtime": "1.12.2", **options}
        ).models
        return model

    return verify


def with_record(file: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a file whose golden outputs are changed."""
    copy = file.with_name("changed.ptl")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(copy, "w") as target:
        for info in source.infolist():
            data = source.read(info)
            if info.filename.endswith("extra/ptmobile/golden.json"):
                record = json.loads(data)
                change(record)
                data = json.dumps(record).encode()
            target.writestr(zipfile.ZipInfo(info.filename), data)
    return copy


def other_first_value(record: dict[str, Any]) -> None:
    data = bytearray(base64.b64decode(record["data"]))
    (value,) = struct.unpack_from("<f", data)
    struct.pack_into("<f", data, 0, value + 1.0)
    record["data"] = base64.b64encode(bytes(data)).decode()


def test_the_library_gives_the_golden_outputs(
    made: Callable[..., Path], verify: Callable[..., ModelReport], convert: Convert
) -> None:
    model = verify(made("Net"))
    assert (model.verdict.status, model.verdict.code) == ("passed", 0), model.verdict
    assert [(v.release, v.abi, v.status) for v in model.result.devices] == [("1.12.2", native_abi(), "right")]
    device = f"device 1.12.2 {native_abi()}"
    assert [(c.reference, c.candidate, c.passed) for c in model.result.comparisons] == [
        ("golden", "lite", True),
        ("golden", device, True),
        ("lite", device, True),
    ]
    assert model.result.proof is not None
    assert (model.result.proof.reference, model.result.proof.candidate) == ("golden", "lite")
    assert len(model.result.proof.outputs) == 4


def test_golden_outputs_that_were_changed_are_the_hosts_finding(
    made: Callable[..., Path], verify: Callable[..., ModelReport]
) -> None:
    model = verify(with_record(made("Net"), other_first_value))
    assert (model.verdict.status, model.verdict.code) == ("failed", 5)
    assert model.verdict.reasons[0].title == "The file does not give its golden outputs"
    assert "out[0] differs by up to 1" in model.verdict.reasons[0].message
    assert {verdict.status for verdict in model.result.devices} == {"wrong"}


@pytest.mark.skipif(native_abi() != "x86_64", reason="a defect of the x86_64 library")
def test_a_library_that_gives_others_is_a_finding_of_its_own(
    made: Callable[..., Path], convert: Convert, workspace: Path
) -> None:
    file = made("Squeeze", optimize="false")
    options = {"model": str(file.relative_to(workspace)), "mode": "verify", "runtime": "1.12.2"}
    report = convert(bare_kit, **options)
    (model,) = report.models
    assert (model.verdict.status, model.verdict.code) == ("failed", 6)
    assert model.verdict.reasons[0].title.startswith("The library of pytorch_android_lite 1.12.2 for x86_64 computes")
    passed = {(c.reference, c.candidate): c.passed for c in model.result.comparisons}
    assert passed["golden", "lite"]
    assert not passed["golden", "device 1.12.2 x86_64"]
    assert "computes something else" in "".join(summary_blocks(report))


def test_a_file_that_the_library_does_not_load(made: Callable[..., Path], verify: Callable[..., ModelReport]) -> None:
    model = verify(made("Net"), runtime="1.9.0")
    assert model.verdict.code == 6
    assert model.verdict.reasons[0].title.startswith("The library of pytorch_android_lite 1.9.0")


def test_a_file_without_golden_outputs_is_told_what_to_do(
    made: Callable[..., Path], verify: Callable[..., ModelReport]
) -> None:
    model = verify(made("Net", golden="off"))
    assert model.verdict.code == 3
    reason = model.verdict.reasons[0]
    assert "The file holds no golden outputs to verify." in f"{reason.title} {reason.message}"
    assert "ptmobile convert puts them in" in reason.advice
    assert model.result.devices == ()


def test_inputs_that_were_changed_are_no_ground_for_a_verdict(
    made: Callable[..., Path], verify: Callable[..., ModelReport]
) -> None:
    def another(record: dict[str, Any]) -> None:
        record["inputs_sha256"] = "0" * 64

    model = verify(with_record(made("Net"), another))
    assert model.verdict.code == 3
    assert "the record was changed" in model.verdict.reasons[0].message
