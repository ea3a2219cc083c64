"""A baseline in an artifact of an earlier run, through the whole action, against a strict API and a strict store."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from artifact_http import Fault, Response, empty, lost, refuses, reset, torn
from artifact_proxy import Proxy
from comment_api import TOKEN
from msgspec.structs import replace
from played_runs import played
from runs_api import FORK, SHA, BlobHost, RunsApi

from ptmobile import action, session
from ptmobile.baseline.model import Baseline
from ptmobile.github import run_artifacts
from ptmobile.github.artifact import Patience
from ptmobile.github.artifact.archive import write_zip
from ptmobile.local.file_commands import parse_key_values
from ptmobile.local.workflow_commands import parse_commands
from ptmobile.pipeline import Run
from ptmobile.report import reading
from ptmobile.report.model import Report, to_json
from ptmobile.spec.conversion import ConversionSpec, RunSpec

MODELS = Path(__file__).resolve().parent.parent / "data" / "models"
NAME = "net-report"
GIVEN = f"artifact:{NAME}@main"


@pytest.fixture
def store() -> Iterator[BlobHost]:
    with BlobHost() as server:
        yield server
    assert not server.violations


@pytest.fixture
def api(store: BlobHost) -> Iterator[RunsApi]:
    with RunsApi(store) as server:
        yield server
    assert not server.violations


def report_of(workspace: Path, *names: str, seconds: float = 1.0) -> bytes:
    """The report of a run of models that were not run; it leaves nothing in the workspace that a later one needs."""
    specs = [ConversionSpec(model="net.py:Net", name=name, output=f"before/{name}.ptl") for name in names or ("net",)]
    report = played(RunSpec(models=tuple(specs)), Run(workspace, None, None, None))  # type: ignore[arg-type]
    models = [
        replace(model, result=replace(model.result, seconds=seconds * (1 + 9 * index)))
        for index, model in enumerate(report.models)
    ]
    return to_json(replace(report, models=tuple(models), source=replace(report.source, sha="f" * 40)))


def archive(**files: bytes | str) -> bytes:
    """A zip archive; double underscores in names are slashes, and an ending is added."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in files.items():
            written.writestr(f"{name.replace('__', '/')}.json", content)
    return stream.getvalue()


class Job:
    """A step of a pull request's job; what it learned of the baseline is in ``baseline``."""

    def __init__(self, folder: Path, api: RunsApi, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.output = folder / "output"
        self.output.touch()
        self.baseline: Baseline | None = None
        self.log = ""
        self.environ = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_API_URL": api.address,
            "GITHUB_REPOSITORY": "owner/models",
            "GITHUB_RUN_ID": "77",
            "INPUT_GITHUB-TOKEN": TOKEN,
            "INPUT_UPLOAD": "off",
        }
        monkeypatch.setattr(session, "run_models", self._played)
        monkeypatch.setattr(Patience, "wait", lambda *_: 0.0)

    def _played(self, spec: RunSpec, run: Run) -> Report:
        self.baseline = run.baseline
        return replace(played(spec, run), baseline=run.baseline.source if run.baseline else None)

    def run(self, **inputs: str) -> int:
        given = {"INPUT_MODEL": "torchvision:alexnet", "INPUT_NAME": "net", "INPUT_BASELINE": GIVEN}
        given |= {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in inputs.items()}
        stream = io.StringIO()
        code = action.main({**self.environ, **{k: v for k, v in given.items() if v}}, stream)
        self.log = stream.getvalue()
        assert "Traceback" not in self.log
        shown = [line for line in self.log.splitlines() if not line.startswith("::add-mask::")]
        assert TOKEN not in "".join(shown)
        assert "signature-number" not in "".join(shown)
        return code

    def problem(self) -> str:
        """Why there is no baseline; the log says it in a notice."""
        assert self.run() == 0
        assert self.baseline is not None
        assert not self.baseline.usable
        (notice,) = [command.data for command in parse_commands(self.log) if command.name == "notice"]
        source = self.baseline.source
        assert notice.endswith(f"{source.problem}\n{source.advice}")
        return notice


