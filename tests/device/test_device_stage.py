"""The phone's own library as a stage of a run: from the release that an app declares to the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
from device_support import artifact, machine_for
from stage_support import GRADLE, Convert, bare_kit

from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import native_abi
from ptmobile.errors import ConfigurationError
from ptmobile.report.devices import compatible, verified_on_device
from ptmobile.report.model import ModelReport, Report
from ptmobile.report.outputs import outputs_of
from ptmobile.report.summary import summary_blocks


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
    assert pairs["eager"].trials == 6  # three runs of each shape at least
    timing = model.result.timing
    assert timing is not None
    assert [each.variant for each in timing.latencies if each.apart] == [pairs["eager"].candidate]
    assert "declared in" in "".join(summary_blocks(report))


@pytest.mark.skipif(native_abi() != "x86_64", reason="a defect of the x86_64 library")
def test_a_defect_of_the_x86_64_library_is_found_and_avoided_by_optimising(convert: Convert) -> None:
    options = {"model": "nets.py:Squeeze", "inputs": "[[1, 16, 4, 4]]", "runtime": "1.12.2"}
    wrong = convert(bare_kit, **options, optimize="false", repair="off")
    assert wrong.exit_code == 6
    assert only(wrong).result.devices[0].status == "wrong"
    assert "1x1 convolution" in only(wrong).verdict.reasons[0].advice
    assert (Path(only(wrong).file.path).name if only(wrong).file else "") == "Squeeze.unverified.ptl"
    assert compatible(only(wrong).result) is True
    right = convert(**options)
    assert (right.exit_code, only(right).result.devices[0].status) == (0, "right")
    repaired = convert(bare_kit, **options, optimize="false")
    model = only(repaired)
    assert repaired.exit_code == 0
    assert model.file is not None
    assert model.file.optimised
    assert model.file.remedy.startswith("optimised, although optimize is false")
    assert [verdict.status for verdict in model.result.devices] == ["right"]
    assert "optimised, although optimize is false" in "".join(summary_blocks(repaired))


@pytest.mark.skipif(native_abi() != "x86_64", reason="a defect of the x86_64 library")
def test_what_untrained_weights_hide_from_a_library_is_found_and_the_file_is_built_otherwise(convert: Convert) -> None:
    options = {"model": "nets.py:Closed", "inputs": "[[1, 16, 4, 4]]", "runtime": "1.12.2", "optimize": "false"}
    hidden = convert(bare_kit, **options, sensitive_weights="off")
    assert [verdict.status for verdict in only(hidden).result.devices] == ["right"]
    wrong = only(convert(bare_kit, **options, repair="off"))
    assert wrong.verdict.code == 6
    assert wrong.verdict.reasons[0].title.startswith("With sensitive weights, the library of")
    assert wrong.result.sharper is not None
    assert [verdict.status for verdict in wrong.result.sharper.devices] == ["wrong"]
    repaired = only(convert(bare_kit, **options))
    assert repaired.verdict.code == 0
    assert repaired.file is not None
    assert repaired.file.remedy.startswith("optimised, although optimize is false")
    assert repaired.file.remedy.endswith(", with sensitive weights")
    assert repaired.result.sharper is not None
    assert [verdict.status for verdict in repaired.result.sharper.devices] == ["right"]
    assert [verdict.status for verdict in repaired.result.devices] == ["right"]


@pytest.mark.skipif(native_abi() != "x86_64", reason="a defect of the x86_64 library")
def test_phones_decide_where_the_x86_64_library_alone_is_wrong(convert: Convert) -> None:
    machine_for("arm64-v8a")  # skips where that cannot be run
    options = {"model": "nets.py:Squeeze", "inputs": "[[1, 16, 4, 4]]", "runtime": "1.12.2"}
    report = convert(**options, optimize="false", repair="off")
    model = only(report)
    assert report.exit_code == 0
    assert [(v.abi, v.status) for v in model.result.devices] == [("x86_64", "wrong"), ("arm64-v8a", "right")]
    (warning,) = model.verdict.warnings
    assert warning.title == "device-abi"
    assert "phones are right" in warning.message
    assert "1x1 convolution" in warning.message
    assert not verified_on_device(model.result)


def test_all_abis_are_run_where_that_is_asked_for(convert: Convert) -> None:
    machine_for("arm64-v8a")
    report = convert(model="nets.py:Net", inputs="[[1, 3, 9, 9]]", runtime="1.12.2", device_abis="all")
    verdicts = only(report).result.devices
    assert {v.abi: v.status for v in verdicts} == dict.fromkeys({native_abi(), "arm64-v8a"}, "right")
    assert [v.emulated for v in verdicts if v.abi == "arm64-v8a"] == [native_abi() != "arm64-v8a"]


def test_an_app_of_an_old_release_gets_a_file_that_is_rewritten_for_it(workspace: Path, convert: Convert) -> None:
    (workspace / "build.gradle").write_text(GRADLE % "1.9.0")
    options = {"model": "nets.py:Gelu", "inputs": "[[1, 3, 9, 9]]"}
    report = convert(**options)
    model = only(report)
    assert report.exit_code == 0
    assert model.file is not None
    assert (model.file.content.bytecode_version, model.file.edition) == (5, "")
    assert model.file.changes == ("1 call of GELU written with erf or tanh, for 1.9.0",)
    assert not any("gelu" in name for name in model.file.content.operators)
    assert [(v.release, v.status) for v in model.result.devices] == [("1.9.0", "right")]
    summary = "".join(summary_blocks(report))
    assert "Rewritten: 1 call of GELU" in summary
    assert "pytorch_android_lite:1.9.0'" in summary
    assert "pod 'LibTorch-Lite', '~> 1.9.0'" in summary
    assert "debug_pkl" not in summary
    refused = convert(**options, repair="off")
    assert refused.exit_code == 6
    assert "version 10" in only(refused).verdict.reasons[0].message
    assert only(refused).file is not None
    assert only(refused).file.path.endswith("Gelu.unverified.ptl")  # type: ignore[union-attr]


def test_every_app_of_a_repository_gets_its_file(workspace: Path, convert: Convert) -> None:
    for app, release in (("old", "1.9.0"), ("new", "1.12.2")):
        (workspace / app).mkdir()
        (workspace / app / "build.gradle").write_text(GRADLE % release)
    report = convert(model="nets.py:Gelu", inputs="[[1, 3, 9, 9]]")
    model = only(report)
    assert report.exit_code == 0
    assert [(f.path, f.content.bytecode_version, f.verified) for f in model.files] == [
        ("ptmobile-report/Gelu.ptl", 8, True),
        ("ptmobile-report/Gelu.bytecode-5.ptl", 5, True),
    ]
    assert [(v.release, v.edition, v.status) for v in model.result.devices] == [
        ("1.12.2", "", "right"),
        ("1.9.0", "bytecode 5", "right"),
    ]
    assert model.editions[0].grown_bytes is not None
    given = outputs_of(report, "report.json")
    assert (given["model-path"], given["edition-paths"]) == (model.files[0].path, model.files[1].path)


def test_further_files_by_release_and_by_bytecode(workspace: Path, convert: Convert) -> None:
    report = convert(model="nets.py:Gelu", inputs="[[1, 3, 9, 9]]", backport_to="1.9.0, 7", runtime="1.12.2")
    model = only(report)
    assert report.exit_code == 0
    assert {f.edition: f.content.bytecode_version for f in model.editions} == {"bytecode 7": 7, "bytecode 5": 5}
    assert all((workspace / f.path).is_file() for f in model.files)
    verdicts = {v.release: v for v in model.result.devices}
    assert verdicts["1.9.0"].status == "right"
    assert (verdicts["1.10.0"].status, verdicts["1.10.0"].decides) == ("not-run", False)
    assert verdicts["1.10.0"].tables is not None
    assert verdicts["1.10.0"].tables.loads == "yes"


def test_a_further_file_that_fails_costs_no_other(convert: Convert) -> None:
    options = {"model": "nets.py:Gelu", "inputs": "[[1, 3, 9, 9]]", "repair": "off"}
    report = convert(**options, runtime="1.12.2", backport_to="1.9.0")
    model = only(report)
    assert report.exit_code == 6
    assert [(f.edition, f.verified) for f in model.files] == [("", True), ("bytecode 5", False)]
    assert model.editions[0].path.endswith("Gelu.bytecode-5.unverified.ptl")
    assert outputs_of(report, "report.json")["edition-paths"] == ""


def test_tables_decide_where_the_library_cannot_be_had(convert: Convert) -> None:
    options = {"model": "nets.py:Gelu", "inputs": "[[1, 3, 9, 9]]", "runtime": "1.10.0"}
    fine = convert(**options)
    (verdict,) = only(fine).result.devices
    assert (fine.exit_code, verdict.status, compatible(only(fine).result)) == (0, "not-run", None)
    assert "evidence: desktop build of the same number" in "".join(summary_blocks(fine))
    refused = convert(**options, repair="off")
    assert refused.exit_code == 6
    assert "desktop build" in only(refused).verdict.reasons[0].message
    assert compatible(only(refused).result) is False


def test_what_cannot_be_rewritten_is_said(convert: Convert) -> None:
    report = convert(model="nets.py:Svd", inputs="[[3, 4]]", runtime="1.9.0")
    model = only(report)
    assert report.exit_code == 6
    assert model.file is not None
    assert [left.partition(":")[0] for left in model.file.left] == ["1 call of aten"]
    assert "Not rewritten" in "".join(summary_blocks(report))


@pytest.mark.parametrize("given", ["1.12.2", "9", "8", "3", "1.10", "soon", "[5, soon]"])
def test_no_backport_to_what_is_not_older(convert: Convert, given: str) -> None:
    with pytest.raises(ConfigurationError, match="backport_to: given"):
        convert(model="nets.py:Net", inputs="[[1, 3, 9, 9]]", backport_to=given)


def test_a_file_that_the_library_cannot_hand_over_fails(convert: Convert) -> None:
    report = convert(model="nets.py:Positive", inputs="[[4]]", runtime="1.12.2")
    assert report.exit_code == 6
    assert "Bool is not supported on java side" in only(report).verdict.reasons[0].message
    assert compatible(only(report).result) is False


def test_a_release_that_nobody_declares_warns_only(convert: Convert) -> None:
    report = convert(model="nets.py:Positive", inputs="[[4]]")
    assert report.exit_code == 0
    (verdict,) = only(report).result.devices
    assert (verdict.status, verdict.decides, verdict.release) == ("failed", False, "1.12.2")
    assert [w.title for w in only(report).verdict.warnings] == ["device-other", "not-for-java"]
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
