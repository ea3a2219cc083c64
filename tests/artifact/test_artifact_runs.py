"""The upload as users see it: the whole action against a strict service, with every way in which it can go wrong.

The model's part is real in one test and played in the others, which are about what follows it.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import played_runs
import pytest
from artifact_blobs import OwnStore
from artifact_http import Fault, empty, lost, refuses, reset, stalls, torn, web_page
from artifact_service import OTHER_JOB, ResultsService, runtime_token
from played_runs import CONTENT, played

from ptmobile import action, cli, session
from ptmobile.github.artifact import Patience, Waits
from ptmobile.local.file_commands import parse_key_values
from ptmobile.local.workflow_commands import parse_commands


class Job:
    """A job of a workflow with one step, ours; `run` gives the exit code."""

    def __init__(self, folder: Path, service: ResultsService | None) -> None:
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.output, self.summary = folder / "output", folder / "summary"
        self.log = ""
        self.environ = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_REPOSITORY": "owner/models",
            "GITHUB_RUN_ID": "77",
        }
        if service is not None:
            self.environ |= {"ACTIONS_RESULTS_URL": service.address, "ACTIONS_RUNTIME_TOKEN": service.token}

    def run(self, **inputs: str) -> int:
        self.output.write_text("")
        self.summary.write_text("")
        given = {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in inputs.items()}
        stream = io.StringIO()
        code = action.main({"INPUT_MODEL": "torchvision:alexnet", **self.environ, **given}, stream)
        self.log = stream.getvalue()
        return code

    @property
    def outputs(self) -> dict[str, str]:
        return dict(parse_key_values(self.output.read_text()))

    @property
    def report(self) -> dict[str, Any]:
        return dict(json.loads((self.workspace / "ptmobile-report/report.json").read_bytes()))

    def annotations(self, level: str) -> list[str]:
        return [command.data for command in parse_commands(self.log) if command.name == level]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waits between attempts, and no model: what is tested is what comes after it."""
    monkeypatch.setattr(Patience, "wait", lambda *_: 0.0)
    monkeypatch.setattr(session, "run_models", played)


def contents(archive: bytes) -> set[str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        return set(opened.namelist())


REPORT_FILES = {"report.json", "report.html", "summary.md", "junit.xml", "SHA256SUMS", "alexnet.operators.yaml"}


@pytest.mark.usefixtures("quick")
def test_people_download_the_file_itself(service: ResultsService, tmp_path: Path) -> None:
    job = Job(tmp_path, service)
    assert job.run() == 0
    content, kind = service.published("alexnet.ptl")
    assert content == (job.workspace / "ptmobile-report/alexnet.ptl").read_bytes()
    assert kind == "application/octet-stream"
    assert contents(service.published("alexnet-report")[0]) == REPORT_FILES
    outputs = job.outputs
    assert outputs["artifact-digest"] == outputs["sha256"] == hashlib.sha256(content).hexdigest()
    address = f"https://github.com/owner/models/actions/runs/77/artifacts/{outputs['artifact-id']}"
    assert outputs["artifact-url"] == address
    assert [one["name"] for one in json.loads(outputs["json"])["artifacts"]] == ["alexnet.ptl", "alexnet-report"]
    assert f"**Download:** [alexnet.ptl]({address}) (" in job.summary.read_text()
    assert [one["name"] for one in job.report["artifacts"]] == ["alexnet.ptl", "alexnet-report"]
    with zipfile.ZipFile(io.BytesIO(service.published("alexnet-report")[0])) as archive:
        uploaded = json.loads(archive.read("report.json"))
    assert uploaded["models"] == job.report["models"]
    assert uploaded["artifacts"] == job.report["artifacts"][:1], "it names the file, and cannot name itself"


@pytest.mark.usefixtures("quick")
def test_the_token_and_signatures_are_masked_and_shown_nowhere(
    service: ResultsService, store: OwnStore, tmp_path: Path
) -> None:
    service.script("FinalizeArtifact", refuses(400, f"no token {service.token} and {store.signature}"))
    job = Job(tmp_path, service)
    assert job.run() == 0
    masks = [command.data for command in parse_commands(job.log) if command.name == "add-mask"]
    assert {service.token, store.signature} <= set(masks)
    shown = [line for line in job.log.splitlines() if not line.startswith("::add-mask::")]
    written = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (service.token, store.signature):
        assert all(secret not in text for text in [*shown, *written])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("inputs", "names"),
    [
        ({"archive": "zip"}, {"alexnet": REPORT_FILES | {"alexnet.ptl"}}),
        ({"archive": "zip", "artifact_name": "all of it"}, {"all of it": REPORT_FILES | {"alexnet.ptl"}}),
        ({"artifact_name": "model"}, {"model.ptl": None, "model-report": REPORT_FILES}),
        ({"output": "app/assets/net.ptl"}, {"net.ptl": None, "alexnet-report": REPORT_FILES}),
        ({"upload": "off"}, {}),
    ],
)
def test_what_is_uploaded(
    inputs: dict[str, str], names: dict[str, set[str] | None], service: ResultsService, tmp_path: Path
) -> None:
    assert Job(tmp_path, service).run(**inputs) == 0
    assert {kept.name for kept in service.artifacts} == set(names)
    for name, files in names.items():
        content = service.published(name)[0]
        assert content.startswith(CONTENT) if files is None else contents(content) == files


