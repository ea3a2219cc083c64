"""bench/fuzz.py: a short run of it, and that it would notice what it looks for."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ptmobile.errors import ExitCode

BENCH = Path(__file__).resolve().parents[2] / "bench"
#: Another one than that of bench/fuzz.py, so that more cases are tried.
SEED = "1"
FORGED = {
    "output": "::group::x\n::set-output name=a::b\n",
    "token": "a sesame in the log",
    "traceback": "Traceback (most recent call last):\n",
    "half a character": "\udcff",
}
FOUND = {
    "output": "the command 'set-output'",
    "token": "a secret is in the log",
    "traceback": "there is a traceback",
    "half a character": "the log is not UTF-8",
}
Faults = Callable[..., list[str]]


def test_a_short_run() -> None:
    command = [sys.executable, str(BENCH / "fuzz.py"), "--seed", SEED, "--cases", "150", "--whole", "75"]
    done = subprocess.run([*command, "--minutes", "60"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {kind: int(number) for number, kind in re.findall(r"^  (\d+) (.+)$", done.stdout, re.MULTILINE)}
    assert (counts["in this process"], counts["as processes"]) == (148, 2)
    assert counts["with a specification that led to a worker"] > 20
    codes = {int(code) for code in re.findall(r"(\d+): \d+", done.stdout.partition("exit codes")[2])}
    assert {ExitCode.PASSED, ExitCode.CONFIGURATION, ExitCode.LOAD, ExitCode.PUBLISH} <= codes


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))


@pytest.fixture
def faults(bench: None, tmp_path: Path) -> Faults:
    """What is found after a case that ended so, in folders where ``spoil`` has done something."""
    from _fuzz_cases import Case  # noqa: PLC0415 - these are not modules of a package
    from _fuzz_check import faults as found_in  # noqa: PLC0415
    from _fuzz_run import Ended, prepare, run_here  # noqa: PLC0415

    def found(code: int | None = None, output: str = "", spoil: Callable[[Any], object] = lambda _: None) -> list[str]:
        environ = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": "{root}/workspace"}
        environ["GITHUB_OUTPUT"] = "{root}/runner/output"
        case = Case("one", environ)
        place, given = prepare(case, tmp_path / "case")
        ended = run_here(case, given)
        assert list(found_in(case, given, place, ended)) == []
        spoil(place)
        ended = Ended(ended.code if code is None else code, output or ended.output)
        return list(found_in(case, given, place, ended))

    return found


@pytest.mark.parametrize("what", FORGED)
def test_it_notices_what_the_log_must_not_hold(what: str, faults: Faults) -> None:
    assert any(FOUND[what] in fault for fault in faults(output=FORGED[what]))


@pytest.mark.parametrize(
    ("code", "found"), [(1, "failed by itself"), (77, "is not documented"), (5, "the report says")]
)
def test_it_notices_exit_codes(code: int, found: str, faults: Faults) -> None:
    assert any(found in fault for fault in faults(code=code))


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda place: (place.runner / "output").write_text("A<<E\nx\n"), "cannot read the outputs"),
        (lambda place: (place.runner / "output").write_text("a=b\n"), "outputs that are not ours"),
        (lambda place: (place.runner / "output").write_text(""), "there are no outputs"),
        (lambda place: (place.runner / "summary").write_bytes(b"x" * 1048577), "the summary is too large"),
        (lambda place: (place.outside / "more").touch(), "outside of the workspace"),
        (lambda place: (place.workspace / "net.py").write_text("sesame"), "a secret is in workspace/net.py"),
        (lambda place: (place.workspace / "ptmobile-report/report.json").unlink(), "there is no report"),
        (lambda place: (place.workspace / "ptmobile-report/report.json").write_text("{}"), "not as its schema says"),
    ],
)
def test_it_notices_what_was_left(spoil: Callable[[Any], object], found: str, faults: Faults) -> None:
    assert any(found in fault for fault in faults(spoil=spoil))


def test_a_case_can_be_kept_and_run_again(bench: None) -> None:
    from _fuzz_cases import Case, make_case  # noqa: PLC0415

    for number in range(200):
        case = make_case(3, number)
        assert Case.loads(case.dumps()) == case == make_case(3, number)