@pytest.fixture
def job(api: RunsApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    return Job(tmp_path, api, monkeypatch)


def test_the_report_of_the_newest_successful_run(api: RunsApi, store: BlobHost, job: Job) -> None:
    older, newer = report_of(job.workspace, "net", "old"), report_of(job.workspace, "net", "other")
    api.add(api.run(10), NAME, archive(report=older))
    api.add(api.run(11), NAME, archive(report=newer, junit="{}"))
    assert job.run() == 0
    assert job.baseline is not None
    assert job.baseline.usable
    assert set(job.baseline.models) == {"net", "other"}
    source = job.baseline.source
    assert (source.given, source.sha, source.repository) == (GIVEN, SHA, "owner/models"), "GitHub says which commit"
    assert source.run_url == "https://github.com/owner/models/actions/runs/11"
    assert f"Baseline: {GIVEN} of run 11" in job.log
    summary = (job.workspace / "ptmobile-report/summary.md").read_text()
    assert "commit 0123456789ab, run 11." in summary
    assert api.asked() == ["/artifacts?name=net-report&per_page=100&page=1", "/runs/11", "/artifacts/50001/zip"]
    assert len(store.requests) == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"head": FORK, "event": "pull_request"}, "1 of other branches or repositories"),
        ({"head": FORK}, "1 of other branches or repositories"),
        ({"head": None, "event": "pull_request_target"}, "1 of other branches or repositories"),
        ({"event": "pull_request"}, "not started by push or schedule or workflow_dispatch"),
        ({"event": "workflow_run"}, "not started by push"),
        ({"event": "issue_comment"}, "not started by push"),
        ({"head_branch": "maintenance"}, "1 of other branches"),
        ({"head_branch": "Main"}, "1 of other branches"),
        ({"conclusion": "failure"}, "1 of runs that failed"),
        ({"conclusion": "cancelled"}, "1 of runs that failed"),
        ({"conclusion": None, "status": "in_progress"}, "are under way"),
    ],
)
def test_runs_that_do_not_count(fields: dict[str, Any], why: str, api: RunsApi, store: BlobHost, job: Job) -> None:
    api.add(api.run(10, **fields), NAME, archive(report=report_of(job.workspace)))
    said = job.problem()
    assert "No successful run of the branch main has an artifact of the name net-report" in said
    assert why in said
    assert "Have a run of main leave the artifact first" in said
    assert store.requests == []
    api.add(api.run(9), NAME, archive(report=report_of(job.workspace)))
    api.artifacts.reverse()
    assert job.run() == 0
    assert job.baseline is not None
    assert job.baseline.usable, "an older one that does count is found behind it"


def test_what_the_list_says_of_a_run_is_not_enough(api: RunsApi, store: BlobHost, job: Job) -> None:
    """The artifact looks as if it were of this repository; its run says otherwise."""
    api.add(api.run(10), NAME, archive(report=report_of(job.workspace)))
    api.runs[10]["head_repository"] = {"id": FORK}
    assert "No successful run" in job.problem()
    api.runs[10] = api.runs[api.run(11)]
    assert "No successful run" in job.problem(), "the answer is about another run"
    assert store.requests == []


def test_expired_and_similar_names_are_passed_over(api: RunsApi, job: Job) -> None:
    content = archive(report=report_of(job.workspace))
    api.add(api.run(10), NAME.upper(), content)
    assert "This repository has no artifact of the name net-report." in job.problem()
    api.add(api.run(11), NAME, content, expired=True)
    assert "these are 1 expired." in job.problem()
    api.add(api.run(12), NAME, content)
    api.runs.pop(12)
    assert "1 of runs that failed" in job.problem(), "a run that was deleted meanwhile"


def test_an_older_run_that_was_started_again_is_older_all_the_same(api: RunsApi, job: Job) -> None:
    api.run(10, head_sha="a" * 40)
    api.add(api.run(11), NAME, archive(report=report_of(job.workspace)))
    api.add(10, NAME, archive(report=report_of(job.workspace)))
    assert job.run() == 0
    assert job.baseline is not None
    assert job.baseline.source.run_url.endswith("/11")


