"""The comment in the pull request through the whole action, against a strict API."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from artifact_http import Fault, empty, lost, refuses, reset
from comment_api import LIMIT, TOKEN, CommentApi
from markdown_it import MarkdownIt
from msgspec.structs import replace
from played_runs import played

from ptmobile import action, session
from ptmobile.baseline.model import BaselineSource
from ptmobile.github.artifact import Patience
from ptmobile.github.comment import COMMENT_LIMIT
from ptmobile.local.workflow_commands import parse_commands
from ptmobile.pipeline import Run
from ptmobile.report.comment import Origin, comment_body
from ptmobile.report.escape import markdown_text
from ptmobile.report.model import PublishedArtifact, Reason, Report, to_json
from ptmobile.spec.conversion import ConversionSpec, RunSpec

SHA, OLDER = "0123456789abcdef0123456789abcdef01234567", "f" * 40
HOSTILE = (
    "<img src=x onerror=alert(1)> @everyone #1 [click](https://evil.example) ![i](https://evil.example/p.png) `x` | a\n"
    "</details><!-- --> https://evil.example www.evil.example"
)


@pytest.fixture
def api() -> Iterator[CommentApi]:
    with CommentApi() as server:
        yield server
    assert not server.violations


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patience, "wait", lambda *_: 0.0)
    monkeypatch.setattr(session, "run_models", played)


class Job:
    """A step in a job for a pull request; `run` gives the exit code."""

    def __init__(self, folder: Path, api: CommentApi, event: str = "pull_request") -> None:
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.event = folder / "event.json"
        self.log = ""
        self.environ = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_API_URL": api.address,
            "GITHUB_REPOSITORY": "owner/models",
            "GITHUB_RUN_ID": "77",
            "GITHUB_WORKFLOW": "Check",
            "GITHUB_JOB": "model",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(self.event),
            "INPUT_GITHUB-TOKEN": TOKEN,
            "INPUT_UPLOAD": "off",
        }
        self.happens({"pull_request": {"number": 7, "head": {"sha": SHA}}} if event == "pull_request" else {})

    def happens(self, event: dict[str, Any]) -> None:
        self.event.write_text(json.dumps(event))

    def run(self, **inputs: str) -> int:
        given = {"INPUT_MODEL": "torchvision:alexnet", "INPUT_COMMENT": "always"}
        given |= {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in inputs.items()}
        stream = io.StringIO()
        code = action.main({**self.environ, **{k: v for k, v in given.items() if v}}, stream)
        self.log = stream.getvalue()
        assert "Traceback" not in self.log
        masked = [line for line in self.log.splitlines() if not line.startswith("::add-mask::")]
        assert TOKEN not in "".join(masked)
        return code

    def annotations(self, level: str) -> list[str]:
        return [command.data for command in parse_commands(self.log) if command.name == level]


def test_one_comment_that_is_kept_up_to_date(api: CommentApi, tmp_path: Path) -> None:
    api.add(7, "Looks good to me", author_association="OWNER")
    job = Job(tmp_path, api)
    assert job.run() == 0
    (body,) = api.ours()
    assert "### ✅ ptmobile: alexnet is verified" in body
    assert "[the run](https://github.com/owner/models/actions/runs/77) of `0123456789`" in body
    assert "Comment in pull request 7: created" in job.log
    job.environ["GITHUB_RUN_ID"] = "78"
    assert job.run() == 0
    (body,) = api.ours()
    assert "/actions/runs/78)" in body
    assert [request.kind for request in api.requests] == ["GET", "POST", "GET", "PATCH"]
    assert job.run() == 0
    assert [request.kind for request in api.requests][4:] == ["GET"], "nothing is written where nothing changes"


def test_it_is_found_on_a_later_page(api: CommentApi, tmp_path: Path) -> None:
    job = Job(tmp_path, api)
    assert job.run(comment_id="net") == 0
    (ours,) = api.comments.pop(7)
    for number in range(250):
        api.add(7, f"comment {number}")
    api.comments[7].insert(230, ours)
    job.environ["GITHUB_RUN_ID"] = "78"
    assert job.run(comment_id="net") == 0
    assert len(api.ours()) == 1
    pages = [request.target.rpartition("page=")[2] for request in api.requests[2:]]
    assert pages[:3] == ["1", "2", "3"]


def test_several_comments_in_one_pull_request(api: CommentApi, tmp_path: Path) -> None:
    job = Job(tmp_path, api)
    for inputs in ({}, {"model": "torchvision:vgg11"}, {"comment_id": "one"}, {"comment_id": "two"}, {}):
        assert job.run(**inputs) == 0
    job.environ["GITHUB_JOB"] = "another"
    assert job.run() == 0
    assert len(api.ours()) == 5


def test_a_stranger_who_copies_the_mark_keeps_his_comment(api: CommentApi, tmp_path: Path) -> None:
    job = Job(tmp_path, api)
    assert job.run() == 0
    (ours,) = api.comments[7]
    stranger = {"user": {"type": "User"}, "author_association": "CONTRIBUTOR"}
    api.comments[7] = []
    theirs = api.add(7, ours["body"] + "mine", **stranger)
    before = theirs["body"]
    assert job.run() == 0
    assert theirs["body"] == before
    assert len(api.comments[7]) == 2


def failing(spec: RunSpec, run: Run) -> Report:
    report = played(spec, run)
    verdict = replace(report.models[0].verdict, status="failed", code=5, title="alexnet differs")
    models = (replace(report.models[0], verdict=verdict, file=None),)
    return replace(report, models=models, verdict="failed", exit_code=5)


def test_failures_begin_it_and_a_later_success_ends_the_alarm(
    api: CommentApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(tmp_path, api)
    assert job.run(comment="failures") == 0
    assert api.ours() == []
    with monkeypatch.context() as patch:
        patch.setattr(session, "run_models", failing)
        assert job.run(comment="failures") == 5
    assert "❌" in api.ours()[0]
    assert job.run(comment="failures") == 0
    (body,) = api.ours()
    assert "### ✅" in body


def test_changes_leave_it_alone_while_the_result_is_the_same(
    api: CommentApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(tmp_path, api)
    assert job.run(comment="changes") == 0
    (before,) = api.ours()
    job.environ["GITHUB_RUN_ID"] = "78"
    assert job.run(comment="changes") == 0
    assert api.ours() == [before]
    assert "Comment in pull request 7: unchanged" in job.log
    monkeypatch.setattr(session, "run_models", failing)
    assert job.run(comment="changes") == 5
    assert api.ours() != [before]


def test_a_token_that_may_not_write_is_a_notice(api: CommentApi, tmp_path: Path) -> None:
    api.may_write = False
    job = Job(tmp_path, api)
    assert job.run() == 0
    (message,) = job.annotations("notice")
    assert "Resource not accessible by integration (HTTP 403)" in message
    assert "pull-requests: write" in message
    assert "mode: comment" in message
    assert job.annotations("warning") == []


def test_no_token_and_no_pull_request(api: CommentApi, tmp_path: Path) -> None:
    job = Job(tmp_path, api)
    del job.environ["INPUT_GITHUB-TOKEN"]
    assert job.run() == 0
    assert "Give the input github-token the value of github.token" in job.annotations("notice")[0]
    job.environ |= {"INPUT_GITHUB-TOKEN": TOKEN, "GITHUB_EVENT_NAME": "push"}
    job.happens({"ref": "refs/heads/main"})
    assert job.run() == 0
    assert "No comment: the event push belongs to no pull request." in job.log
    assert job.annotations("notice") == []
    assert api.requests == []


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("POST", lost()),
        ("POST", empty(502)),
        ("GET", refuses(503)),
        ("GET", reset()),
        ("POST", refuses(429)),
        ("POST", Fault(403, b'{"message": "You have exceeded a secondary rate limit."}', {"Retry-After": "0"})),
    ],
)
def test_what_goes_wrong_once_is_tried_again_and_leaves_one_comment(
    kind: str, fault: Fault, api: CommentApi, tmp_path: Path
) -> None:
    api.script(kind, fault)
    assert Job(tmp_path, api).run() == 0
    assert len(api.ours()) == 1


def test_a_comment_that_is_removed_meanwhile_is_written_anew(api: CommentApi, tmp_path: Path) -> None:
    job = Job(tmp_path, api)
    assert job.run() == 0
    job.environ["GITHUB_RUN_ID"] = "78"
    api.script("PATCH", Fault(404, b'{"message": "Not Found"}'))
    assert job.run() == 0
    assert "/actions/runs/78)" in api.ours()[-1]


def test_an_api_that_fails_is_a_warning(api: CommentApi, tmp_path: Path) -> None:
    api.script("GET", *[empty(500)] * 5)
    job = Job(tmp_path, api)
    assert job.run() == 0
    assert "HTTP 500" in job.annotations("warning")[0]


@pytest.mark.parametrize(("known", "comments"), [("config", 1), ("comment_id", 1), ("", 0)])
def test_a_refusal_takes_the_place_of_what_is_not_true_any_more(
    known: str, comments: int, api: CommentApi, tmp_path: Path
) -> None:
    job = Job(tmp_path, api)
    inputs = {"model": "torchvision:alexnet"}
    if known == "config":
        (job.workspace / "ptmobile.yml").write_text("model: torchvision:alexnet\n")
        inputs = {"model": ""}
    elif known:
        inputs["comment_id"] = "net"
    assert job.run(**inputs) == 0
    assert "### ✅" in api.ours()[0]
    assert job.run(**inputs, trials="none") == 2
    (body,) = api.ours()
    assert ("### ❌" in body) == bool(comments), "without a name it could be another step's"


def test_a_merge_has_one_comment_about_all_models_and_their_baseline(api: CommentApi, tmp_path: Path) -> None:
    job = Job(tmp_path, api)
    page = "https://github.com/owner/models/actions/runs/4711"
    baseline = BaselineSource(given="artifact:all-report@main", created="2026-11-20", sha=OLDER, run_url=page)
    for name in ("one", "two"):
        spec = RunSpec(models=(ConversionSpec(model="net.py:Net", name=name, output=f"shards/{name}/{name}.ptl"),))
        of = played(spec, Run(job.workspace, None, None, None))  # type: ignore[arg-type]
        data = to_json(replace(of, config="ptmobile.yml", baseline=baseline))
        (job.workspace / f"shards/{name}/report.json").write_bytes(data)
    for _ in range(2):
        assert job.run(mode="merge", reports="shards", model="") == 0
        (body,) = api.ours()
    assert "✅ one: one computes what the model computes" in body
    assert "✅ two: two computes what the model computes" in body
    said = markdown_text(f"Compared with artifact:all-report@main of 2026-11-20, commit {OLDER[:12]}, run 4711.")
    assert f"- ⚖️ {said}" in body


# --- forks ------------------------------------------------------------------------------------------------------------


def pull(number: int, sha: str, *, branch: str = "feature", fork: bool = True, state: str = "open") -> dict[str, Any]:
    head = {"sha": sha, "label": f"{'stranger' if fork else 'owner'}:{branch}", "fork": fork}
    return {"number": number, "state": state, "head": head}


def followed(sha: str = SHA, **run: Any) -> dict[str, Any]:
    given = {
        "head_sha": sha,
        "head_branch": "feature",
        "head_repository": {"full_name": "stranger/models", "owner": {"login": "stranger"}},
        "html_url": "https://github.com/owner/models/actions/runs/4711",
        "pull_requests": [],
    }
    return {"action": "completed", "workflow_run": {**given, **run}}


def hostile_report(job: Job) -> Report:
    """A report that a pull request has made up."""
    spec = RunSpec(models=(ConversionSpec(model="net.py:Net", name="net", output="net.ptl"),))
    report = played(spec, Run(job.workspace, None, None, None))  # type: ignore[arg-type]
    artifact = PublishedArtifact(
        name=HOSTILE, id=5, url="https://evil.example/", digest="", size_bytes=5, archive="raw", files=()
    )
    reason = Reason(title=HOSTILE, message=HOSTILE, advice=HOSTILE, location=HOSTILE)
    model = report.models[0]
    assert model.file is not None
    model = replace(
        model,
        verdict=replace(model.verdict, title=HOSTILE, reasons=(reason,), warnings=(reason,)),
        file=replace(model.file, path=HOSTILE, changes=(HOSTILE,), remedy=HOSTILE),
    )
    source = replace(report.source, run_url="https://evil.example/", repository=HOSTILE, sha=HOSTILE)
    return replace(
        report, models=(model,), problems=(reason,), artifacts=(artifact,), unpublished=(reason,), source=source
    )


def comment_run(job: Job, report: bytes) -> int:
    (job.workspace / "report.json").write_bytes(report)
    return job.run(mode="comment", report="report.json", model="", comment="")


def test_a_report_of_a_fork_is_shown_as_data(api: CommentApi, tmp_path: Path) -> None:
    api.pulls = [pull(6, OLDER), pull(7, SHA)]
    job = Job(tmp_path, api, "workflow_run")
    job.happens(followed())
    assert comment_run(job, to_json(hostile_report(job))) == 0
    (body,) = api.ours()
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
    assert "<img" not in html
    assert "evil.example" not in "".join(part for part in html.split('"') if part.startswith("http"))
    links = [
        token.attrs["href"]
        for block in MarkdownIt("commonmark").parse(body)
        for token in block.children or []
        if token.type == "link_open"
    ]
    run = "https://github.com/owner/models/actions/runs/4711"
    assert set(links) == {run, f"{run}/artifacts/5"}
    assert "@everyone" not in body.replace("`", "") or "&#64;" in body
    assert html.count("<details") == html.count("</details>")
    assert not (job.workspace / "ptmobile-report").exists()


@pytest.mark.parametrize(
    ("pulls", "run"),
    [
        ([pull(7, OLDER)], {}),
        ([pull(7, SHA, state="closed")], {}),
        ([pull(7, SHA, branch="another")], {}),
        ([], {}),
        ([pull(7, SHA)], {"head_sha": ""}),
    ],
)
def test_only_the_open_pull_request_at_this_commit(
    pulls: list[dict[str, Any]], run: dict[str, Any], api: CommentApi, tmp_path: Path
) -> None:
    api.pulls = pulls
    job = Job(tmp_path, api, "workflow_run")
    job.happens(followed(**run))
    assert comment_run(job, to_json(hostile_report(job))) == 0
    assert "No comment: no open pull request has the commit of this run as its newest." in job.log
    assert api.comments == {}


def test_a_pull_request_within_the_repository_is_found_by_its_commit(api: CommentApi, tmp_path: Path) -> None:
    api.pulls = [pull(7, SHA, branch="renamed", fork=False)]
    job = Job(tmp_path, api, "workflow_run")
    job.happens(followed())
    assert comment_run(job, to_json(hostile_report(job))) == 0
    assert len(api.ours()) == 1


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (b"{}", "is not a report.json of ptmobile: Object missing required field"),
        (b"\xff\xfe", "is not a report.json of ptmobile"),
        (b"[" * 100_000, "is not a report.json of ptmobile"),
        (b'{"schema_version": "::error::x"}', "is not a report.json of ptmobile"),
        ("later", "schema version is 99"),
    ],
)
def test_what_is_no_report(report: bytes | str, says: str, api: CommentApi, tmp_path: Path) -> None:
    job = Job(tmp_path, api, "workflow_run")
    job.happens(followed())
    data = to_json(replace(hostile_report(job), schema_version=99)) if isinstance(report, str) else report
    assert comment_run(job, data) == 8
    assert says in job.annotations("error")[0]
    assert api.requests == []


def test_a_comment_that_cannot_be_written_fails_the_mode(api: CommentApi, tmp_path: Path) -> None:
    api.pulls, api.may_write = [pull(7, SHA)], False
    job = Job(tmp_path, api, "workflow_run")
    job.happens(followed())
    assert comment_run(job, to_json(hostile_report(job))) == 8
    assert "HTTP 403" in job.annotations("error")[0]


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"report": ""}, "report: is missing; mode comment needs the path of a report.json"),
        ({"report": "nowhere.json"}, "given 'nowhere.json', which does not exist"),
        ({"report": "../x.json"}, "outside the workspace"),
        ({"model": "torchvision:alexnet"}, "input model: is about models, but mode comment only shows a report"),
        (
            {"mode": "convert", "model": "torchvision:alexnet", "allow-foreign-code": "true"},
            "input report: is for mode comment",
        ),
    ],
)
def test_what_mode_comment_needs(inputs: dict[str, str], says: str, api: CommentApi, tmp_path: Path) -> None:
    job = Job(tmp_path, api, "workflow_run")
    (job.workspace / "report.json").write_text("{}")
    given = {"mode": "comment", "report": "report.json", "model": "", "comment": "", **inputs}
    assert job.run(**given) == 2
    assert says in job.log


def test_it_fits_whatever_there_is_to_say(api: CommentApi, tmp_path: Path) -> None:
    job = Job(tmp_path, api)
    report = hostile_report(job)
    many = replace(report, models=report.models * 400)
    body = comment_body(many, Origin("https://github.com/owner/models/actions/runs/1", SHA), COMMENT_LIMIT - 200)
    assert 20_000 < len(body.encode()) <= COMMENT_LIMIT - 200 < LIMIT
    assert "GitHub takes 65,536 characters" in body
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
    assert html.count("<details") == html.count("</details>") > 10
