"""Each example workflow as act runs it, with the action in its own container; shards.yml has tests of its own."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ptmobile.local import image
from ptmobile.provenance import code_sha256
from tests.e2e.examples_on_act import ROOT, Examples

sys.path.insert(0, str(ROOT / "tests/artifact"))
from comment_api import TOKEN, CommentApi

PULL_REQUEST = {"pull_request": {"number": 7, "head": {"sha": "a" * 40}}, "number": 7}
TAG = {"ref": "refs/tags/v1.2.0"}
BASELINE = "artifact:digits-report@main"


@pytest.fixture
def examples(action_image: image.Image, tmp_path: Path) -> Examples:
    return Examples(tmp_path, action_image.tag)


def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def artifact(of: Examples, name: str) -> dict[str, bytes]:
    (archive,) = of.artifacts.rglob(f"{name}.zip")
    return members(archive)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check(done: tuple[int, str]) -> str:
    """The log of a run that passed."""
    code, log = done
    assert code == 0, log[-6000:]
    assert "Traceback" not in log
    return log


def test_convert(examples: Examples) -> None:
    log = check(examples.run("convert", "push", {"ref": "refs/heads/main"}))
    assert "DigitNet.ptl: OK" in log
    assert set(artifact(examples, "DigitNet.ptl")) == {"DigitNet.ptl"}


def in_repository(workflow: str) -> str:
    """With the baseline that lies in the repository: act has no REST API which artifacts of other runs come from."""
    assert BASELINE in workflow
    return workflow.replace(BASELINE, "examples/digits/baseline.json")


def test_a_budget(examples: Examples) -> None:
    check(examples.run("budgets", "pull_request", PULL_REQUEST, change=in_repository))
    report = json.loads(artifact(examples, "digits-report")["report.json"])
    assert report["baseline"]["problem"] == ""
    assert [one["edition"] for one in report["models"][0]["differences"]] == [""]
    code, log = examples.run(
        "budgets", "pull_request", PULL_REQUEST, change=lambda text: in_repository(text).replace("150 kB", "15 kB")
    )
    assert code != 0
    assert "Traceback" not in log
    report = json.loads(artifact(examples, "digits-report")["report.json"])
    assert (report["exit_code"], report["models"][0]["verdict"]["code"]) == (7, 7)


def test_the_check_of_a_pull_request_and_its_comment(examples: Examples) -> None:
    """The second workflow shows what the artifact of the first says, in the pull request that GitHub names."""
    check(examples.run("pull-request", "pull_request", PULL_REQUEST))
    assert set(artifact(examples, "model.ptl")) == {"DigitNet.ptl"}
    sha = "b" * 40
    run = {"id": 1, "event": "pull_request", "conclusion": "success", "head_sha": sha, "head_branch": "topic"}
    run |= {
        "head_repository": {"owner": {"login": "stranger"}},
        "html_url": "https://github.com/owner/models/actions/runs/1",
    }
    head = {"sha": sha, "label": "stranger:topic", "fork": True}
    with CommentApi() as api:
        api.pulls.append({"number": 7, "state": "open", "head": head})
        options = ("--env", f"GITHUB_API_URL={api.address}", "-s", f"GITHUB_TOKEN={TOKEN}")
        log = check(examples.run("comment", "workflow_run", {"workflow_run": run}, *options))
        (body,) = api.ours()
        assert not api.violations
    assert "ptmobile: DigitNet is verified" in body
    assert "https://github.com/owner/models/actions/runs/1" in body
    assert TOKEN not in log


def test_a_comment_is_for_pull_requests_only(examples: Examples) -> None:
    run = {"id": 1, "event": "push", "conclusion": "success", "head_sha": "b" * 40}
    with CommentApi() as api:
        options = ("--env", f"GITHUB_API_URL={api.address}", "-s", f"GITHUB_TOKEN={TOKEN}")
        check(examples.run("comment", "workflow_run", {"workflow_run": run}, *options))
        assert api.requests == []


def test_many_models(examples: Examples) -> None:
    """With smaller models than the example's; ``jq`` is not everywhere."""
    (examples.repository / "small.yml").write_text(
        "device-check: 'off'\nmodels: [{model: 'torchvision:squeezenet1_1', inputs: [[1, 3, 32, 32]]}, "
        "{model: examples/digits/model.py:DigitNet, inputs: [[1, 1, 28, 28]]}]\n"
    )
    listed = """jq --raw-output '.models[] | [.name, .verdict, .path, ."size-bytes"] | @tsv' <<<"$MODELS\""""

    def smaller(text: str) -> str:
        assert listed in text
        text = text.replace("examples/torchvision/ptmobile.yml", "small.yml").replace(listed, 'echo "$MODELS"')
        return text.replace("[mobilenet_v3_small, squeezenet1_1]", "[squeezenet1_1]")

    log = check(examples.run("many-models", "push", {"ref": "refs/heads/main"}, change=smaller))
    listing = json.loads(re.findall(r'\| (\{"verdict".*\})', log)[0])
    assert [(one["name"], one["verdict"]) for one in listing["models"]] == [
        ("squeezenet1_1", "passed"),
        ("DigitNet", "passed"),
    ]
    assert {"ptmobile", "ptmobile-report"} <= {path.stem for path in examples.artifacts.rglob("*.zip")}