def test_of_two_attempts_the_later_artifact(api: RunsApi, job: Job) -> None:
    api.run(10)
    api.add(10, NAME, archive(report=report_of(job.workspace, "first")))
    api.add(10, NAME, archive(report=report_of(job.workspace, "second")))
    assert job.run() == 0
    assert job.baseline is not None
    assert set(job.baseline.models) == {"second"}


def test_it_is_found_on_a_later_page(api: RunsApi, job: Job) -> None:
    api.add(api.run(10), NAME, archive(report=report_of(job.workspace)))
    for number in range(11, 261):
        api.add(api.run(number, head_branch="topic", event="pull_request"), NAME, b"")
    assert job.run() == 0
    assert [path.rpartition("=")[2] for path in api.asked("/artifacts?")] == ["1", "2", "3"]
    assert api.asked("/runs/") == ["/runs/10"], "runs of other branches are not even looked at"


def test_it_is_not_looked_for_without_end(api: RunsApi, job: Job) -> None:
    for number in range(10, 60):
        api.add(api.run(number, conclusion="failure"), NAME, b"")
    assert "30 of runs that failed" in job.problem()
    assert len(api.asked("/runs/")) == 30


def test_a_report_that_was_uploaded_as_it_is(api: RunsApi, job: Job) -> None:
    api.add(api.run(10), "report.json", report_of(job.workspace))
    assert job.run(baseline="artifact:report.json@main") == 0
    assert job.baseline is not None
    assert set(job.baseline.models) == {"net"}


def test_our_own_archive_with_models_in_it(api: RunsApi, job: Job, tmp_path: Path) -> None:
    report, model = tmp_path / "report.json", tmp_path / "net.ptl"
    report.write_bytes(report_of(job.workspace))
    model.write_bytes(os.urandom(3 << 20))
    with (tmp_path / "archive.zip").open("wb") as stream:
        stream.abandon = lambda: None  # type: ignore[attr-defined]
        write_zip([("report.json", report), ("net.ptl", model)], stream)  # type: ignore[arg-type]
    api.add(api.run(10), NAME, (tmp_path / "archive.zip").read_bytes())
    assert job.run() == 0
    assert job.baseline is not None
    assert job.baseline.usable


def test_the_report_that_lies_above_the_others(api: RunsApi, job: Job) -> None:
    inner, outer = report_of(job.workspace, "shard"), report_of(job.workspace, "merged")
    api.add(api.run(10), NAME, archive(shards__one__report=inner, merged__report=outer))
    assert job.run() == 0
    assert job.baseline is not None
    assert set(job.baseline.models) == {"merged"}


def bomb() -> bytes:
    return archive(report=b" " * (reading.MAX_BYTES + 1))


def promised_small() -> bytes:
    """An archive whose report is larger than its directory says."""
    data = bytearray(archive(report=b" " * 5_000_000))
    size = (5_000_000).to_bytes(4, "little")
    while (at := data.find(size)) >= 0:
        data[at : at + 4] = (5_000).to_bytes(4, "little")
    return bytes(data)


def renamed(old: bytes, new: bytes) -> bytes:
    return archive(report=b"{}", padding=b"{}").replace(old, new)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda: b"", "not a report.json of ptmobile"),
        (lambda: b"<html>Unicorn!</html>", "not a report.json of ptmobile"),
        (lambda: archive(report=b"{}"), "not a report.json of ptmobile"),
        (lambda: archive(junit=b"{}"), "There is no report.json in it."),
        (lambda: archive(a__report=b"{}", b__report=b"{}"), "There are 2 files report.json in it"),
        (lambda: renamed(b"padding.json", b"x/../../evil"), "a file that would lie outside"),
        (lambda: renamed(b"padding.json", b"/etc/evil.so"), "a file that would lie outside"),
        (lambda: renamed(b"padding.json", b"..\\..\\evil.e"), "a file that would lie outside"),
        (lambda: archive(report=b"{}")[:-10], "Its archive cannot be read: The file is truncated"),
        (lambda: archive(report=b"{}") + b"more", "Its archive cannot be read: The file is truncated"),
        (lambda: b"PK\x03\x04" + os.urandom(200), "Its archive cannot be read"),
        (bomb, "Its archive cannot be read: The record report.json is larger than 67108864 bytes."),
        (promised_small, "Its archive cannot be read: The record report.json is damaged"),
    ],
)
def test_what_is_no_archive_with_a_report(content: Callable[[], bytes], says: str, api: RunsApi, job: Job) -> None:
    api.add(api.run(10), NAME, content())
    assert says in job.problem()