@pytest.mark.usefixtures("quick")
def test_several_models_are_one_archive(service: ResultsService, tmp_path: Path) -> None:
    job = Job(tmp_path, service)
    config = "models: [torchvision:alexnet, {model: torchvision:vgg11, output: assets/vgg.ptl}]"
    (job.workspace / "ptmobile.yml").write_text(config)
    job.environ["INPUT_MODEL"] = ""
    assert job.run() == 0
    assert contents(service.published("ptmobile")[0]) == {"alexnet.ptl", "assets/vgg.ptl"}
    assert contents(service.published("ptmobile-report")[0]) == REPORT_FILES | {"vgg11.operators.yaml"}
    assert job.outputs["artifact-digest"] == hashlib.sha256(service.published("ptmobile")[0]).hexdigest()


@pytest.mark.usefixtures("quick")
def test_retention_and_overwriting(service: ResultsService, tmp_path: Path) -> None:
    service.publish("alexnet.ptl", b"old", OTHER_JOB)
    job = Job(tmp_path, service)
    job.environ["GITHUB_RETENTION_DAYS"] = "5"
    assert job.run(overwrite="true", retention_days="30") == 0
    assert service.published("alexnet.ptl")[0].startswith(CONTENT)
    created = [request.json for request in service.requests if request.kind == "CreateArtifact"]
    assert all("expires_at" in request for request in created)
    assert any("5 days at most; 30 were asked for" in notice for notice in job.annotations("notice"))


