"""What a run leaves in its folder, also where something cannot be made."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from report_support import CASES, passed

from ptmobile import publishing
from ptmobile.errors import ExitCode
from ptmobile.github.context import GitHubContext
from ptmobile.progress import choose_progress
from ptmobile.publishing import Publisher
from ptmobile.report.model import Report, to_json
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