def test_its_size_is_limited(api: RunsApi, store: BlobHost, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_artifacts, "LARGEST", 2_000)
    content = report_of(job.workspace) + b" " * 600_000
    api.add(api.run(10), NAME, content)
    assert f"The artifact has {len(content):,} bytes, more than 2,000." in job.problem()
    assert store.requests == []
    api.artifacts[0]["size_in_bytes"] = 5
    assert "it is larger than 2,000 bytes" in job.problem()
    assert len(store.requests) == 1


def test_a_damaged_download(api: RunsApi, store: BlobHost, job: Job) -> None:
    artifact = api.add(api.run(10), NAME, report_of(job.workspace))
    store.blobs[artifact["id"]] += b" "
    assert "its SHA-256 is not the one that GitHub names" in job.problem()
    del artifact["digest"]  # as servers without it have it
    assert job.run() == 0
    assert job.baseline is not None
    assert job.baseline.usable


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("list", refuses(503)),
        ("list", Fault(403, b'{"message": "API rate limit exceeded"}', {"Retry-After": "0"})),
        ("run", reset()),
        ("run", refuses(429)),
        ("zip", empty(502)),
        ("zip", lost()),
        ("store", empty(503)),
        ("store", reset()),
        ("store", torn()),
        ("store", Fault(403, b"<Error>AuthenticationFailed</Error>")),
    ],
)
def test_what_goes_wrong_once_is_tried_again(where: str, fault: Fault, api: RunsApi, store: BlobHost, job: Job) -> None:
    api.add(api.run(10), NAME, archive(report=report_of(job.workspace)))
    if where == "store":
        store.script("GET", fault)
    else:
        api.script(where, fault)
    assert job.run() == 0
    assert job.baseline is not None
    assert job.baseline.usable, job.baseline.source.problem


@pytest.mark.parametrize(
    ("status", "message", "advice"),
    [
        (401, "Bad credentials", "The token is not valid"),
        (403, "Resource not accessible by integration", "permissions: {actions: read, contents: read}"),
        (404, "Not Found", "permissions: {actions: read, contents: read}"),
        (500, "Oops", "It was tried 5 times.\nRun the job again"),
        (418, "<img src=x> ::error::x", "Run the job again"),
    ],
)
def test_an_api_that_refuses(status: int, message: str, advice: str, api: RunsApi, job: Job) -> None:
    api.answers["/artifacts"] = Response(status, json.dumps({"message": message}).encode())
    said = job.problem()
    assert f"{message} (HTTP {status})" in said
    assert advice in said


def test_a_limit_that_lasts_long_is_not_waited_for(api: RunsApi, job: Job) -> None:
    limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}
    api.answers["/artifacts"] = Response(403, b'{"message": "API rate limit exceeded"}', limit)
    assert "It asks to wait" in job.problem()
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Response(410, b'{"message": "Artifact has expired"}'), "Artifact has expired (HTTP 410)"),
        (Response(200, b"{}"), "(HTTP 200)"),
        (Response(302), "names no address that can be used"),
        (Response(302, b"", {"Location": "file:///etc/passwd"}), "names no address that can be used"),
        (Response(302, b"", {"Location": "//evil.example/?sig=signature-number-0"}), "names no address"),
        (Response(302, b"", {"Location": "http://a:b@evil.example/?sig=signature-number-0"}), "names no address"),
    ],
)
def test_addresses_that_are_not_followed(answer: Response, says: str, api: RunsApi, store: BlobHost, job: Job) -> None:
    artifact = api.add(api.run(10), NAME, archive(report=report_of(job.workspace)))
    api.answers[f"/artifacts/{artifact['id']}/zip"] = answer
    assert says in job.problem()
    assert store.requests == []


