"""The command line in a process of its own: what a run prints, writes and leaves behind, however it ends."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from run_support import MODELS, REPOSITORY, Ran, cli_command, cli_environment, run_cli

from ptmobile.local.file_commands import parse_key_values, summary_accepted
from ptmobile.local.workflow_commands import parse_commands
from ptmobile.spec.yaml_text import load_yaml
from tests.process_support import alive, descendants

# Loads the file as an app's developer would, with torch alone, and compares it with the model's own class.
PLAIN_TORCH = """
import sys
import torch
from torch.jit.mobile import _load_for_lite_interpreter
sys.path.insert(0, "examples/digits")
from model import DigitNet

model = DigitNet()
model.load_state_dict(torch.load("examples/digits/digits.pt")["model_state_dict"])
model.eval()
lite = _load_for_lite_interpreter(sys.argv[1])
for batch in (1, 2, 7):
    images = torch.rand(batch, 1, 28, 28)
    with torch.no_grad():
        expected, actual = model(images), lite(images)
    assert expected.abs().max() > 0.1 and expected.std() > 0.1
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
assert not [name for name in sys.modules if name.startswith("ptmobile")]
print("equal")
"""


def write_config(workspace: Path, **config: Any) -> None:
    (workspace / "ptmobile.yml").write_text(json.dumps(config))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with the test models."""
    return Path(shutil.copytree(MODELS, tmp_path / "workspace"))


