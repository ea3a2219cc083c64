"""What a run leaves in its folder, also where something cannot be made."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from msgspec.structs import replace
from report_support import CASES, model, passed, report, result, shipped

from ptmobile.errors import ExitCode
from ptmobile.github.commands import CommandWriter
from ptmobile.github.context import GitHubContext
from ptmobile.local.file_commands import parse_key_values
from ptmobile.local.workflow_commands import parse_commands
from ptmobile.progress import choose_progress
from ptmobile.publishing import publisher as publishing
from ptmobile.publishing.publisher import Publisher
from ptmobile.report.model import Reason, Report, to_json
from ptmobile.spec.workspace import Workspace

FILES = {"report.json", "summary.md", "report.html", "junit.xml"}


def publish(root: Path, of: Report) -> tuple[int, str]:
    stream = io.StringIO()
    publisher = Publisher(
        GitHubContext.from_environ({}), Workspace(root), choose_progress(stream, in_actions=False), None
    )
    return publisher.publish(of, "out", summary=True), stream.getvalue()


@pytest.mark.parametrize("name", CASES)
def test_every_run_leaves_every_rendering(tmp_path: Path, name: str) -> None:
    of = CASES[name]()
    code, said = publish(tmp_path, of)
    assert code == of.exit_code
    assert {file.name for file in (tmp_path / "out").iterdir()} >= FILES
    assert said.endswith("Report: out/report.json\n")


@pytest.mark.parametrize("name", ["report_html", "junit_xml"])
def test_a_fault_in_a_rendering_costs_none_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def faulty(_: Report) -> bytes:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(publishing, name, faulty)
    code, said = publish(tmp_path, passed())
    file = {"report_html": "report.html", "junit_xml": "junit.xml"}[name]
    assert code == ExitCode.PUBLISH
    assert FILES - {file} <= {entry.name for entry in (tmp_path / "out").iterdir()}
    assert (tmp_path / "out/report.json").read_bytes() == to_json(passed())
    assert f"{file} cannot be made: ZeroDivisionError: of ours." in said


def test_a_report_that_cannot_be_written_is_one_error_and_no_path(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    output, summary, stream = tmp_path / "output", tmp_path / "summary", io.StringIO()
    output.touch()
    summary.touch()
    context = GitHubContext(in_actions=True, output_file=output, summary_file=summary)
    progress = choose_progress(stream, in_actions=True)
    publisher = Publisher(context, Workspace(tmp_path), progress, CommandWriter(stream))
    assert publisher.publish(passed(), "out", summary=True) == ExitCode.PUBLISH
    (error,) = [command for command in parse_commands(stream.getvalue()) if command.name == "error"]
    assert all(f"out/{name} cannot be written" in error.data for name in FILES)
    assert error.data.count("Check that") == 1
    given = parse_key_values(output.read_text())
    assert (given["report-path"], given["verdict"]) == ("", "passed")
    assert "ptmobile" in summary.read_text()


def lines_of(root: Path) -> list[str]:
    return (root / "out/SHA256SUMS").read_text().splitlines()


def test_checksums_are_those_of_verified_files(tmp_path: Path) -> None:
    """A file that did not verify is not among them; there is an empty list then, and none of an earlier run."""
    publish(tmp_path, passed())
    (one,) = lines_of(tmp_path)
    assert one == f"{passed().models[0].files[0].content.sha256}  net.ptl"
    publish(tmp_path, CASES["mismatch"]())
    assert lines_of(tmp_path) == []
    publish(tmp_path, report(problems=[Reason(title="no", message="no")], exit_code=2))
    assert lines_of(tmp_path) == []


def test_checksums_name_all_files(tmp_path: Path) -> None:
    """Those for other releases too; where two files have the same name, by their paths."""
    one = replace(
        model(), file=shipped(path="a/net.ptl"), editions=(shipped(path="a/net.bytecode-5.ptl", edition="bytecode 5"),)
    )
    other = model("other", file=shipped(path="b/net.ptl"))
    publish(tmp_path, report(one, other))
    assert [line.split("  ")[1] for line in lines_of(tmp_path)] == ["a/net.ptl", "net.bytecode-5.ptl", "b/net.ptl"]


def test_files_that_were_there_before_have_no_checksums(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/SHA256SUMS").write_text("of an earlier run\n")
    publish(tmp_path, report(model(found=replace(result(), mode="check"))))
    assert lines_of(tmp_path) == ["of an earlier run"]
