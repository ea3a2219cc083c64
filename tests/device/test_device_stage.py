"""The phone's own library as a stage of a run: from the release that an app declares to the verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from device_support import artifact, kit_folder

from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import native_abi
from ptmobile.device.supply import DeviceSupplier, Sources
from ptmobile.errors import ConfigurationError
from ptmobile.pipeline import Run, run_models
from ptmobile.progress.base import Lines
from ptmobile.report.devices import compatible, verified_on_device
from ptmobile.report.model import ModelReport, Report, Source
from ptmobile.report.summary import summary_blocks
from ptmobile.runtimes.fetching import LibraryFile, NotAvailable, RuntimeLibrary
from ptmobile.spec.coerce import Given
from ptmobile.spec.problems import Problems
from ptmobile.spec.resolve import resolve
from ptmobile.spec.workspace import Workspace

MODELS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    def forward(self, x):
        y = self.body(x)
        return y, {"mean": y.mean((2, 3))}, [y.sum(), y.max()]

class Squeeze(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(16, 16, 1)
    def forward(self, x):
        return self.conv(x.mean((2, 3), keepdim=True))

class Positive(nn.Module):
    def forward(self, x):
        return x > 0
"""
GRADLE = "dependencies {\n    implementation 'org.pytorch:pytorch_android_lite:%s'\n}\n"
JARS = ("com.facebook.fbjni:fbjni-java-only:0.2.2:jar", "com.facebook.soloader:nativeloader:0.10.1:jar")


def file_of(coordinates: str) -> LibraryFile:
    return LibraryFile(coordinates, artifact(coordinates), "", "cache", known=True)


def served(release: str) -> RuntimeLibrary | NotAvailable:
    if release not in ("1.9.0", "1.12.2"):
        return NotAvailable(f"{release} is not served", "Take another")
    aar = file_of(f"org.pytorch:pytorch_android_lite:{release}:aar")
    return RuntimeLibrary(release, aar, tuple(map(file_of, JARS)))


def own(path: Path) -> RuntimeLibrary:
    aar = LibraryFile(path.name, path, "", "given", known=False)
    return RuntimeLibrary("own", aar, tuple(map(file_of, JARS)))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_text(MODELS)
    return tmp_path


Convert = Callable[..., Report]


@pytest.fixture
def convert(workspace: Path) -> Convert:
    def convert(kit: Callable[[], Path] = kit_folder, **options: str) -> Report:
        given = {n.replace("_", "-"): Given(v, n, text=True) for n, v in options.items()}
        spec = resolve(given, Workspace(workspace), Problems())
        sources = Sources(kit, served, own)
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}

        def supplier(folder: Path) -> DeviceSupplier:
            return DeviceSupplier(workspace, folder, environment, sources)

        return run_models(spec, Run(workspace, Lines(lambda line: None), Source(), lambda: "now", supplier))

    return convert


def only(report: Report) -> ModelReport:
    (model,) = report.models
    return model


def test_the_library_that_the_app_declares_runs_the_file(workspace: Path, convert: Convert) -> None:
    (workspace / "app").mkdir()
    (workspace / "app/build.gradle").write_text(GRADLE % "1.12.2")
    report = convert(model="nets.py:Net", inputs="{shapes: [[1, 3, 9, 9], [2, 3, 8, 8]]}", trials="2")
    model = only(report)
    (verdict,) = model.result.devices
    assert (verdict.status, verdict.release, verdict.abi) == ("right", "1.12.2", native_abi())
    assert verdict.found == "declared in app/build.gradle:2"
    assert report.exit_code == 0
    assert verified_on_device(model.result)
    pairs = {c.reference: c for c in model.result.comparisons if c.candidate.startswith("device 1.12.2")}
    assert set(pairs) == {"eager", "lite (script)"}
    assert {o.output for o in pairs["eager"].outputs} == {
        "out[0]",
        "out[1]['mean']",
        "out[2][0]",
        "out[2][1]",
    }
    assert pairs["eager"].trials == 4
    assert "declared in" in "".join(summary_blocks(report))