@pytest.fixture
def job(tmp_path: Path) -> dict[str, str]:
    """The environment of a job, with the files that the runner gives to a step."""
    files = {name: tmp_path / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    return {"GITHUB_ACTIONS": "true", **{name: str(file) for name, file in files.items()}}


def outputs(job: dict[str, str]) -> dict[str, str]:
    return parse_key_values(Path(job["GITHUB_OUTPUT"]).read_bytes().decode())


# --- what a run gives ------------------------------------------------------------------------------------------------


def test_the_example_of_a_model_of_ones_own(tmp_path: Path, job: dict[str, str]) -> None:
    """Its file, in a process that imports nothing of ours, gives what the class gives; the outputs describe it."""
    shutil.copytree(REPOSITORY / "examples" / "digits", tmp_path / "w" / "examples" / "digits")
    ran = run_cli(tmp_path / "w", "--config", "examples/digits/ptmobile.yml", env=job)
    assert ran.code == 0, ran.output
    given = outputs(job)
    file = tmp_path / "w" / given["model-path"]
    plain = subprocess.run(
        [sys.executable, "-I", "-c", PLAIN_TORCH, str(file)],
        cwd=tmp_path / "w",
        capture_output=True,
        text=True,
        check=False,
    )
    assert plain.stdout == "equal\n", plain.stderr
    (model,) = ran.report["models"]
    assert model["result"]["trials"][-1]["arguments"] == ["float32 [4, 1, 28, 28]"]
    assert not model["verdict"]["warnings"]
    assert given["report-path"] == "ptmobile-report/report.json"
    assert given["sha256"] == model["file"]["content"]["sha256"]
    assert int(given["size-bytes"]) == file.stat().st_size
    assert (given["equivalent"], given["verdict"], given["bytecode-version"]) == ("true", "passed", "8")
    assert 0 < float(given["max-abs-diff"]) < 1e-3
    assert json.loads(given["json"])["models"][0]["path"] == given["model-path"]
    summary = Path(job["GITHUB_STEP_SUMMARY"]).read_bytes()
    assert summary_accepted(summary)
    assert "DigitNet" in summary.decode()


def test_a_failed_run_writes_everything_as_well(workspace: Path, job: dict[str, str]) -> None:
    ran = run_cli(workspace, "--model", "factory_raises.py:make", "--inputs", "[2, 4]", env=job)
    assert ran.code == 3
    assert ran.report["verdict"] == "failed"
    assert "the width must be positive" in ran.summary
    given = outputs(job)
    assert (given["equivalent"], given["verdict"], given["model-path"], given["sha256"]) == ("false", "failed", "", "")
    assert json.loads(given["json"])["models"][0]["code"] == 3
    assert "the width must be positive" in Path(job["GITHUB_STEP_SUMMARY"]).read_text()


def test_a_refused_specification_writes_everything_as_well(workspace: Path, job: dict[str, str]) -> None:
    ran = run_cli(workspace, "--model", "nets.py:TinyNet", "--inputs", "[2, 4]", "--trials", "many", env=job)
    assert ran.code == 2
    assert ran.report["models"] == []
    assert "trials" in ran.summary
    assert outputs(job)["verdict"] == "failed"
    assert "trials" in Path(job["GITHUB_STEP_SUMMARY"]).read_text()


def test_several_models_of_which_one_fails(workspace: Path, job: dict[str, str]) -> None:
    models = ["nets.py:Stateless", "crashes.py:segfaults", {"model": "nets.py:make", "name": "tiny"}]
    write_config(workspace, models=models, inputs=[[1, 3, 8, 8]])
    ran = run_cli(workspace, env=job)
    assert ran.code == 3
    assert [model["verdict"]["status"] for model in ran.report["models"]] == ["passed", "failed", "passed"]
    given = outputs(job)
    assert given["model-path"].splitlines() == ["ptmobile-report/Stateless.ptl", "ptmobile-report/tiny.ptl"]
    assert all((workspace / path).is_file() for path in given["model-path"].splitlines())
    assert (given["equivalent"], given["sha256"]) == ("false", "")
    never = run_cli(workspace, "--fail-on", "never", "--report-dir", "again", report_dir="again")
    assert never.code == 0
    assert never.report["verdict"] == "failed"


def test_the_summary_can_be_left_out(workspace: Path, job: dict[str, str]) -> None:
    ran = run_cli(workspace, "--model", "nets.py:Stateless", "--inputs", "[2]", "--summary", "false", env=job)
    assert ran.code == 0
    assert Path(job["GITHUB_STEP_SUMMARY"]).read_bytes() == b""
    assert "Stateless" in ran.summary


@pytest.mark.parametrize("flavour", ["runner", "act"])
def test_no_line_of_a_model_is_a_workflow_command(workspace: Path, job: dict[str, str], flavour: Any) -> None:
    """The model prints commands while it is imported, built and run, and puts them into the text of an exception."""
    (workspace / "raises.py").write_text('def make():\n    raise ValueError("x\\n::error::forged\\n##[error]forged")\n')
    write_config(workspace, models=["prints_commands.py:Net", "raises.py:make"], inputs=[[2, 4]])
    ran = run_cli(workspace, env=job)
    assert ran.code == 3
    assert ran.output.count("printed by the model") > 10
    commands = parse_commands(ran.output, flavour)
    assert [command.name for command in commands] == ["group", "endgroup", "group", "endgroup", "error"]
    titles = [command.data for command in commands if command.name == "group"]
    assert titles == ["Net (1 of 2)", "make (2 of 2)"]
    (error,) = [command for command in commands if command.name == "error"]
    assert error.properties["title"].startswith("make could not be loaded and run")  # act looks for the last "::"
    assert outputs(job)["verdict"] == "failed"


def test_warnings_of_a_verified_model_are_one_annotation(workspace: Path, job: dict[str, str]) -> None:
    ran = run_cli(workspace, "--model", "outputs.py:Still", "--inputs", "[2, 4]", env=job)
    assert ran.code == 0
    assert [command.name for command in parse_commands(ran.output)] == ["group", "endgroup", "warning"]


def test_outside_of_a_job_no_commands_are_printed(workspace: Path) -> None:
    ran = run_cli(workspace, "--model", "factory_raises.py:make", "--inputs", "[2, 4]")
    assert ran.code == 3
    assert parse_commands(ran.output) == []
    assert "the width must be positive" in ran.output


@pytest.mark.parametrize("redirect", ["| true", "> /dev/full", ">&-"])
def test_a_run_goes_on_when_nobody_reads_what_it_prints(workspace: Path, redirect: str) -> None:
    command = shlex.join(cli_command("--model", "nets.py:Stateless", "--inputs", "[2]"))
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} {redirect}"],
        cwd=workspace,
        env=cli_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert Ran(0, "", workspace).report["verdict"] == "passed"
    assert (workspace / "ptmobile-report" / "Stateless.ptl").is_file()


# --- the same file everywhere ----------------------------------------------------------------------------------------

SAME = [
    {"model": "roads.py:TrainedNorm", "name": "script", "method": "script", "inputs": [[1, 3, 12, 12]]},
    {"model": "roads.py:TrainedNorm", "name": "trace", "method": "trace", "inputs": [[1, 3, 12, 12]]},
    {"model": "roads.py:Methods", "name": "plain", "optimize": False, "inputs": [[2, 4]]},
    {"model": "package.net:Net", "name": "bundled", "bundle-inputs": True, "inputs": [[1, 2]]},
]


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> list[Ran]:
    """The same models in two working directories, for two users with other homes and hash seeds."""
    base = tmp_path_factory.mktemp("same")
    ran = []
    for user, folder, seed in (("alice", "alice/checkout", "1"), ("bob", "srv/b/o/b/deeper/elsewhere", "2")):
        workspace = base / folder
        shutil.copytree(MODELS, workspace)
        write_config(workspace, models=SAME)
        env = {"USER": user, "LOGNAME": user, "HOME": f"/home/{user}", "PYTHONHASHSEED": seed, "TZ": f"X{user[:3]}+5"}
        ran.append(run_cli(workspace, env=env))  # one after the other, so that times in the archives would differ
    return ran