# What goes wrong, the level where that is no failure, and what the user reads of it.
FAULTS: list[tuple[str, dict[str, list[Fault]], str, str]] = [
    (
        "storage full",
        {"CreateArtifact": [refuses(403, "Create is blocked: insufficient usage to create artifact")]},
        "notice",
        "storage for artifacts is full",
    ),
    ("refused", {"CreateArtifact": [refuses(403, "not allowed")]}, "warning", "not allowed (HTTP 403)"),
    ("token expired", {"CreateArtifact": [refuses(401, "token expired")]}, "warning", "token expired (HTTP 401)"),
    ("always 503", {"CreateArtifact": [refuses(503)] * 5}, "warning", "It was tried 5 times"),
    ("a web page", {"CreateArtifact": [web_page(502)] * 5}, "warning", "is not JSON"),
    ("rate limit", {"CreateArtifact": [refuses(429)] * 5}, "warning", "HTTP 429"),
    ("long wait", {"CreateArtifact": [refuses(429, "slow down", Retry_After="900")]}, "warning", "wait 900 seconds"),
    ("unreachable", {"CreateArtifact": [reset()] * 5}, "warning", "cannot be reached"),
    ("not finalised", {"FinalizeArtifact": [refuses(400, "size differs")]}, "warning", "size differs (HTTP 400)"),
    ("blob refused", {"block": [empty(403)]}, "warning", "HTTP 403"),
    ("blob fails", {"block": [empty(503)] * 5}, "warning", "HTTP 503"),
    ("list refused", {"blocklist": [empty(400)]}, "warning", "HTTP 400"),
    ("a web page with 200", {"CreateArtifact": [web_page(200)] * 5}, "warning", "is not JSON"),
    ("a web page with 403", {"CreateArtifact": [web_page(403)] * 5}, "warning", "is not JSON"),
    ("bad request", {"CreateArtifact": [refuses(400, "no name")]}, "warning", "no name (HTTP 400)"),
    ("name taken", {"CreateArtifact": [refuses(409, "it is there")]}, "warning", "it is there (HTTP 409)"),
    (
        "storage full at last",
        {"FinalizeArtifact": [refuses(429, "insufficient usage to finalize")]},
        "notice",
        "storage for artifacts is full",
    ),
    ("finalize fails", {"FinalizeArtifact": [refuses(503, "busy")] * 5}, "warning", "busy (HTTP 503)"),
    ("finalize unreachable", {"FinalizeArtifact": [reset()] * 5}, "warning", "cannot be reached"),
    ("blob gone", {"block": [empty(404)]}, "warning", "HTTP 404"),
    ("blob too slow for it", {"block": [empty(408)] * 5}, "warning", "HTTP 408"),
    ("blob rate limit", {"block": [empty(429)] * 5}, "warning", "HTTP 429"),
    ("blob unreachable", {"block": [reset()] * 5}, "warning", "cannot be reached"),
    ("blob torn", {"blocklist": [torn()] * 5}, "warning", "cannot be reached"),
    ("list fails", {"blocklist": [empty(503)] * 5}, "warning", "HTTP 503"),
]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("upload", ["auto", "required"])
@pytest.mark.parametrize("case", FAULTS, ids=[case[0] for case in FAULTS])
def test_an_upload_that_fails(
    case: tuple[str, dict[str, list[Fault]], str, str],
    upload: str,
    service: ResultsService,
    store: OwnStore,
    tmp_path: Path,
) -> None:
    _, faults, level, says = case
    for kind, script in faults.items():
        (store if kind in {"block", "blocklist"} else service).script(kind, *script)
    job = Job(tmp_path, service)
    code = job.run(upload=upload)
    final = level == "notice" or says == "cannot be reached"
    check_a_failure(job, code, "error" if upload == "required" else level, says, [] if final else ["alexnet-report"])
    if final:
        assert not any(kept.number for kept in service.artifacts), "nothing was published"
        return
    with zipfile.ZipFile(io.BytesIO(service.published("alexnet-report")[0])) as archive:
        uploaded = json.loads(archive.read("report.json"))
    assert (uploaded["exit_code"], uploaded["artifacts"]) == (code, [])
    assert says in uploaded["unpublished"][0]["message"], "the report says what became of the file"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("upload", ["auto", "required"])
@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://127.0.0.1:9/", "127.0.0.1 does not accept the connection"),
        ("http://results.invalid/", "the name results.invalid cannot be resolved"),
    ],
)
def test_nobody_answers(address: str, says: str, upload: str, service: ResultsService, tmp_path: Path) -> None:
    job = Job(tmp_path, service)
    job.environ["ACTIONS_RESULTS_URL"] = address
    code = job.run(upload=upload)
    check_a_failure(job, code, "error" if upload == "required" else "warning", says)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("upload", ["auto", "required"])
