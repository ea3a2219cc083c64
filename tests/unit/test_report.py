"""The report of a run: its summary, its JSON, its outputs. What models say shows, and does nothing."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hostile_support import HOSTILE
from hypothesis import given, settings
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec.structs import replace
from report_support import CASES, comparison, model, passed, report, result, shipped, values

from ptmobile.github.outputs import entry, random_delimiter
from ptmobile.github.summary import SUMMARY_LIMIT, append_summary
from ptmobile.local.file_commands import summary_accepted
from ptmobile.report.comparisons import finding_rows, largest_difference, pair_row, square_of
from ptmobile.report.model import ModelReport, Reason, Report, report_schema, to_json
from ptmobile.report.numbers import count, seconds, short, size
from ptmobile.report.outputs import OUTPUTS, outputs_of
from ptmobile.report.summary import summary_blocks
from ptmobile.report.view import MAX_ROWS, view_of
from ptmobile.result import Finding, Notice, OutputComparison

GOLDEN = Path(__file__).parents[1] / "data/golden"
UPDATE = "UPDATE_GOLDEN"
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HTML = {"<details>", "</details>", "<sub>", "</sub>", "<summary>", "</summary>"}


def markdown(of: Report) -> str:
    return "\n".join(summary_blocks(of))


def cells(source: str) -> list[list[list[str]]]:
    """The tables of a text: rows of cells, as they are read."""
    tables: list[list[list[str]]] = []
    for token in MARKDOWN.parse(source):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type == "inline" and tables and token.level >= 4:
            tables[-1][-1].append(shown(token))
    return tables


def shown(inline: Token) -> str:
    text = "".join(child.content for child in inline.children or [] if child.type != "html_inline")
    return text.replace("\u200b", "").replace("\xa0", " ")


def headings(source: str) -> list[str]:
    tokens = MARKDOWN.parse(source)
    return [f"{t.tag} {shown(tokens[n + 1])}" for n, t in enumerate(tokens) if t.type == "heading_open"]


# --- what it looks like -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    """`UPDATE_GOLDEN=1 pytest tests/unit/test_report.py` writes them anew; look at the difference before committing."""
    file = GOLDEN / f"summary-{name}.md"
    rendered = markdown(CASES[name]())
    if os.environ.get(UPDATE):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(rendered, encoding="utf-8")
    assert rendered == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("passed", "✅ ptmobile: net is verified"),
        ("fell-back", "✅ ptmobile: net is verified"),
        ("mismatch", "❌ ptmobile: net is not what the model computes"),
        ("load-failure", "❌ ptmobile: net could not be loaded and run"),
        ("crash", "❌ ptmobile: net could not be loaded and run"),
        ("many", "❌ ptmobile: 1 of 3 models failed"),
        ("refused", "❌ ptmobile: nothing was run: the specification is wrong"),
        ("interrupted", "❌ ptmobile: the run did not finish: 1 model done, 0 failed"),
    ],
)
def test_the_verdict_comes_first(name: str, heading: str) -> None:
    source = markdown(CASES[name]())
    assert headings(source)[0] == f"h2 {heading}"
    assert source.startswith(f"## {heading[0]} ")


def test_a_table_over_all_models_and_a_section_each_the_failed_ones_first() -> None:
    source = markdown(CASES["many"]())
    overview = cells(source)[0]
    assert overview[0] == ["", "Model", "Result", "Size", "Largest difference", "Of the output"]
    assert overview[1:] == [
        ["✅", "first", "verified (script)", "10.2 MB", "7.6e-6", "3.8e-7"],
        ["❌", "net", "not loaded", "-", "-", "-"],
        ["✅", "third", "verified (script), 1 warning", "10.2 MB", "7.6e-6", "3.8e-7"],
    ]
    assert headings(source)[1:] == ["h3 ❌ net", "h3 ✅ first", "h3 ✅ third"]


def test_every_variant_is_set_against_those_before_it() -> None:
    square = next(table for table in cells(markdown(passed())) if table[0][1] == "traced")
    assert square == [
        ["", "traced", "scripted", "optimised (script)", "lite (script)"],
        ["eager", "✅ equal", "✅ equal", "✅ 7.6e-6", "✅ 7.6e-6"],
        ["traced", "", "✅ equal", "", ""],
        ["scripted", "", "", "✅ 7.6e-6", "✅ 7.6e-6"],
        ["optimised (script)", "", "", "", "✅ equal"],
    ]


def test_the_file_can_be_identified() -> None:
    facts = dict(next(table for table in cells(markdown(passed())) if table[0][0] == "File"))
    assert facts["File"] == "ptmobile-report/net.ptl"
    assert facts["SHA-256"] == "335050e3d63d1da42e55feffd9b0b43cf7fde3cf1038a7f8e5f3a93736f84103"
    assert facts["Size"] == "10.2 MB (10,150,097 bytes)"
    assert facts["Bytecode version"] == "8"
    assert facts["Difference from the eager model"] == "7.6e-6 at most, which is 3.8e-7 of the output's largest value"


def test_operators_and_lines_for_the_app() -> None:
    source = markdown(passed())
    assert "<details><summary>What is in the file: 2 operators</summary>" in source
    assert "`aten::add.Tensor` `prepacked::conv2d_clamp_run`" in source
    assert "implementation 'org.pytorch:pytorch_android_lite:1.13.1'" in source
    assert "pod 'LibTorch-Lite'" in source


def test_a_file_that_did_not_verify_is_not_recommended() -> None:
    source = markdown(CASES["mismatch"]())
    assert "ptmobile-report/net.unverified.ptl" in source
    assert "File that did not verify" in source
    assert "implementation" not in source


def test_a_road_not_taken_fails_nothing() -> None:
    source = markdown(CASES["fell-back"]())
    assert "⚪\xa024.8" in source
    assert "❌\xa0" not in source
    items = [shown(token) for token in MARKDOWN.parse(source) if token.type == "inline"]
    assert "⚪ lite (script): The file could not be loaded and run: ValueError: basic_string::_M_create" in items


def test_several_problems_are_a_list() -> None:
    tokens = MARKDOWN.parse(markdown(CASES["refused"]()))
    items = [shown(tokens[n + 2]) for n, token in enumerate(tokens) if token.type == "list_item_open"]
    assert items == [
        "input trials: given 'x'; allowed: a whole number from 1 to 1000",
        "input modle: is unknown; did you mean 'model'?",
    ]


@pytest.mark.parametrize(
    ("of", "code", "remark"),
    [
        ("mismatch", 0, "The step does not fail, because `fail-on` is `never`."),
        ("passed", 5, "The step fails, because there are warnings and `fail-on` is `warning`."),
        ("passed", 0, ""),
        ("mismatch", 5, ""),
    ],
)
def test_an_unexpected_exit_code_is_explained(of: str, code: int, remark: str) -> None:
    given = replace(CASES[of](), exit_code=code)
    assert view_of(given).remark == remark
    assert ("The step " in markdown(given)) == bool(remark)


def test_all_good() -> None:
    assert view_of(report(model("a"), model("b"))).headline == "all 2 models are verified"


def test_nothing_could_start() -> None:
    reason = Reason(
        title="The worker could not be started: x", message="The worker could not be started: x", advice="y"
    )
    source = markdown(report(problems=[reason], exit_code=1))
    assert headings(source) == ["h2 ❌ ptmobile: the run did not start"]
    assert "💡 y" in source


# --- comparisons ------------------------------------------------------------------------------------------------------


def test_what_cannot_be_told_by_a_number() -> None:
    shape = Finding(kind="shape", output="out", trial=0, message="is [2], the reference [3]")
    differs = comparison("eager", "traced", 0.0, passed=False, outputs=(), findings=(shape,))
    endless = comparison("eager", "scripted", None, passed=False)
    square = square_of([differs, endless])
    assert square is not None
    assert square.rows == (("eager", ("❌\xa0structure", "❌\xa0not finite")),)
    assert pair_row(differs).outcome == "differs in structure"
    assert (pair_row(endless).outcome, pair_row(endless).max_abs) == ("7 of 3,000 values differ", "-")


def test_the_worst_output_is_the_one_that_is_shown() -> None:
    outputs = (
        OutputComparison(output="out[0]", equal=False, passed=True, values=values(1e-3, scale=1000.0)),
        OutputComparison(output="out[1]", equal=False, passed=True, values=values(1e-5, scale=0.1)),
    )
    pair = comparison("eager", "lite (script)", 1.0, outputs=outputs)
    assert pair_row(pair).pair == "eager → lite (script): out[1]"
    assert largest_difference(pair) == (1e-3, 1e-5 / 0.1)


def test_exactness_that_is_owed() -> None:
    pair = comparison("eager", "scripted", 1e-7, passed=False, owed="exact")
    assert pair_row(pair).tolerance == "none"


def test_a_difference_is_told_once_with_the_pairs_that_show_it() -> None:
    note = Finding(kind="container", output="out", message="is a tuple", fails=False)
    pairs = [
        comparison("eager", "traced", findings=(note,)),
        comparison("eager", "lite (trace)", 3.0, passed=False),
        comparison("scripted", "traced", findings=(note,)),
        comparison("eager", "scripted", 3.0, passed=False, decides=False),
    ]
    assert [(row.mark, row.text, row.pairs) for row in finding_rows(pairs)] == [
        ("❌", "out differs by up to 3.0 (input 1)", ("eager → lite (trace)",)),
        ("⚪", "out differs by up to 3.0 (input 1)", ("eager → scripted",)),
        ("💬", "out is a tuple", ("eager → traced", "scripted → traced")),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (0.5, "0.5"),
        (1.234e-7, "1.23e-7"),
        (1e-20, "1e-20"),
        (1.5e12, "1.5e12"),
        (24.83, "24.8"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (2_400_000_000, "2.40 GB"),
    ],
)
def test_sizes(given: int, text: str) -> None:
    assert size(given).replace("\xa0", " ") == text


def test_counts_and_times() -> None:
    assert (count(1, "model"), count(2500, "model")) == ("1 model", "2,500 models")
    assert seconds(1.236) == "1.24\xa0s"


# --- what models say --------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(HOSTILE)
def test_no_problem_of_a_specification_changes_the_structure(text: str) -> None:
    line = text.replace("\n", " ").replace("\r", " ").replace("\u2028", " ")
    given = [Reason(title="x" + text, message=f"x{text}\n  - y{line}\n  - z{line}", advice="a" + text)]
    source = markdown(report(problems=given, exit_code=2))
    assert {t.type for t in MARKDOWN.parse(source)} <= {
        *("heading_open", "heading_close", "inline", "paragraph_open", "paragraph_close", "fence"),
        *("bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"),
    }


# --- how large it gets ------------------------------------------------------------------------------------------------


def test_more_models_than_a_summary_holds(tmp_path: Path) -> None:
    count = 2 * MAX_ROWS
    failed = CASES["load-failure"]().models[0]
    models = [model(f"net{n}") for n in range(count)]
    models[count - 100] = replace(failed, spec=replace(failed.spec, name="bad"))
    blocks = summary_blocks(report(*models))
    summary = tmp_path / "summary"
    summary.touch()
    written = append_summary(summary, blocks, full_report="ptmobile-report/report.json")
    text = summary.read_text(encoding="utf-8")
    assert summary_accepted(summary.read_bytes())
    assert SUMMARY_LIMIT // 2 < len(text.encode()) <= SUMMARY_LIMIT
    assert written.left_out > count // 2
    assert text.startswith(f"## ❌ ptmobile: 1 of {count} models failed\n")
    assert headings(text)[1] == "h3 ❌ bad"
    overview = cells(text)[0]
    assert overview[1][1] == "bad"
    assert len(overview) == 1 + MAX_ROWS + 1
    assert overview[-1][1] == f"{count - MAX_ROWS:,} more in report.json"
    assert "parts of this summary are left out: GitHub takes 1 MiB." in text
    assert text.endswith("ptmobile-report/report.json\n")


def test_a_model_that_says_much_leaves_room_for_others() -> None:
    long = "x" * 19_000
    lines = "\n".join(f"line {n}" for n in range(3000))
    finding = Finding(kind="value", output="o" * 300, message=long)
    found = result(
        comparisons=tuple(
            comparison("eager", f"variant {n}", 1.0, passed=False, findings=(replace(finding, trial=n),) * 20)
            for n in range(200)
        ),
        notices=(Notice(level="notice", code="n", message=long),) * 100,
        outputs=result().outputs * 1000,
        trials=result().trials * 1000,
        choice=long,
        failure=None,
    )
    big = model(found=found, file=shipped(operators=[f"aten::{n}{'x' * 900}" for n in range(3000)]))
    reasons = (Reason(title="t" * 300, message=lines, advice=long),)
    big = replace(big, verdict=replace(big.verdict, status="failed", code=5, reasons=reasons))
    _, block, _ = summary_blocks(report(big))
    assert len(block.encode()) < 250_000
    assert "… and 2940 more" in block
    assert "more in report.json" in block


# --- report.json ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_the_report_fits_its_schema(name: str) -> None:
    data = to_json(CASES[name]())
    jsonschema.Draft202012Validator.check_schema(report_schema())
    jsonschema.validate(json.loads(data), report_schema(), jsonschema.Draft202012Validator)
    assert msgspec.json.decode(data, type=Report) == CASES[name]()
    assert data.endswith(b"}\n")


def test_a_later_report_with_more_fields_still_fits() -> None:
    data = json.loads(to_json(passed()))
    data["new"] = data["models"][0]["new"] = data["models"][0]["result"]["new"] = 1
    jsonschema.validate(data, report_schema(), jsonschema.Draft202012Validator)


def test_a_report_without_what_is_due_does_not_fit() -> None:
    data = json.loads(to_json(passed()))
    del data["models"][0]["verdict"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, report_schema(), jsonschema.Draft202012Validator)


# --- outputs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_every_output_is_there_each_time(name: str) -> None:
    outputs = outputs_of(CASES[name](), "out/report.json")
    assert list(outputs) == list(OUTPUTS)
    for key, value in outputs.items():
        assert entry(key, value, random_delimiter())
    everything = json.loads(str(outputs["json"]))
    assert everything["verdict"] == outputs["verdict"]
    assert "\n" not in str(outputs["json"])


def test_outputs_of_one_model_that_passed() -> None:
    outputs = outputs_of(passed(), "out/report.json")
    del outputs["json"]
    assert outputs == {
        "model-path": "ptmobile-report/net.ptl",
        "edition-paths": "",
        "report-path": "out/report.json",
        "sha256": "335050e3d63d1da42e55feffd9b0b43cf7fde3cf1038a7f8e5f3a93736f84103",
        "size-bytes": 10150097,
        "bytecode-version": 8,
        "equivalent": True,
        "max-abs-diff": "7.6e-06",
        "runtime-compatible": "",
        "device-verified": False,
        "artifact-id": "",
        "artifact-url": "",
        "artifact-digest": "",
        "verdict": "passed",
        "matrix": "",
    }


@pytest.mark.parametrize("name", ["mismatch", "load-failure", "crash", "refused"])
def test_outputs_without_a_verified_file(name: str) -> None:
    outputs = outputs_of(CASES[name](), "out/report.json")
    assert [outputs[key] for key in ("model-path", "sha256", "size-bytes", "bytecode-version")] == [""] * 4
    assert (outputs["equivalent"], outputs["verdict"]) == (False, "failed")
    assert outputs["max-abs-diff"] == ("24.8" if name == "mismatch" else "")


def test_outputs_of_many_models() -> None:
    outputs = outputs_of(CASES["many"](), "out/report.json")
    assert outputs["model-path"] == "ptmobile-report/first.ptl\nptmobile-report/third.ptl"
    assert outputs["sha256"] == ""
    assert outputs["equivalent"] is False
    entries = json.loads(str(outputs["json"]))["models"]
    assert [(e["name"], e["verdict"], e["code"]) for e in entries] == [
        ("first", "passed", 0),
        ("net", "failed", 3),
        ("third", "passed", 0),
    ]
    assert entries[0]["sha256"] == entries[2]["sha256"] != entries[1]["sha256"]
    assert entries[1]["reasons"] == ["The model could not be loaded"]


def test_an_unfinished_run_proves_nothing_about_the_models_that_are_missing() -> None:
    outputs = outputs_of(CASES["interrupted"](), "out/report.json")
    assert outputs["equivalent"] is False
    assert outputs["verdict"] == "failed"


def test_descriptions_of_outputs() -> None:
    for name, text in OUTPUTS.items():
        assert text.endswith("."), name
        assert re.fullmatch(r"[a-z][a-z0-9-]*", name)


def test_a_model_report_is_what_the_cases_are_made_of() -> None:
    assert all(isinstance(m, ModelReport) for case in CASES.values() for m in case().models)