@pytest.mark.parametrize("name", [str(model["name"]) for model in SAME])
def test_the_same_model_gives_the_same_bytes(twice: list[Ran], name: str) -> None:
    assert [ran.code for ran in twice] == [0, 0], twice[0].output
    first, second = ((ran.workspace / ran.model(name)["file"]["path"]).read_bytes() for ran in twice)
    assert first == second


def test_a_file_tells_nothing_of_where_and_by_whom_it_was_made(twice: list[Ran]) -> None:
    for ran in twice:
        for model in SAME:
            file = ran.workspace / ran.model(str(model["name"]))["file"]["path"]
            with zipfile.ZipFile(file) as archive:
                contents = {name: archive.read(name) for name in archive.namelist()}
            everything = file.read_bytes() + b"".join(contents.values())
            for told in (b"alice", b"bob", str(ran.workspace).encode(), b"/tmp", b"/usr/", b"dist-packages", b"/home"):
                assert told not in everything, (model, told)
            assert not [name for name in contents if "debug" in name]
            assert all(name.startswith("model/") for name in contents)


# --- ownership -------------------------------------------------------------------------------------------------------


def test_everything_that_is_written_belongs_to_the_owner_of_the_workspace(workspace: Path) -> None:
    owner = (12345, 54321) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    os.chown(workspace, *owner)
    before = set(workspace.rglob("*"))
    ran = run_cli(
        *(workspace, "--model", "nets.py:Stateless", "--inputs", "[2]", "--output", "a/b/c.ptl"),
        *("--report-dir", "r/s"),
        report_dir="r/s",
    )
    assert ran.code == 0, ran.output
    created = set(workspace.rglob("*")) - before
    assert {path.relative_to(workspace).as_posix() for path in created} == {
        *("a", "a/b", "a/b/c.ptl", "r", "r/s", "r/s/Stateless.operators.yaml"),
        *("r/s/report.json", "r/s/summary.md", "r/s/report.html", "r/s/junit.xml", "r/s/SHA256SUMS"),
    }
    listed = load_yaml((workspace / "r/s/Stateless.operators.yaml").read_text())
    assert listed == ran.model("Stateless")["file"]["content"]["operators"]
    assert all("::" in operator for operator in listed)
    assert {(path.stat().st_uid, path.stat().st_gid) for path in created} == {owner}
    assert {path.stat().st_mode & 0o777 for path in created if path.is_file()} == {0o644}


# --- cancellation ----------------------------------------------------------------------------------------------------


@pytest.fixture
def hanging(workspace: Path, tmp_path: Path, job: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A run that has finished one model and hangs in the next."""
    write_config(workspace, models=["nets.py:Stateless", "behaviour.py:LeavesOthersBehind"], inputs=[[2, 4]])
    (tmp_path / "tmp").mkdir()
    env = {**cli_environment(), **job, "TMPDIR": str(tmp_path / "tmp")}
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(cli_command(), cwd=workspace, env=env, stdout=log, stderr=subprocess.STDOUT)
    patience = time.monotonic() + 60
    while "it hangs" not in (tmp_path / "log").read_text() and time.monotonic() < patience:
        time.sleep(0.05)
    yield process
    process.kill()
    process.wait()
    log.close()


@pytest.mark.parametrize("signals", [(signal.SIGTERM,), (signal.SIGINT,), (signal.SIGINT, signal.SIGTERM)])
def test_a_cancelled_run_still_reports_and_leaves_no_process_behind(
    hanging: subprocess.Popen[bytes],
    signals: tuple[signal.Signals, ...],
    workspace: Path,
    tmp_path: Path,
    job: dict[str, str],
) -> None:
    """The runner sends SIGINT and then SIGTERM. The model has started a process in a session of its own."""
    processes = descendants(hanging.pid)
    assert len(processes) >= 5  # the prepared parent, a supervisor, the model, and what the model has started
    for number in signals:
        hanging.send_signal(number)
    assert hanging.wait(timeout=30) == 130
    ran = Ran(130, (tmp_path / "log").read_text(), workspace)
    assert [model["verdict"]["status"] for model in ran.report["models"]] == ["passed"]
    assert ran.report["problems"][0]["message"].startswith(f"The run was interrupted by {signals[0].name}")
    assert ran.report["exit_code"] == 130
    assert "interrupted" in ran.summary
    assert outputs(job)["verdict"] == "failed"
    assert [command.name for command in parse_commands(ran.output)].count("error") == 1
    assert not [process for process in processes if alive(process)]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_exit_code_of_a_cancelled_run_is_documented() -> None:
    done = subprocess.run([*cli_command()[:-1], "--help"], capture_output=True, text=True, check=True)
    assert "130 cancelled" in done.stdout
