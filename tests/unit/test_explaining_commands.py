"""`ptmobile explain`: what it prints, where, and the codes that it ends with."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from ptmobile.cli import main
from ptmobile.errors import ExitCode
from ptmobile.explaining.catalogue import GROUPS, KNOWN_ERRORS
from ptmobile.explaining.commands import NOT_KNOWN

MISSING = "PytorchStreamReader failed locating file bytecode.pkl: file not found ()"
ROOT = Path(__file__).resolve().parents[2]


def test_a_known_message_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", MISSING]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert lines[0] == "bytecode-missing"
    assert [line.split(":")[0] for line in lines if not line.startswith(" ")][1:] == [
        *("Cause", "Remedy", "Comes from", "Source")
    ]
    text = " ".join(out.split())
    assert "was not saved for the lite interpreter" in text
    assert "Save with _save_for_lite_interpreter" in text
    assert "the app's own library" in text
    assert "pytorch/android-demo-app#157" in text
    assert all(len(line) <= 100 for line in lines)


def test_what_else_fits_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "MemoryError: std::bad_alloc"]) == 0
    assert "It also fits out-of-memory: The memory is not enough" in capsys.readouterr().out
    assert main(["explain", "MemoryError: std::bad_alloc", "--stage", "eager"]) == 0
    assert capsys.readouterr().out.startswith("out-of-memory\n")


def test_a_log_on_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    log = b"I/Noise: \xff\xfe\n" * 3000 + f"E/App: {MISSING}\n".encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(log)))
    assert main(["explain", "-"]) == 0
    assert capsys.readouterr().out.startswith("bytecode-missing\n")


def test_an_unknown_message_has_a_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "something else"]) == NOT_KNOWN
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("This message is not known.")
    for wanted in ("whole message", "versions", "smallest model"):
        assert wanted in err
    assert NOT_KNOWN not in set(ExitCode) | {2}


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--json", MISSING]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["known"] is True
    assert told["explanations"][0]["id"] == "bytecode-missing"
    assert set(told["explanations"][0]) == {"id", "cause", "remedy", "stages", "source"}
    assert main(["explain", "--json", "something else"]) == NOT_KNOWN
    out, err = capsys.readouterr()
    assert json.loads(out) == {"known": False, "explanations": []}
    assert err == ""


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--list"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if line.startswith("  ")] == [k.id for k in KNOWN_ERRORS]
    assert [line[:-1] for line in out.splitlines() if not line.startswith("  ")] == list(GROUPS)
    assert main(["explain", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in listed] == [known.id for known in KNOWN_ERRORS]
    assert all(entry["patterns"] and entry["example"] for entry in listed)


@pytest.mark.parametrize("arguments", [[], [MISSING, "--list"], [MISSING, "--stage", "nowhere"], ["one", "two"]])
def test_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["explain", *arguments])
    assert ended.value.code == 2
    assert "usage: ptmobile" in capsys.readouterr().err


def test_the_codes_are_documented(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["explain", "--help"])
    assert f"0 known   {NOT_KNOWN} not known   2 wrong use" in capsys.readouterr().out
    described = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    assert f"0 if the message is known, with {NOT_KNOWN} if not, and with 2\nif it is used wrongly" in described
