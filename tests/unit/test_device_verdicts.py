"""From what a library made of a file to a verdict, and to what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from report_support import comparison, model, report, result

from ptmobile.report.devices import compatible, device_rows, page_notes, verified_on_device
from ptmobile.report.summary import summary_blocks
from ptmobile.result import DeviceVerdict, Evidence, ModelResult, TableAnswer
from ptmobile.worker.verdicts.devices import asks_phones, judge_devices, shows_defect


def verdict(status: str, abi: str = "x86_64", **fields: Any) -> DeviceVerdict:
    given: dict[str, Any] = {"release": "1.12.2", "found": "declared in app/build.gradle:7", "max_abs": 3e-7}
    return DeviceVerdict(status=status, abi=abi, **{**given, **fields})  # type: ignore[arg-type]


def tables(loads: str = "yes", runs: str = "unknown", evidence: Evidence = "desktop") -> TableAnswer:
    return TableAnswer(
        loads=loads,  # type: ignore[arg-type]
        loads_evidence=evidence,
        runs=runs,  # type: ignore[arg-type]
        runs_evidence=evidence if runs == "no" else None,
        reasons=("It lacks aten::x.",) if "no" in (loads, runs) else (),
    )


def judged(*verdicts: DeviceVerdict, required: bool = False, prepacked: bool = True) -> tuple[str, list[str]]:
    failure, notices = judge_devices(verdicts, required=required, prepacked=prepacked)
    return failure.problem.title if failure else "", [notice.code for notice in notices]


NAME = "The library of pytorch_android_lite 1.12.2 for x86_64"


@pytest.mark.parametrize(
    ("verdicts", "required", "expected"),
    [
        ([verdict("right")], True, ("", [])),
        ([verdict("ran")], True, ("", [])),
        ([verdict("failed")], False, (f"{NAME} does not run the file", [])),
        ([verdict("wrong")], False, (f"{NAME} computes something else than the model", [])),
        ([verdict("wrong"), verdict("right", "arm64-v8a")], False, ("", ["device-abi"])),
        ([verdict("wrong"), verdict("right", "arm64-v8a", release="1.9.0")], False, (f"{NAME} computes", [])),
        ([verdict("right"), verdict("wrong", "arm64-v8a")], False, (f"{NAME[:-6]}arm64-v8a computes", [])),
        ([verdict("failed", decides=False)], False, ("", ["device-other"])),
        ([verdict("failed", decides=False)], True, (f"{NAME} does not run", [])),
        ([verdict("not-run")], False, ("", ["device-not-run"])),
        ([verdict("not-run")], True, (f"{NAME} could not be run here", [])),
        ([verdict("not-run", tables=tables())], False, ("", ["device-not-run"])),
        ([verdict("not-run", tables=tables("no"))], False, (f"{NAME} does not load the file", [])),
        ([verdict("not-run", tables=tables(runs="no"))], False, (f"{NAME} does not run the file", [])),
        (
            [verdict("not-run", tables=tables("no", evidence="inferred"))],
            False,
            ("", ["device-not-run", "device-tables"]),
        ),
        ([verdict("not-run", tables=tables("no"), decides=False)], False, ("", ["device-not-run", "device-tables"])),
    ],
)
def test_what_decides(verdicts: list[DeviceVerdict], required: bool, expected: tuple[str, list[str]]) -> None:
    title, codes = judged(*verdicts, required=required)
    assert title.startswith(expected[0])
    assert bool(title) == bool(expected[0])
    assert codes == expected[1]


def test_the_known_defect_explains_only_what_it_can() -> None:
    for prepacked in (False, True):
        failure, _ = judge_devices([verdict("wrong")], required=False, prepacked=prepacked)
        assert failure is not None
        assert ("1x1 convolution" in failure.problem.advice) == (not prepacked)
        assert "emulators and Chromebooks" in failure.problem.advice


def test_phones_are_asked_where_only_the_other_library_disagrees() -> None:
    assert asks_phones([verdict("wrong")]) == {"1.12.2"}
    assert asks_phones([verdict("failed")]) == set()
    assert asks_phones([verdict("wrong"), verdict("right", "arm64-v8a")]) == set()
    assert shows_defect([verdict("wrong")])
    assert shows_defect([verdict("wrong"), verdict("right", "arm64-v8a")])
    assert not shows_defect([verdict("wrong"), verdict("wrong", "arm64-v8a")])
    assert not shows_defect([verdict("right")])


def found(*verdicts: DeviceVerdict, **fields: Any) -> ModelResult:
    return result(devices=verdicts, **fields)


@pytest.mark.parametrize(
    ("verdicts", "verified", "takes"),
    [
        ([], False, None),
        ([verdict("right")], True, True),
        ([verdict("right"), verdict("wrong", "arm64-v8a")], False, True),
        ([verdict("ran")], False, True),
        ([verdict("failed")], False, False),
        ([verdict("not-run")], False, None),
        ([verdict("not-run", tables=tables("no"))], False, False),
        ([verdict("not-run", tables=tables("no", evidence="inferred"))], False, None),
        ([verdict("right"), verdict("not-run", release="1.10.0")], True, True),
    ],
)
def test_outputs_about_libraries(verdicts: list[DeviceVerdict], verified: bool, takes: bool | None) -> None:
    of = found(*verdicts)
    assert (verified_on_device(of), compatible(of)) == (verified, takes)


def sentence(one: DeviceVerdict) -> str:
    ((_, text),) = device_rows(found(one))
    return text


def test_every_sentence_names_release_abi_evidence_and_where_it_was_found() -> None:
    right = sentence(verdict("right"))
    assert right.startswith("pytorch_android_lite 1.12.2, x86_64 (emulators and Chromebooks), loads the file, runs it")
    assert "Evidence: run on the library." in right
    assert right.endswith("Release: declared in app/build.gradle:7.")
    assert "(phones, emulated here)" in sentence(verdict("right", "arm64-v8a", emulated=True))
    assert "the file for bytecode 5" in sentence(verdict("right", edition="bytecode 5"))
    not_run = sentence(verdict("not-run", tables=tables("no", evidence="asked")))
    assert "it will not load the file (evidence: asked of the library)" in not_run
    assert "It lacks aten::x." in not_run
    assert "whether it runs it, only running shows" in sentence(verdict("not-run", tables=tables()))
    assert "Evidence: none." in sentence(verdict("not-run"))
    assert sentence(verdict("not-run", "iOS")).startswith("LibTorch-Lite 1.12.2 (iOS), was not run")


def test_the_summary_says_first_what_the_library_made_of_the_file() -> None:
    of = found(verdict("right", page_bytes=4096), comparisons=(comparison("eager", "lite (script)"),))
    text = "".join(summary_blocks(report(model(found=of))))
    section = text.partition("### ")[2].splitlines()
    assert [line for line in section if line][2].startswith("- ✅ pytorch_android_lite 1.12.2")
    assert "16 KB pages" in text


def test_large_pages() -> None:
    assert page_notes(found(verdict("right", page_bytes=16384))) == ()
    assert page_notes(found(verdict("right"))) == ()
    (note,) = page_notes(found(verdict("right", page_bytes=4096), verdict("right", "arm64-v8a", page_bytes=4096)))
    assert note.startswith("The libraries of 1.12.2 are aligned to 4 KB pages")
