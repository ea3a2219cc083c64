"""junit.xml: valid, read alike by a reader that others use, and red exactly where the run is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import junitparser
import pytest
import xmlschema
from hostile_support import HOSTILE, harmless, with_texts
from hypothesis import given, settings
from msgspec.structs import replace
from page_support import PAGES, full
from report_support import CASES, WARNING, failure, model, report, result, stages

from ptmobile.report.junit import junit_xml
from ptmobile.report.model import Reason, Report
from ptmobile.result import DeviceVerdict, Stage

SCHEMA = xmlschema.XMLSchema(Path(__file__).parents[1] / "data/junit.xsd")


def read(of: Report) -> junitparser.JUnitXml:
    """The report as a reader sees it; it has to be valid."""
    data = junit_xml(of)
    SCHEMA.validate(data.decode())
    return junitparser.JUnitXml.fromstring(data)


def outcomes(of: Report) -> dict[str, str]:
    """What became of each case: its kind of result, or `passed`."""
    return {
        f"{suite.name}: {case.name}": case.result[0]._tag if case.result else "passed"
        for suite in read(of)
        for case in suite
    }


def case_of(of: Report, name: str) -> junitparser.TestCase:
    return next(case for suite in read(of) for case in suite if case.name == name)


@pytest.mark.parametrize("name", PAGES)
def test_the_report_is_red_exactly_if_the_run_is(name: str) -> None:
    given = PAGES[name]()
    found = read(given)
    assert (given.verdict == "failed") == bool(found.failures + found.errors)
    for suite, of in zip(found, given.models, strict=False):
        assert (of.verdict.status == "failed") == bool(suite.failures + suite.errors)


@pytest.mark.parametrize("name", PAGES)
def test_the_counts_are_those_of_the_cases(name: str) -> None:
    found = read(PAGES[name]())
    assert found.tests == sum(suite.tests for suite in found)
    for suite in found:
        kinds = Counter(case.result[0]._tag if case.result else "passed" for case in suite)
        assert suite.tests == kinds.total() > 0
        assert (suite.failures, suite.errors, suite.skipped) == (kinds["failure"], kinds["error"], kinds["skipped"])


def test_a_suite_for_each_model() -> None:
    found = read(CASES["many"]())
    assert [suite.name for suite in found] == ["first", "net", "third"]
    first = next(iter(found))
    assert {p.name: p.value for p in first.properties()} == {
        "model": "net.py:Net",
        "path": "ptmobile-report/first.ptl",
        "verified": "true",
        "sha256": "335050e3d63d1da42e55feffd9b0b43cf7fde3cf1038a7f8e5f3a93736f84103",
        "size-bytes": "10150097",
        "bytecode-version": "8",
        "torch": "1.13.1",
        "machine": "x86_64",
    }
    assert {case.classname for case in first} == {"ptmobile.first"}
    assert (first.timestamp, first.time) == ("2024-05-06T07:08:09", 2.5)


def test_cases_of_a_model_that_passed() -> None:
    assert set(outcomes(CASES["passed"]())) == {
        "net: verdict",
        *(f"net: stage {name}" for name in ("load", "inputs", "eager", "traced", "scripted")),
        *(f"net: stage {name} (script)" for name in ("optimised", "saved", "lite")),
        *(f"net: comparison eager to {name}" for name in ("traced", "scripted", "optimised (script)", "lite (script)")),
        *(f"net: comparison scripted to {name} (script)" for name in ("optimised", "lite")),
        "net: comparison optimised (script) to lite (script)",
    }


def test_a_failure_says_what_happened_where_and_what_to_do() -> None:
    verdict = case_of(CASES["load-failure"](), "verdict").result[0]
    assert verdict.type == "exit-code-3"
    assert verdict.message == "net could not be loaded and run: The model could not be loaded"
    assert verdict.text.splitlines() == [
        "The model could not be loaded (net.py:12 in Net.__init__)",
        "net.pt does not fit the model: 1 missing, 1 unexpected",
        "missing: head.bias",
        "unexpected: fc.bias",
        "What to do: Nearest names (file ~ model): fc.bias ~ head.bias.",
    ]


def test_a_comparison_that_decides_fails_and_a_crash_is_an_error() -> None:
    found = outcomes(CASES["mismatch"]())
    assert found["net: comparison eager to lite (script)"] == "failure"
    assert found["net: comparison optimised (script) to lite (script)"] == "passed"
    assert case_of(CASES["mismatch"](), "comparison eager to lite (script)").result[0].message == (
        "out differs by up to 24.8"
    )
    assert outcomes(CASES["crash"]())["net: stage eager"] == "error"


def test_a_road_that_was_not_taken_is_skipped_with_the_reason() -> None:
    lite = case_of(CASES["fell-back"](), "stage lite (script)").result[0]
    assert isinstance(lite, junitparser.Skipped)
    assert lite.message == "beside the road that was taken: The file could not be loaded and run"
    assert "basic_string::_M_create" in lite.text


def test_libraries() -> None:
    found = outcomes(full())
    assert found["net: device 1.12.2 x86_64"] == "passed"
    assert found["net: device 1.9.0 arm64-v8a, bytecode 5"] == "skipped"
    assert found["net: device 1.8.0 iOS"] == "skipped"
    tables = case_of(full(), "device 1.8.0 iOS").result[0]
    assert tables.message == "not run: there is no library"
    assert "By tables, loads: no (evidence: asked of the library)." in tables.text.splitlines()
    assert "aten::gelu takes other arguments there." in tables.text


def test_a_library_that_decides_fails() -> None:
    wrong = DeviceVerdict(release="1.12.2", abi="x86_64", status="wrong", message="out differs by up to 3.24")
    problem = failure("runtime", "device", "The library computes something else", "out differs", advice="Look.")
    failed = report(model(found=result(devices=(wrong,), failure=problem)))
    assert outcomes(failed)["net: device 1.12.2 x86_64"] == "failure"
    assert case_of(failed, "verdict").result[0].type == "exit-code-6"


def test_a_run_that_could_not_begin() -> None:
    refused = CASES["refused"]()
    assert outcomes(refused) == {"run: run": "error"}
    error = case_of(refused, "run").result[0]
    assert "did you mean 'model'?" in error.text
    assert outcomes(CASES["interrupted"]())["run: run"] == "error"


def test_the_gate_on_warnings() -> None:
    given = report(model(found=result(notices=(WARNING,))), exit_code=5)
    assert outcomes(given)["run: gate no warnings"] == "failure"
    assert case_of(given, "gate no warnings").result[0].text == "net.py:Net has random weights."


def test_what_could_not_be_handed_over() -> None:
    missing = Reason(title="The artifact was not uploaded", message="The quota is used up.", advice="Use another way.")
    for code, outcome in ((0, "skipped"), (8, "failure")):
        given = replace(CASES["passed"](), unpublished=(missing,), exit_code=code)
        assert {k: v for k, v in outcomes(given).items() if k.startswith("run")} == {"run: publish": outcome}


def test_budgets() -> None:
    limits = {"max_size": "1kB", "max_size_growth": "5"}
    good = model()
    good = replace(good, spec=replace(good.spec, **limits))
    assert (
        outcomes(report(good))["net: gate max-size"] == outcomes(report(good))["net: gate max-size-growth"] == "passed"
    )
    large = Reason(title="The file is larger than max-size", message="net.ptl has 2 kB", advice="Make it smaller.")
    verdict = replace(good.verdict, status="failed", code=7, reasons=(large,))
    over = report(replace(good, verdict=verdict))
    assert outcomes(over)["net: gate max-size"] == "failure"
    assert outcomes(over)["net: gate max-size-growth"] == "passed"
    assert case_of(over, "gate max-size").result[0].message == "net.ptl has 2 kB"
    (broken,) = CASES["mismatch"]().models
    failed = report(replace(broken, spec=replace(broken.spec, **limits)))
    assert outcomes(failed)["net: gate max-size"] == "skipped"


def test_no_two_cases_have_one_name() -> None:
    twice = result(stages=(*stages("load", "load"), Stage(name="load", status="skipped")))
    names = [name for name in outcomes(report(model(found=twice))) if "stage" in name]
    assert names == ["net: stage load", "net: stage load (2)", "net: stage load (3)"]


def test_a_dot_in_a_name_makes_no_package() -> None:
    named = model("net.v1")
    (suite,) = read(report(named))
    assert (suite.name, next(iter(suite)).classname) == ("net.v1", "ptmobile.net-v1")


@pytest.mark.parametrize("name", PAGES)
@settings(max_examples=25)
@given(HOSTILE)
def test_no_text_changes_the_structure(name: str, text: str) -> None:
    of = PAGES[name]()
    # The time of a report is that of whoever writes its test results.
    data, plain = (junit_xml(replace(with_texts(of, said), created=of.created)) for said in (text, harmless(text)))
    SCHEMA.validate(data.decode())
    assert [e.tag for e in ET.fromstring(data).iter()] == [e.tag for e in ET.fromstring(plain).iter()]


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1b", "\ud800", "\ufffe", "\uffff", "\x7f", "\x85"])
def test_characters_that_xml_cannot_have(character: str) -> None:
    given = CASES["refused"]()
    problem = replace(given.problems[0], title=f"a{character}b", message=f"c{character}d", advice=character)
    assert read(replace(given, problems=(problem,))).errors == 1