def test_a_store_that_refuses_every_address(api: RunsApi, store: BlobHost, job: Job) -> None:
    api.add(api.run(10), NAME, archive(report=report_of(job.workspace)))
    store.script("GET", *[Fault(403)] * 2)
    assert "its store answers HTTP 403" in job.problem()
    assert len(store.requests) == 2


def test_a_list_that_is_none(api: RunsApi, job: Job) -> None:
    api.answers["/artifacts"] = Response(200, b'{"artifacts": {"id": 5}}')
    assert "is no list" in job.problem()
    api.answers["/artifacts"] = Response(200, b'{"artifacts": [5, {"name": 3}, {"name": "net-report", "id": "x"}]}')
    assert "has no artifact of the name" in job.problem()


def test_by_a_proxy_that_sees_no_token_on_the_way_to_the_store(
    api: RunsApi, store: BlobHost, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.add(api.run(10), NAME, archive(report=report_of(job.workspace)))
    hosts = {"api.ghes.example": api.address, "store.ghes.example": store.address}
    monkeypatch.setattr(
        store,
        "address_of",
        lambda _id, of=store.address_of: of(_id).replace(store.address, "http://store.ghes.example"),
    )
    with Proxy(hosts) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        job.environ["GITHUB_API_URL"] = "http://api.ghes.example"
        assert job.run() == 0
    assert job.baseline is not None
    assert job.baseline.usable, job.baseline.source.problem
    assert [host for _, host in proxy.seen] == ["api.ghes.example"] * 3 + ["store.ghes.example"]


def test_the_base_path_of_a_server_of_its_own(api: RunsApi, job: Job) -> None:
    job.environ["GITHUB_API_URL"] = f"{api.address}/api/v3/"
    api.violations.append("expected")
    job.problem()
    assert api.requests[0].target.startswith("/api/v3/repos/owner/models/actions/artifacts?")
    api.violations.clear()


def test_without_a_token(api: RunsApi, job: Job) -> None:
    del job.environ["INPUT_GITHUB-TOKEN"]
    said = job.problem()
    assert "There is no token to fetch it with." in said
    assert "Give the input github-token the value of github.token" in said
    job.environ |= {"INPUT_GITHUB-TOKEN": TOKEN, "GITHUB_REPOSITORY": "owner/../models"}
    assert "GITHUB_REPOSITORY is not of the form OWNER/NAME." in job.problem()
    assert api.requests == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("artifact:net-report", "names no branch; allowed: artifact:NAME@BRANCH"),
        ("artifact:@main", "names no artifact (it is empty)"),
        ("artifact:a/b@main", "names no artifact (it contains /)"),
        ("artifact:net@", "has something in the place of the branch that cannot be one"),
        ("artifact:net@main branch", "has something in the place of the branch"),
        ("artifact:net@a..b", "has something in the place of the branch"),
        ("artifact:net@refs/heads/main", "write main, not refs/heads/main"),
    ],
)
def test_what_names_no_artifact(given: str, says: str, api: RunsApi, job: Job) -> None:
    assert job.run(baseline=given) == 2
    assert says in job.log
    assert api.requests == []


def test_names_and_branches_with_unusual_letters(api: RunsApi, job: Job) -> None:
    api.add(api.run(10, head_branch="release/1.0+ü"), "net@2x & more", archive(report=report_of(job.workspace)))
    assert job.run(baseline="artifact:net@2x & more@release/1.0+ü") == 0
    assert job.baseline is not None
    assert job.baseline.usable, job.baseline.source.problem