@pytest.mark.skipif(native_abi() != "x86_64", reason="a defect of the x86_64 library")
def test_a_defect_of_the_x86_64_library_is_found_and_avoided_by_optimising(convert: Convert) -> None:
    options = {"model": "nets.py:Squeeze", "inputs": "[[1, 16, 4, 4]]", "runtime": "1.12.2"}
    wrong = convert(**options, optimize="false")
    assert wrong.exit_code == 6
    assert only(wrong).result.devices[0].status == "wrong"
    assert "1x1 convolution" in only(wrong).verdict.reasons[0].advice
    assert (Path(only(wrong).file.path).name if only(wrong).file else "") == "Squeeze.unverified.ptl"
    assert compatible(only(wrong).result) is True
    right = convert(**options)
    assert (right.exit_code, only(right).result.devices[0].status) == (0, "right")


def test_a_file_that_the_library_cannot_read_or_hand_over_fails(convert: Convert) -> None:
    report = convert(model="nets.py:Net", inputs="[[1, 3, 9, 9]]", runtime="1.9.0")
    assert report.exit_code == 6
    assert "must be between 3 and 5" in only(report).verdict.reasons[0].message
    assert "Exception raised from" not in only(report).verdict.reasons[0].message
    report = convert(model="nets.py:Positive", inputs="[[4]]", runtime="1.12.2")
    assert report.exit_code == 6
    assert "Bool is not supported on java side" in only(report).verdict.reasons[0].message
    assert compatible(only(report).result) is False


def test_a_release_that_nobody_declares_warns_only(convert: Convert) -> None:
    report = convert(model="nets.py:Positive", inputs="[[4]]")
    assert report.exit_code == 0
    (verdict,) = only(report).result.devices
    assert (verdict.status, verdict.decides, verdict.release) == ("failed", False, "1.12.2")
    assert [w.title for w in only(report).verdict.warnings] == ["device-other"]
    assert convert(model="nets.py:Positive", inputs="[[4]]", device_check="required").exit_code == 6


def test_what_cannot_be_had_or_run_is_no_fault_of_the_model(convert: Convert) -> None:
    def no_kit() -> Path:
        raise CannotRunError("There is no compiler.")

    options = {"model": "nets.py:Net", "inputs": "[[1, 3, 9, 9]]"}
    for report in (convert(**options, runtime="2.1.0"), convert(no_kit, **options, runtime="1.12.2")):
        assert report.exit_code == 0
        assert only(report).result.devices[0].status == "not-run"
        assert not verified_on_device(only(report).result)
        assert compatible(only(report).result) is None
    required = convert(**options, runtime="2.1.0", device_check="required")
    assert required.exit_code == 6
    assert "2.1.0 is not served" in only(required).verdict.reasons[0].message


def test_a_library_of_ones_own(workspace: Path, convert: Convert) -> None:
    (workspace / "mine.aar").write_bytes(artifact("org.pytorch:pytorch_android_lite:1.12.2:aar").read_bytes())
    report = convert(model="nets.py:Net", inputs="[[1, 3, 9, 9]]", runtime_library="mine.aar")
    assert (report.exit_code, only(report).result.devices[0].status) == (0, "right")
    (workspace / "mine.aar").write_bytes(b"no archive")
    report = convert(model="nets.py:Net", inputs="[[1, 3, 9, 9]]", runtime_library="mine.aar", device_check="required")
    assert report.exit_code == 6


def test_the_check_can_be_left_out(convert: Convert) -> None:
    for options in ({"device_check": "off"}, {"runtime": "none"}):
        report = convert(model="nets.py:Positive", inputs="[[4]]", **options)
        assert (report.exit_code, only(report).result.devices) == (0, ())


def test_a_release_that_does_not_exist_is_a_mistake_in_the_specification(convert: Convert) -> None:
    with pytest.raises(ConfigurationError, match=r"(?s)1\.12\.3.*no published release"):
        convert(model="nets.py:Net", inputs="[[1, 3, 9, 9]]", runtime="1.12.3")


def test_no_room_for_the_library_is_no_fault_of_the_model(convert: Convert, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ptmobile.device.supply.prepare", full)
    report = convert(model="nets.py:Net", inputs="[[1, 3, 9, 9]]", runtime="1.12.2")
    (verdict,) = only(report).result.devices
    assert (report.exit_code, verdict.status) == (0, "not-run")
    assert "No space left on device" in verdict.message
