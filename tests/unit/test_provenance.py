"""Where a file comes from: what the runner says of it, what went in, and which code of ours made it."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from msgspec import structs
from report_support import passed

import ptmobile
from ptmobile import provenance
from ptmobile.device.target import DeviceTarget
from ptmobile.editions import Edition
from ptmobile.github.context import GitHubContext
from ptmobile.packages.model import InstalledPackage, Packages
from ptmobile.provenance import code_sha256, source_of, used_files
from ptmobile.report.model import Source, UsedFile
from ptmobile.report.origin import origin_rows
from ptmobile.report.summary import summary_blocks
from ptmobile.spec.conversion import ConversionSpec, ExampleInput

JOB = GitHubContext.from_environ(
    {
        "GITHUB_REPOSITORY": "owner/models",
        "GITHUB_SHA": "d" * 40,
        "GITHUB_REF": "refs/tags/v1",
        "GITHUB_WORKFLOW": "Release",
        "GITHUB_WORKFLOW_REF": "owner/models/.github/workflows/release.yml@refs/tags/v1",
        "GITHUB_RUN_ID": "77",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_ACTION_REPOSITORY": "org/ptmobile-action",
        "GITHUB_ACTION_REF": "v1",
        "ACTIONS_RUNTIME_TOKEN": "secret",
        "INPUT_GITHUB-TOKEN": "secret",
    }
)


def test_what_the_runner_says_of_a_run() -> None:
    assert source_of(JOB) == Source(
        repository="owner/models",
        sha="d" * 40,
        ref="refs/tags/v1",
        run_url="https://github.com/owner/models/actions/runs/77",
        workflow="owner/models/.github/workflows/release.yml@refs/tags/v1",
        run_id="77",
        run_attempt="2",
        event="push",
        action="org/ptmobile-action@v1",
    )
    assert "secret" not in str(source_of(JOB))
    assert source_of(GitHubContext()) == Source()
    assert source_of(replace(JOB, workflow_ref="")).workflow == "Release"
    assert source_of(replace(JOB, action_repository="")).action == "", "an action in the workspace has no name"


@pytest.mark.parametrize(
    ("context", "left_out"),
    [
        (replace(JOB, sha="main"), "sha"),
        (replace(JOB, sha="D" * 40), "sha"),
        (replace(JOB, repository="owner/models/../other"), "repository"),
        (replace(JOB, run_id="77\n"), "run_id"),
        (replace(JOB, run_attempt="-1"), "run_attempt"),
        (replace(JOB, event_name="push; ls"), "event"),
        (replace(JOB, action_repository="x y/z"), "action"),
    ],
)
def test_what_has_another_form_is_left_out(context: GitHubContext, left_out: str) -> None:
    found = source_of(context)
    assert getattr(found, left_out) == ""
    assert bool(found.run_url) == (left_out not in ("repository", "run_id"))
    assert found.ref == "refs/tags/v1"


def test_names_from_strangers_do_nothing() -> None:
    evil = "refs/heads/x\u202e|\x1b[31m<b>@owner" + "y" * 1000
    source = source_of(replace(JOB, ref=evil, workflow_ref=evil))
    assert len(source.ref) == len(source.workflow) == 500
    foot = summary_blocks(structs.replace(passed(), source=source))[-1]
    assert "\x1b" not in foot
    assert "\u202e" not in foot
    tokens = MarkdownIt("commonmark").enable("table").parse(foot)
    assert {token.type for token in tokens if token.type.startswith("html")} == {"html_block"}
    assert "<b>" not in "".join(token.content for token in tokens if token.type == "html_block")
    cells = [token.content for token in tokens if token.type == "inline"]
    (commit,) = (number for number, cell in enumerate(cells) if cell == "Commit")
    assert cells[commit + 1].startswith("`owner/models refs/heads/x")
    assert cells[commit + 2] == f"`{'d' * 40}`", "the row has as many cells as ever"


def test_the_rows_of_an_origin() -> None:
    assert [(row.what, row.name, row.digest[:1]) for row in origin_rows(passed())] == [
        ("Commit", "owner/models refs/tags/v1", "d"),
        ("Workflow", "owner/models/.github/workflows/release.yml@refs/tags/v1", ""),
        ("Run", "77, attempt 2, on push", ""),
        ("Action", "ptmobile-action 1.2.3 (org/ptmobile-action@v1)", "e"),
        ("Versions", "Python 3.11.2, torch 1.13.1, torchvision 0.14.1", ""),
        ("Model", "net.py", "a"),
        ("Weights", "net|1.pt", "b"),
        ("App's library", "org.pytorch:pytorch_android_lite:1.12.2@aar", "c"),
    ]


def test_requirements_and_packages_are_in_the_rows() -> None:
    report = passed()
    packages = Packages(sources=(), installed=(InstalledPackage(name="timm", version="0.9.16", sha256="ab"),))
    used = (UsedFile(role="requirements", path="requirements.txt", sha256="cd"),)
    (model, *_) = report.models
    rows = origin_rows(structs.replace(report, models=(structs.replace(model, packages=packages, used=used),) * 2))
    assert [(row.what, row.name, row.digest) for row in rows][-2:] == [
        ("Requirements", "requirements.txt", "cd"),
        ("Package", "timm 0.9.16", "ab"),
    ]


def test_models_share_files_but_rows_do_not_repeat() -> None:
    once = passed()
    twice = structs.replace(once, models=once.models * 2)
    assert origin_rows(twice) == origin_rows(once)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name in ("ptmobile.yml", "nets/net.py", "src/pkg/__init__.py", "w.pt", "x.npy", "y.npy"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"this is {name}")
    return tmp_path


def test_the_files_that_went_in(workspace: Path) -> None:
    inputs = (ExampleInput(file="x.npy"), ExampleInput(shape=(1,)), ExampleInput(file="y.npy"))
    spec = ConversionSpec(model="nets/net.py:Net", weights="w.pt", inputs=inputs)
    found = used_files(spec, "ptmobile.yml", (), workspace)
    assert [(file.role, file.path) for file in found] == [
        ("config", "ptmobile.yml"),
        ("model", "nets/net.py"),
        ("weights", "w.pt"),
        ("inputs", "x.npy"),
        ("inputs", "y.npy"),
    ]
    for file in found:
        content = f"this is {file.path}".encode()
        assert (file.sha256, file.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("nets.net:Net", "nets/net.py"),
        ("pkg:Net", "src/pkg/__init__.py"),
        ("somewhere.installed:Net", None),
        ("torchvision:resnet18", None),
        ("w.pt", "w.pt"),
        ("nets/gone.py:Net", None),
        ("nets.pt", None),
    ],
)
def test_which_file_is_the_model(model: str, path: str | None, workspace: Path) -> None:
    """What is not there is left out: that it cannot be loaded is said elsewhere."""
    (workspace / "nets.pt").mkdir()
    found = used_files(ConversionSpec(model=model, weights="gone.pt"), None, (), workspace)
    assert [file.path for file in found] == ([path] if path else [])


def test_the_libraries_that_were_there(workspace: Path) -> None:
    there = DeviceTarget(release="1.12.2", abi="x86_64", library="org:lite:1.12.2@aar", sha256="a" * 64)
    phone = structs.replace(there, abi="arm64-v8a")
    barred = structs.replace(there, library="org:lite:1.9.0@aar", obstacle="It cannot be run here.")
    absent = DeviceTarget(release="2.0", abi="x86_64", obstacle="It cannot be had.")
    editions = (Edition(devices=(there, phone)), Edition(name="bytecode 5", devices=(barred, absent)))
    (library,) = used_files(ConversionSpec(model="torchvision:alexnet"), None, editions, workspace)
    assert (library.role, library.path, library.sha256) == ("library", "org:lite:1.12.2@aar", "a" * 64)
    assert library.size_bytes is None


def test_our_code_has_the_hash_that_anybody_can_compute() -> None:
    """With the very line of the documents."""
    text = (Path(__file__).parents[2] / "docs/report.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("$ cd src/ptmobile && "))
    command = line.removeprefix("$ cd src/ptmobile && ")
    folder = Path(ptmobile.__file__).parent
    said = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert said.split()[0] == code_sha256()


def test_other_code_has_another_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Python compiled, and where the package lies, does not matter."""

    def hash_of(place: str, name: str, content: str) -> str:
        folder = tmp_path / place
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "__pycache__/a.pyc").write_text(place)
        (folder / name).write_text(content)
        monkeypatch.setattr(provenance, "__file__", str(folder / "provenance.py"))
        return code_sha256.__wrapped__()

    first = hash_of("1", "a.py", "x = 1")
    assert hash_of("2", "a.py", "x = 1") == first
    assert len({first, hash_of("3", "a.py", "x = 2"), hash_of("4", "b.py", "x = 1")}) == 3
