"""An earlier report as a baseline: what is read of it, what is refused, and what differs from it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from report_support import CASES, comparison, model, report, result, road, shipped

from ptmobile.baseline.comparing import differences, gone, measures_of
from ptmobile.baseline.finding import find_baseline
from ptmobile.baseline.model import Baseline
from ptmobile.baseline.reading import read_baseline
from ptmobile.report.differences import baseline_lines, difference_views, growth
from ptmobile.report.model import ModelReport, Report, ShippedFile, Source, to_json
from ptmobile.report.reading import MAX_BYTES, ReportError
from ptmobile.report.summary import summary_blocks
from ptmobile.result import Timing
from ptmobile.spec.baseline_reference import ArtifactReference


def sized(size: int, **fields: Any) -> ShippedFile:
    """A file of so many bytes; a size has its own SHA-256."""
    file = shipped(**fields)
    return replace(file, content=replace(file.content, size_bytes=size, sha256=f"{size:064x}"))


def baseline_of(of: Report) -> Baseline:
    return read_baseline(to_json(of), "base.json")


def no_artifact(wanted: ArtifactReference) -> Baseline:
    raise AssertionError(f"a file was given, not {wanted}")


def compared(now: ModelReport, before: ModelReport) -> ModelReport:
    baseline = baseline_of(report(before))
    return replace(now, differences=differences(now.spec.name, now.files, now.result, baseline))


@pytest.mark.parametrize("case", sorted(set(CASES) - {"refused"}))
def test_what_is_read_is_what_this_version_measures(case: str) -> None:
    """The reader knows only parts of a report; for every kind of report they give the same as the whole."""
    of = CASES[case]()
    read = baseline_of(of)
    assert set(read.models) == {m.spec.name for m in of.models}
    for m in of.models:
        known = read.models[m.spec.name]
        assert known.files == {f.edition: measures_of(f, m.result) for f in m.files if f.verified}
        assert known.seconds == m.result.seconds


def test_the_error_is_that_of_the_worst_output_and_unknown_where_one_is_not_finite() -> None:
    pairs = road("script", 0.5)
    outputs = pairs[3].outputs
    more = replace(pairs[3], outputs=(*outputs, *comparison("a", "b", 3.0).outputs))
    assert pairs[3].candidate == "lite (script)"
    (two,) = baseline_of(report(model(found=result(comparisons=(more,))))).models.values()
    assert (two.files[""].max_abs, two.files[""].relative) == (3.0, 3.0 / 20.0)
    unknown = replace(more, outputs=(*outputs, *comparison("a", "b", None).outputs))
    (one,) = baseline_of(report(model(found=result(comparisons=(unknown,))))).models.values()
    assert one.files[""].max_abs is None


def test_fields_that_came_later_may_be_missing_and_unknown_ones_are_passed_over() -> None:
    document = json.loads(to_json(CASES["passed"]()))
    for name in ("source", "problems", "baseline", "config"):
        del document[name]
    for name in ("editions", "differences"):
        del document["models"][0][name]
    document["later"] = {"x": 1}
    document["models"][0]["result"]["later"] = [1]
    document["models"][0]["file"]["content"]["later"] = None
    assert read_baseline(json.dumps(document).encode(), "b") == replaced_source(CASES["passed"]())


def replaced_source(of: Report) -> Baseline:
    read = read_baseline(to_json(of), "b")
    return Baseline(replace(read.source, repository="", sha=""), read.models)


def broken(**fields: Any) -> bytes:
    return json.dumps({**json.loads(to_json(CASES["passed"]())), **fields}).encode()


def damaged_content(**fields: Any) -> bytes:
    document = json.loads(to_json(CASES["passed"]()))
    document["models"][0]["file"]["content"].update(fields)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a report.json of ptmobile"),
        (b"\xff\xfe", "not a report.json of ptmobile"),
        (b"[" * 100_000, "not a report.json of ptmobile"),
        (b'{"models": []}', "missing required field `schema_version`"),
        (broken(tool={"name": "other"}), "another tool"),
        (broken(schema_version=99), "Its schema version is 99"),
        (broken(schema_version=0), "Its schema version is 0"),
        (broken(models=[]), "has no models"),
        (broken(models=3), "Expected `array`"),
        (broken(models=json.loads(to_json(CASES["passed"]()))["models"] * 2), "two models of one name"),
        (damaged_content(size_bytes=-1), ">= 0"),
        (damaged_content(size_bytes="12"), "Expected `int`"),
        (damaged_content(sha256="x" * 64), "regex"),
        (damaged_content(operators=["a" * 301]), "length <= 300"),
        (damaged_content(operators=["a"] * 5001), "length <= 5000"),
    ],
)
def test_what_is_no_report_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ReportError) as caught:
        read_baseline(data, "base.json")
    assert said in caught.value.message
    assert len(caught.value.message) < 500


def test_the_size_of_a_file_is_limited(tmp_path: Path) -> None:
    with (tmp_path / "base.json").open("wb") as stream:
        stream.truncate(MAX_BYTES + 10)
    assert "larger than 67,108,864 bytes" in find_baseline("base.json", tmp_path, no_artifact).source.problem


def test_a_file_in_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "base.json").write_bytes(
        to_json(replace(CASES["passed"](), source=Source(repository="o/r", sha="1" * 40)))
    )
    found = find_baseline("base.json", tmp_path, no_artifact)
    assert found.usable
    assert (found.source.repository, found.source.sha) == ("o/r", "1" * 40)


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "no report"])
def test_a_baseline_that_cannot_be_had_says_why(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "base.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "no report":
        path.write_text("{}")
    found = find_baseline("base.json", tmp_path, no_artifact)
    assert not found.usable
    assert not found.models
    assert found.source.problem.startswith("The baseline base.json cannot be used. It ")


def test_models_are_compared_by_name_and_files_by_edition() -> None:
    old = replace(
        model("a", file=sized(1000)), editions=(sized(500, edition="bytecode 5"), sized(7, edition="x", verified=False))
    )
    new = replace(model("a", file=sized(1100)), editions=(sized(600, edition="bytecode 5"), sized(9, edition="x")))
    found = differences("a", new.files, new.result, baseline_of(report(old, model("b"))))
    assert [(d.edition, d.before.size_bytes, d.now.size_bytes) for d in found] == [
        ("", 1000, 1100),
        ("bytecode 5", 500, 600),
    ]
    assert differences("c", new.files, new.result, baseline_of(report(old))) == ()
    assert gone(baseline_of(report(old, model("b"))), ["a"]) == ("b",)


def test_what_differs_is_shown() -> None:
    before = model(
        "a",
        found=result(comparisons=tuple(road("script", 1e-6))),
        file=sized(1_000_000, operators=("aten::a", "aten::b")),
    )
    now = model(
        "a",
        found=result(comparisons=tuple(road("script", 2e-6))),
        file=sized(1_012_345, operators=("aten::b", "aten::c")),
    )
    changed = compared(now, before)
    (view,) = difference_views(changed)
    assert [(row.what, row.before, row.now, row.change) for row in view.rows] == [
        ("Size", "1.0\xa0MB", "1.0\xa0MB", "+1.23\xa0%, +12.3\xa0kB"),
        ("Largest difference", "1e-6", "2e-6", "2 times"),
        ("Of the output", "5e-8", "1e-7", "2 times"),
        ("Bytecode version", "8", "8", ""),
        ("Operators", "2", "2", "1 new, 1 gone"),
    ]
    assert view.notes == ("New: aten::c.", "Gone: aten::a.")
    assert growth(changed) == "+1.23\xa0%"
    back = compared(before, now)
    assert growth(back) == "\N{MINUS SIGN}1.22\xa0%"
    summary = "\n".join(summary_blocks(report(changed)))
    assert "| Size | 1.0\xa0MB | 1.0\xa0MB | +1.23\xa0%, +12.3\xa0kB |" in summary
    assert "1.0\xa0MB (+1.23\xa0%)" in summary


def test_latency_is_read_and_shown() -> None:
    def timed(ratio: float, size: int) -> ModelReport:
        return model("a", found=result(timing=Timing(latencies=(), trial=0, ratio=ratio)), file=sized(size))

    (view,) = difference_views(compared(timed(1.2, 10), timed(0.8, 20)))
    assert [(r.before, r.now, r.change) for r in view.rows if r.what.startswith("Latency")] == [
        ("0.8", "1.2", "1.5 times")
    ]


def test_the_same_bytes_are_said_in_a_line() -> None:
    same = compared(model("a"), model("a"))
    (view,) = difference_views(same)
    assert (view.rows, view.notes) == ((), ("The same bytes as in the baseline.",))
    assert growth(same) == "same file"
    assert growth(model("a")) == ""


def test_the_baseline_as_a_whole() -> None:
    source = replace(baseline_of(report(model("a"))).source, sha="ab" * 20, gone=("z",))
    lines = baseline_lines(replace(report(model("new")), baseline=source))
    assert lines == (
        "Compared with base.json of 2024-05-06T07:08:09+00:00, commit abababababab.",
        "Without a verified file in the baseline: new.",
        "Only in the baseline: z.",
    )
    assert baseline_lines(report(model("a"))) == ()


def test_hostile_texts_of_a_baseline_do_nothing() -> None:
    """Names of models and operators, times and commits come from whoever could write the file."""
    evil = "</details><script>alert(1)</script>|`@user #1\n::error::x"
    now = model("a", file=sized(2000, operators=("aten::a",)))
    before = replace(model("a", file=sized(1000, operators=(evil,))))
    other = replace(model("b"), spec=replace(before.spec, name=evil))
    of = replace(report(before, other), created=evil, source=Source(sha=evil, repository=evil))
    baseline = baseline_of(of)
    changed = replace(now, differences=differences("a", now.files, now.result, baseline))
    shown = "\n".join(
        summary_blocks(replace(report(changed), baseline=replace(baseline.source, gone=gone(baseline, ["a"]))))
    )
    assert "<script" not in shown
    assert "@user" not in shown
    assert "\n::" not in shown
    assert "alert(1)" in shown
