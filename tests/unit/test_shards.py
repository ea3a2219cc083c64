"""Many models over several jobs: the plan, and the one report of all of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from report_support import interrupted, load_failure, model, passed, refused, report, shipped

from ptmobile.baseline.model import BaselineSource
from ptmobile.report.model import ModelReport, Reason, Report, Source, to_json
from ptmobile.report.summary import summary_blocks
from ptmobile.shards.collecting import collect
from ptmobile.shards.jobs import Plan, merged_report, plan_summary
from ptmobile.shards.planning import Shard, matrix_json, parse_matrix, plan_shards
from ptmobile.spec import RunSpec

SOURCE = Source(repository="o/r", sha="1" * 40)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
# Seconds by name, where they are known.
COSTS = st.dictionaries(NAMES, st.none() | st.floats(0, 1000), min_size=1, max_size=30)

# --- the plan ---------------------------------------------------------------------------------------------------------


@given(COSTS, st.integers(1, 256))
def test_every_model_is_in_one_shard_and_no_shard_is_empty(costs: dict[str, float | None], count: int) -> None:
    names = list(costs)
    seconds = {name: cost for name, cost in costs.items() if cost is not None}
    shards = plan_shards(names, seconds, count)
    assert len(shards) == min(count, len(names))
    assert [shard.number for shard in shards] == list(range(1, len(shards) + 1))
    assert sorted(name for shard in shards for name in shard.models) == sorted(names)
    for shard in shards:
        assert shard.models
        assert sorted(shard.models, key=names.index) == list(shard.models)
    assert plan_shards(names, seconds, count) == shards
    read = parse_matrix(matrix_json(shards))
    assert [(shard.number, shard.models) for shard in read] == [(shard.number, shard.models) for shard in shards]


def test_without_times_the_numbers_are_balanced() -> None:
    shards = plan_shards([f"m{n}" for n in range(10)], {}, 3)
    assert sorted(len(shard.models) for shard in shards) == [3, 3, 4]
    assert {shard.seconds for shard in shards} == {None}


def test_with_times_the_shards_take_about_the_same() -> None:
    seconds = {"a": 60.0, "b": 10.0, "c": 20.0, "d": 30.0, "e": 1.0}
    shards = plan_shards(list("abcde"), seconds, 2)
    assert [(shard.models, shard.seconds) for shard in shards] == [(("a", "e"), 61.0), (("b", "c", "d"), 60.0)]


def test_a_model_without_a_time_counts_as_the_median() -> None:
    seconds = {"a": 100.0, "b": 4.0, "c": 2.0}
    shards = plan_shards(["a", "b", "c", "new"], seconds, 2)
    assert [(shard.models, shard.seconds) for shard in shards] == [(("a",), 100.0), (("b", "c", "new"), 10.0)]


def test_the_matrix() -> None:
    shards = (Shard(1, ("a", "b"), 2.5), Shard(2, ("c",)))
    assert matrix_json(shards) == (
        '{"include":[{"shard":1,"of":2,"models":"a,b","seconds":2.5},{"shard":2,"of":2,"models":"c"}]}'
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "truncated"),
        ("{}", "missing required field `include`"),
        ('{"include": []}', "no shards"),
        ('{"include": [{"shard": 1, "models": ""}]}', "a shard without models"),
        ('{"include": [{"shard": 0, "models": "a"}]}', ">= 1"),
        ('{"include": [{"shard": 1, "models": "a,b"}, {"shard": 2, "models": "b"}]}', "twice"),
        ('{"include": [{"shard": 1, "models": "a"}, {"shard": 1, "models": "b"}]}', "twice"),
        ('{"include": [{"shard": 1, "models": "a b;rm"}]}', "no model can have"),
        ('{"include": [{"shard": 1, "models": ["a"]}]}', "Expected `str`"),
        ('{"include": "%s"}' % ("x" * 2**20), "too long"),
    ],
)
def test_what_is_no_matrix(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_matrix(text)


def test_the_plan_for_people() -> None:
    text = plan_summary(Plan((Shard(1, ("a", "b"), 2.5), Shard(2, ("c",)))))
    assert "## ptmobile: 3 models in 2 jobs" in text
    assert "| 1 | 2.50\xa0s | `a`, `b` |" in text
    assert "| 2 | - | `c` |" in text


# --- the merge --------------------------------------------------------------------------------------------------------


def sealed(name: str, data: bytes, **fields: Any) -> ModelReport:
    """A model whose file has these bytes."""
    file = shipped(name, **fields)
    content = replace(file.content, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
    return model(name, file=replace(file, content=content))


def leave(root: Path, place: str, *models: ModelReport, **fields: Any) -> None:
    """The report of a shard, as an artifact leaves it."""
    of = replace(report(*models), source=SOURCE)
    put(root, place, to_json(replace(of, **fields)))


def put(root: Path, place: str, data: bytes) -> None:
    (root / "shards" / place).mkdir(parents=True, exist_ok=True)
    (root / "shards" / place / "report.json").write_bytes(data)


def merged(root: Path, *planned: str, fail_on: Any = "failure", source: Source = SOURCE) -> Report:
    """What the merge of the shards gives; each text of ``planned`` names the models of a shard."""
    matrix = matrix_json([Shard(number, tuple(names.split(","))) for number, names in enumerate(planned, 1)])
    spec = RunSpec(models=(), mode="merge", reports="shards", matrix=matrix if planned else "", fail_on=fail_on)
    return merged_report(spec, root, source, "2026-01-01T00:00:00+00:00")


def titles(of: Report) -> list[str]:
    return [problem.title for problem in of.problems]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "shards").mkdir()
    return tmp_path


def test_all_is_there(root: Path) -> None:
    leave(root, "shard-2", model("b"), model("d"))
    leave(root, "shard-1", model("a"), model("c"))
    of = merged(root, "a,c", "b,d")
    assert (of.verdict, of.exit_code, of.problems) == ("passed", 0, ())
    assert [m.spec.name for m in of.models] == ["a", "c", "b", "d"]
    assert of.merged is not None
    assert of.merged.reports == ("shards/shard-1/report.json", "shards/shard-2/report.json")
    assert of.merged.planned == 4
    assert "Merged from 2 reports: 4 of 4 planned models." in summary_blocks(of)[0]


def test_a_model_that_failed_gives_the_exit_code(root: Path) -> None:
    leave(root, "1", model("a"))
    leave(root, "2", *load_failure().models)
    assert (merged(root, "a", "net").exit_code, merged(root, "a", "net").verdict) == (3, "failed")
    assert merged(root, "a", "net", fail_on="never").exit_code == 0
    assert merged(root, "a", "net", "lost").exit_code == 3
    assert merged(root, "a", "net", "lost", fail_on="never").exit_code == 8


def test_warnings_fail_a_merge_that_asks_for_it(root: Path) -> None:
    leave(root, "1", *passed().models)
    assert merged(root, "net").exit_code == 0
    assert merged(root, "net", fail_on="warning").exit_code == 5


def test_what_is_missing_is_named_and_the_rest_is_merged(root: Path) -> None:
    leave(root, "1", model("a"))
    of = merged(root, "a,b", "c,d")
    assert titles(of) == ["Shard 1 is not complete", "Shard 2 has left no report"]
    assert "Nothing is known of c, d." in of.problems[1].message
    assert (of.verdict, of.exit_code, len(of.models)) == ("failed", 8, 1)
    assert "the reports are not complete: 1 model merged, 0 failed" in summary_blocks(of)[0]


def test_without_a_matrix_it_is_said_that_nothing_is_known_of_missing_ones(root: Path) -> None:
    leave(root, "1", model("a"))
    of = merged(root)
    assert (of.verdict, of.exit_code) == ("passed", 0)
    assert "it is not known whether a model is missing" in summary_blocks(of)[0]


def test_nothing_to_merge(root: Path) -> None:
    of = merged(root, "a")
    assert titles(of) == ["There is nothing to merge", "Shard 1 has left no report"]
    assert of.exit_code == 8
    assert titles(merged(root)) == ["There is nothing to merge"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not a report.json of ptmobile"),
        (to_json(passed())[:-100], "is not a report.json of ptmobile"),
        (b'{"schema_version": 1, "tool": {"name": "other"}}', "of another tool"),
        (b'{"schema_version": 7, "tool": {"name": "ptmobile-action"}}', "schema version is 7"),
        (b'{"schema_version": 1, "tool": {"name": "ptmobile-action"}}', "damaged, or not of this version"),
        (to_json(passed()).replace(b'"passed": true', b'"passed": "yes"'), "damaged, or not of this version"),
    ],
)
def test_damaged_reports_cost_no_other(root: Path, data: bytes, said: str) -> None:
    leave(root, "1", model("a"))
    put(root, "2", data)
    of = merged(root, "a", "b")
    assert titles(of) == ["A report cannot be merged", "Shard 2 has left no report"]
    assert said in of.problems[0].message
    assert of.problems[0].message.startswith("shards/2/report.json: ")
    assert [m.spec.name for m in of.models] == ["a"]


def test_twice_not_planned_and_of_another_commit(root: Path) -> None:
    leave(root, "1", model("a"))
    leave(root, "2", replace(model("a"), result=replace(model("a").result, seconds=99.0)), model("other"))
    leave(root, "3", model("b"), source=Source(repository="o/r", sha="2" * 40))
    of = merged(root, "a", "b")
    assert titles(of) == [
        "A report is of another commit",
        "A model is there twice",
        "A model was not planned",
        "Shard 2 has left no report",
    ]
    assert [(m.spec.name, m.result.seconds) for m in of.models] == [("a", 2.5)]


def test_reports_of_no_job_are_merged_with_each_other(root: Path) -> None:
    leave(root, "1", model("a"), source=Source())
    leave(root, "2", model("b"), source=Source())
    assert merged(root, "a", "b", source=Source()).problems == ()
    assert titles(merged(root, "a", "b"))[:2] == ["A report is of another commit"] * 2


@pytest.mark.parametrize(("of", "code"), [(interrupted(), 130), (refused(), 2)])
def test_a_job_that_did_not_finish(root: Path, of: Report, code: int) -> None:
    put(root, "1", to_json(replace(of, source=SOURCE)))
    got = merged(root, "first", "b")
    assert got.exit_code == code
    assert titles(got)[0].startswith("A shard did not finish: ")
    assert "Shard 2 has left no report" in titles(got)


def test_files_are_found_where_they_are_now(root: Path) -> None:
    leave(root, "1", sealed("a", b"A"), sealed("b", b"B", path="build/b.ptl"), sealed("c", b"C"))
    (root / "shards/1/a.ptl").write_bytes(b"A")
    (root / "shards/1/build").mkdir()
    (root / "shards/1/build/b.ptl").write_bytes(b"B")
    of = merged(root, "a,b,c")
    assert of.problems == ()
    assert [m.file.path for m in of.models if m.file] == [
        "shards/1/a.ptl",
        "shards/1/build/b.ptl",
        "ptmobile-report/c.ptl",  # was not uploaded
    ]


def test_an_artifact_with_folders(root: Path) -> None:
    """Several paths in one artifact keep their folders."""
    leave(root, "1/ptmobile-report", sealed("a", b"A", path="build/a.ptl"))
    (root / "shards/1/build").mkdir()
    (root / "shards/1/build/a.ptl").write_bytes(b"A")
    assert [m.file.path for m in merged(root, "a").models if m.file] == ["shards/1/build/a.ptl"]


def test_a_file_with_other_bytes_is_not_taken(root: Path) -> None:
    leave(root, "1", sealed("a", b"A"))
    (root / "shards/1/a.ptl").write_bytes(b"evil")
    of = merged(root, "a")
    assert titles(of) == ["A file is not the one that its report is about"]
    assert "shards/1/a.ptl has another SHA-256 than shards/1 says" in of.problems[0].message
    assert of.exit_code == 8


@pytest.mark.parametrize("path", ["../../secret.ptl", "/etc/hostname", "x/../../../secret.ptl"])
def test_paths_of_a_report_lead_nowhere_else(root: Path, path: str) -> None:
    leave(root, "1", sealed("a", b"S", path=path))
    (root / "secret.ptl").write_bytes(b"S")
    (root.parent / "secret.ptl").write_bytes(b"S")
    assert [m.file.path for m in merged(root, "a").models if m.file] == [path]


def test_links_are_not_followed(root: Path) -> None:
    (root / "outside").mkdir()
    put(root, "../outside", to_json(replace(report(model("b")), source=SOURCE)))
    (root / "shards/link").symlink_to(root / "outside")
    leave(root, "1", sealed("a", b"A"))
    (root / "outside/a.ptl").write_bytes(b"A")
    (root / "shards/1/a.ptl").symlink_to(root / "outside/a.ptl")
    of = merged(root, "a")
    assert of.problems == ()
    assert [m.file.path for m in of.models if m.file] == ["ptmobile-report/a.ptl"]


def test_our_own_report_is_not_among_those_that_are_merged(root: Path) -> None:
    leave(root, "1", model("a"))
    leave(root, "merged", model("a"))
    assert [found.path for found in collect("shards", root, "shards/merged").found] == ["shards/1/report.json"]


def test_a_baseline_of_the_shards(root: Path) -> None:
    page = "https://github.com/owner/name/actions/runs/5"
    good = BaselineSource(given="artifact:net-report@main", created="then", run_url=page, gone=("b", "c", "old"))
    bad = BaselineSource(given="artifact:net-report@main", problem="It is gone.")
    leave(root, "1", model("a"), baseline=good)
    leave(root, "2", model("b"), baseline=replace(good, gone=("a", "c", "old")))
    assert merged(root, "a", "b", "c").baseline == replace(good, gone=("old",)), "c was planned, and left no report"
    leave(root, "2", model("b"), baseline=bad)
    assert merged(root, "a", "b").baseline == bad


def test_hostile_texts_in_reports_do_nothing(root: Path) -> None:
    evil = "</details><script>alert(1)</script>|@user"
    a = model("a")
    leave(root, "1", replace(a, spec=replace(a.spec, name=evil)))
    assert titles(merged(root, "a"))[0] == "A report cannot be merged", "no model can have such a name"
    leave(root, "<b>@user", a, problems=(Reason(title=evil, message=evil, advice=evil),))
    shown = "\n".join(summary_blocks(merged(root, "a")))
    assert shown.count("alert(1)") >= 3
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "@user" not in shown


def test_a_merged_report_can_be_read_again(root: Path) -> None:
    leave(root, "1", model("a"))
    of = merged(root, "a")
    put(root, "../again", to_json(of))
    (again,) = collect("again", root, "none").found
    assert again.report == of
    assert json.loads(to_json(of))["merged"]["planned"] == 1