def test_an_upload_that_stalls(
    upload: str, service: ResultsService, store: OwnStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store takes the beginning of a block and then nothing more, each time."""
    monkeypatch.setattr(Waits.__init__, "__defaults__", (0.3, 120.0))
    monkeypatch.setattr(played_runs, "CONTENT", bytes(8 << 20))
    store.script("block", *[stalls(10)] * 10)
    job = Job(tmp_path, service)
    code = job.run(upload=upload)
    check_a_failure(job, code, "error" if upload == "required" else "warning", "took nothing more for too long")


def check_a_failure(job: Job, code: int, level: str, says: str, uploaded: Sequence[str] = ()) -> None:
    """What holds whenever the file was not uploaded: it is said, the other way is named, and all else is there."""
    required = level == "error"
    assert code == (8 if required else 0)
    (message,) = job.annotations(level)
    assert says in message
    assert "in the workspace" in message
    assert "actions/upload-artifact" in message
    assert "Traceback" not in job.log
    assert (job.workspace / "ptmobile-report/alexnet.ptl").read_bytes().startswith(played_runs.CONTENT)
    report = job.report
    assert (report["exit_code"], report["verdict"]) == (code, "passed")
    assert [artifact["name"] for artifact in report["artifacts"]] == list(uploaded)
    assert says in report["unpublished"][0]["message"] + report["unpublished"][0]["advice"]
    summary = job.summary.read_text()
    assert "The artifact was not uploaded" in summary
    assert ("The step fails, because what should be handed over could not be." in summary) == required
    outputs = job.outputs
    assert (outputs["verdict"], outputs["artifact-id"], outputs["artifact-url"]) == ("passed", "", "")
    assert outputs["model-path"] == "ptmobile-report/alexnet.ptl"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("upload", ["auto", "required"])
@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"ACTIONS_RUNTIME_TOKEN": ""}, "ACTIONS_RUNTIME_TOKEN is not set"),
        ({"ACTIONS_RESULTS_URL": "", "ACTIONS_RUNTIME_TOKEN": ""}, "and ACTIONS_RESULTS_URL are not set"),
        ({"GITHUB_SERVER_URL": "https://github.corp.example"}, "not offered by GitHub Enterprise Server"),
        ({"ACTIONS_RUNTIME_TOKEN": runtime_token(scopes="Actions.Other:1:2")}, "does not carry the scope"),
    ],
)
def test_a_job_without_a_service(
    environ: dict[str, str], says: str, upload: str, service: ResultsService, tmp_path: Path
) -> None:
    job = Job(tmp_path, service)
    job.environ |= environ
    code = job.run(upload=upload)
    check_a_failure(job, code, "error" if upload == "required" else "notice", says)
    assert service.requests == []


@pytest.mark.usefixtures("quick")
def test_a_name_that_another_job_has(service: ResultsService, tmp_path: Path) -> None:
    service.publish("alexnet.ptl", b"theirs", OTHER_JOB)
    job = Job(tmp_path, service)
    assert job.run() == 0
    (message,) = job.annotations("warning")
    assert "an artifact with this name already exists" in message
    assert "artifact-name (in a matrix, one for each job), or set overwrite" in message
    assert service.published("alexnet.ptl")[0] == b"theirs"
    assert contents(service.published("alexnet-report")[0]) == REPORT_FILES
    assert job.outputs["artifact-id"] == "", "the outputs are about the file"


@pytest.mark.usefixtures("quick")
def test_a_lost_answer_is_no_failure(service: ResultsService, tmp_path: Path) -> None:
    service.script("FinalizeArtifact", *[lost()] * 5)
    job = Job(tmp_path, service)
    assert job.run(upload="required") == 0
    assert service.published("alexnet.ptl")[0].startswith(CONTENT)
    service.violations.clear()  # it is told again what it knows already


@pytest.mark.usefixtures("quick")
def test_act_has_archives_only(on_act: ResultsService, tmp_path: Path) -> None:
    job = Job(tmp_path, on_act)
    job.environ["ACT"] = "true"
    assert job.run(upload="required") == 0
    assert contents(on_act.published("alexnet.ptl")[0]) == {"alexnet.ptl"}
    assert job.outputs["artifact-url"] == ""
    assert "**Download:** `alexnet.ptl` (" in job.summary.read_text()
    assert any("zip archives only" in notice for notice in job.annotations("notice"))


@pytest.mark.usefixtures("quick")
def test_a_name_that_no_artifact_can_have(service: ResultsService, tmp_path: Path) -> None:
    job = Job(tmp_path, service)
    assert job.run(artifact_name="a/b") == 2
    assert "which is no name for an artifact: it contains /" in job.log
    assert [kept.name for kept in service.artifacts] == ["alexnet-report"], "the name that it has without one"


REFUSED_FILES = {"report.json", "report.html", "summary.md", "junit.xml", "SHA256SUMS"}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("config", "inputs", "artifact"),
    [
        ("", {"model": "torchvision:alexnet", "trials": "none"}, "alexnet-report"),
        ("", {"model": "torchvision:alexnet", "trials": "none", "archive": "zip"}, "alexnet"),
        ("", {"model": "torchvision:alexnet", "name": "net", "trials": "none"}, "net-report"),
        ("", {"model": "nowhere.py:Net", "artifact_name": "model"}, "model-report"),
        ("model: torchvision:alexnet\ntrials: none\n", {"model": ""}, "alexnet-report"),
        ("model: torchvision:alexnet\ntrials: none\nartifact-name: mine\n", {"model": ""}, "mine-report"),
        ("models: [{model: torchvision:alexnet}, {model: nowhere.py:Net}]\n", {"model": ""}, "ptmobile-report"),
        ("models: [", {"model": ""}, "ptmobile-report"),
        ("model: torchvision:alexnet\ntrials: none\nupload: off\n", {"model": ""}, None),
        ("", {"model": "torchvision:alexnet", "trials": "none", "upload": "off"}, None),
        ("model: torchvision:alexnet\ntrials: none\n", {"model": "", "mode": "plan"}, None),
        ("", {"model": "", "mode": "comment", "report": "nowhere.json"}, None),
    ],
)
def test_the_report_about_a_refusal_is_uploaded_as_any_other(
    config: str, inputs: dict[str, str], artifact: str | None, service: ResultsService, tmp_path: Path
) -> None:
    job = Job(tmp_path, service)
    if config:
        (job.workspace / "ptmobile.yml").write_text(config)
    assert job.run(**inputs) == 2
    assert [kept.name for kept in service.artifacts] == ([artifact] if artifact else [])
    if artifact:
        content = service.published(artifact)[0]
        assert contents(content) == REFUSED_FILES
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            uploaded = json.loads(archive.read("report.json"))
        assert (uploaded["exit_code"], uploaded["verdict"]) == (2, "failed")
        assert uploaded["problems"] == job.report["problems"]
        assert job.outputs["artifact-id"]


@pytest.mark.usefixtures("quick")
def test_a_fault_while_a_refusal_is_read_costs_no_report(
    service: ResultsService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError("once more")

    monkeypatch.setattr(session, "read_refused", fault)
    job = Job(tmp_path, service)
    assert job.run(trials="none") == 2
    assert job.report["problems"]
    assert service.requests == []


@pytest.mark.usefixtures("quick")
def test_the_command_line_uploads_only_when_asked(
    service: ResultsService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(tmp_path, service)
    (job.workspace / "ptmobile.yml").write_text("model: torchvision:alexnet\nupload: required\ncomment: always\n")
    monkeypatch.chdir(job.workspace)
    for name, value in job.environ.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["convert"]) == 0
    assert service.requests == []
    for name, value in job.environ.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["convert", "--upload", "required"]) == 0
    assert {kept.name for kept in service.artifacts} == {"alexnet.ptl", "alexnet-report"}


def test_a_real_model(service: ResultsService, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    job = Job(tmp_path, service)
    code = "import torch\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        return x + x\n"
    (job.workspace / "net.py").write_text(code)
    job.environ |= {"INPUT_MODEL": "net.py:Net", "INPUT_INPUTS": "[[2, 2]]", "INPUT_DEVICE-CHECK": "off"}
    assert job.run() == 0, job.log
    content, _ = service.published("Net.ptl")
    assert hashlib.sha256(content).hexdigest() == job.outputs["sha256"] == job.outputs["artifact-digest"]
    assert content == (job.workspace / job.outputs["model-path"]).read_bytes()