def released(folder: Path, tag: str) -> tuple[Examples, str]:
    folder.mkdir(parents=True)
    made = Examples(folder, tag)
    return made, check(made.run("release", "push", TAG, "-s", f"GITHUB_TOKEN={TOKEN}"))


def test_a_release_and_a_second_run_of_it(action_image: image.Image, tmp_path: Path) -> None:
    """Two runs of one commit, in different folders and containers: the same bytes, each traced back to what made it."""
    first, log = released(tmp_path / "a", action_image.tag)
    second, _ = released(tmp_path / "another-place/with/deeper/folders", action_image.tag)
    files, again = artifact(first, "release"), artifact(second, "release")
    assert files["DigitNet.ptl"] == again["DigitNet.ptl"]
    assert files["SHA256SUMS"] == again["SHA256SUMS"]
    digest = sha256(files["DigitNet.ptl"])
    assert files["SHA256SUMS"] == f"{digest}  DigitNet.ptl\n".encode()
    assert "DigitNet.ptl: OK" in log
    assert f"attested {digest} DigitNet.ptl" in log
    check_calls(first.gh_calls, files)
    for report, of in ((files, first), (again, second)):
        check_origin(json.loads(report["report.json"]), of)


def check_calls(calls: list[dict[str, Any]], files: dict[str, bytes]) -> None:
    assert [call["arguments"][:3] for call in calls] == [
        ["release", what, "v1.2.0"] for what in ("view", "create", "upload")
    ]
    assert {(call["repository"], call["token"]) for call in calls} == {("owner/models", TOKEN)}
    wanted = ("DigitNet.ptl", "SHA256SUMS", "report.json", "report.html")
    assert calls[2]["files"] == {name: sha256(files[name]) for name in wanted}


def check_origin(report: dict[str, Any], of: Examples) -> None:
    source, used = report["source"], report["models"][0]["used"]
    assert (source["repository"], source["sha"]) == ("owner/models", of.commit)
    assert (source["ref"], source["event"]) == ("refs/tags/v1.2.0", "push")
    assert (source["run_id"], source["workflow"] != "") == ("1", True)
    assert report["tool"]["code_sha256"] == code_sha256(), "the image has the code of this checkout"
    for file in used[:3]:
        assert file["sha256"] == sha256((of.repository / file["path"]).read_bytes())
    assert [file["role"] for file in used] == ["config", "model", "weights", "library"]
    known = json.loads((ROOT / "src/ptmobile/runtimes/fetching/known_hashes.json").read_text())
    assert used[3]["sha256"] in json.dumps(known)
    assert used[3]["path"] == "org.pytorch:pytorch_android_lite:1.12.2@aar"
    assert {(one["abi"], one["status"]) for one in report["models"][0]["result"]["devices"]} == {
        ("x86_64", "right"),
        ("arm64-v8a", "right"),
    }