def test_a_plan_is_balanced_by_it(api: RunsApi, job: Job) -> None:
    config = {"models": [{"model": "torchvision:alexnet", "name": name} for name in ("one", "two", "three")]}
    (job.workspace / "ptmobile.yml").write_text(json.dumps({**config, "baseline": GIVEN}))
    api.add(api.run(10), NAME, archive(report=report_of(job.workspace, "one", "two", "three", seconds=2.0)))
    inputs = {"mode": "plan", "model": "", "name": "", "shards": "2"}
    assert job.run(**inputs, baseline="") == 0
    matrix = json.loads(parse_key_values(job.output.read_text())["matrix"])
    assert [(one["models"], one["seconds"]) for one in matrix["include"]] == [("one,two", 22.0), ("three", 38.0)]
    api.artifacts.clear()
    job.output.write_text("")
    assert job.run(**inputs, baseline="") == 0
    matrix = json.loads(parse_key_values(job.output.read_text())["matrix"])
    assert len(matrix["include"]) == 2
    assert "has no artifact of the name net-report" in job.log
    assert "Have a run of main leave the artifact first" in job.log


# --- the command line, with a real model ------------------------------------------------------------------------------


def ptmobile(workspace: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, without anything of a job but what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "ACTIONS_"))}
    return subprocess.run(
        [sys.executable, "-c", "import sys; from ptmobile.cli import main; sys.exit(main())", *arguments],
        cwd=workspace,
        env={**kept, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


CONVERT = (
    *("convert", "--model", "nets.py:TinyNet", "--name", "tiny", "--inputs", "[[1, 3, 8, 8]]", "--runtime", "none"),
    *("--trials", "1", "--timing", "false", "--sensitive-weights", "off"),
)


def test_a_gate_on_the_command_line(api: RunsApi, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(MODELS, tmp_path / "workspace"))
    first = ptmobile(workspace, *CONVERT)
    assert first.returncode == 0, first.stdout
    report = workspace / "ptmobile-report/report.json"
    before = report.read_bytes()
    gated = (*CONVERT, "--baseline", GIVEN, "--max-size-growth", "5%")
    environ = {"GITHUB_API_URL": api.address, "GITHUB_REPOSITORY": "owner/models", "GITHUB_TOKEN": TOKEN}

    api.add(api.run(10), NAME, archive(report=before))
    same = ptmobile(workspace, *gated, **environ)
    assert same.returncode == 0, same.stdout
    document = json.loads(report.read_bytes())
    assert document["baseline"]["run_url"] == "https://github.com/owner/models/actions/runs/10"
    (difference,) = document["models"][0]["differences"]
    assert difference["before"]["sha256"] == difference["now"]["sha256"]

    grown = ptmobile(workspace, *gated, "--model-args", "{width: 40}", **environ)
    assert grown.returncode == 7, grown.stdout
    assert "The file has grown more than max-size-growth" in (workspace / "ptmobile-report/summary.md").read_text()

    silent = ptmobile(workspace, *gated, GITHUB_REPOSITORY="owner/models")
    assert silent.returncode == 7, "a gate that cannot be asked does not pass"
    assert "max-size-growth cannot be checked" in (workspace / "ptmobile-report/summary.md").read_text()
    assert "There is no token to fetch it with." in silent.stdout
    assert "On the command line set GITHUB_TOKEN" in silent.stdout


def test_a_plan_on_the_command_line(api: RunsApi, tmp_path: Path) -> None:
    config = {"baseline": GIVEN, "models": [{"model": "torchvision:alexnet", "name": name} for name in ("one", "two")]}
    (tmp_path / "ptmobile.yml").write_text(json.dumps(config))
    api.add(api.run(10), NAME, archive(report=report_of(tmp_path, "one", "two")))
    environ = {"GITHUB_API_URL": api.address, "GITHUB_REPOSITORY": "owner/models", "GITHUB_TOKEN": TOKEN}
    planned = ptmobile(tmp_path, "plan", "--shards", "2", **environ)
    assert planned.returncode == 0, planned.stderr
    assert [entry["seconds"] for entry in json.loads(planned.stdout)["include"]] == [1.0, 10.0]
    assert f"Baseline: {GIVEN} of run 10" in planned.stderr
    silent = ptmobile(tmp_path, "plan", "--shards", "2")
    assert silent.returncode == 0
    assert "seconds" not in silent.stdout
    assert "There is no repository to fetch it from." in silent.stderr
    assert "GITHUB_REPOSITORY to OWNER/NAME" in silent.stderr
