"""Asking a library: the files that ask, and what follows from answers, sensible and other; the library is a fake."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ptmobile.device.answers import Failure as DeviceFailure
from ptmobile.device.answers import FileAnswer
from ptmobile.device.crash import Crash
from ptmobile.device.errors import CannotRunError
from ptmobile.device.plan import ModelFile
from ptmobile.device.probing import CannotAskError
from ptmobile.device.probing.apart import Asked, ask_apart
from ptmobile.device.probing.asking import NO_OPERATOR, Interview, VersionLimits
from ptmobile.device.probing.probe import line_of
from ptmobile.device.probing.questions import Question, make_file
from ptmobile.device.runner import Report
from ptmobile.errors import ExitCode
from ptmobile.litefile import LiteFile, read_lite_file
from ptmobile.runtimes.limits import load_tables
from ptmobile.sandbox.account import Account

# --- the files


def read(question: Question, folder: Path) -> LiteFile:
    path = folder / "question.ptl"
    path.write_bytes(make_file(question))
    return read_lite_file(path)


def test_a_question(tmp_path: Path) -> None:
    lite = read(Question(9, 10, ("aten::add.Tensor", "aten::relu", "prim::ConstantChunk")), tmp_path)
    assert (lite.bytecode_version, lite.archive_version, lite.methods) == (9, 10, ("forward",))
    assert lite.operators == ("aten::add.Tensor", "aten::relu", "prim::ConstantChunk")
    assert lite.operator_arguments == {}


def test_a_question_without_operators(tmp_path: Path) -> None:
    assert read(Question(5, 3), tmp_path).operators == ()


def test_a_question_about_everything(tmp_path: Path) -> None:
    """Long tables need other pickle opcodes than short ones."""
    everything = sorted({name for _, schemas in load_tables().schemas.values() for name in schemas})
    assert len(everything) > 4000
    assert list(read(Question(5, 3, tuple(everything)), tmp_path).operators) == everything


def test_the_same_question_is_the_same_file() -> None:
    assert make_file(Question(5, 3, ("aten::relu",))) == make_file(Question(5, 3, ("aten::relu",)))


# --- the answers

Rule = Callable[[LiteFile], str | Crash | None]


class FakeLibrary:
    """Answers for each file what `rule` says: a message, a crash, or None. `silent`: so many files go unanswered."""

    def __init__(self, rule: Rule, silent: int = 0) -> None:
        self._rule = rule
        self._silent = silent
        self.rounds: list[list[LiteFile]] = []

    def run(self, files: Sequence[ModelFile], scratch: Path, environment: Mapping[str, str]) -> Report:
        assert all(file.path.is_relative_to(scratch) and not file.trials for file in files)
        asked = [read_lite_file(file.path) for file in files]
        self.rounds.append(asked)
        answered = itertools.islice(enumerate(asked), len(asked) - self._silent)
        return Report(files={number: self._answer(lite) for number, lite in answered})

    def _answer(self, lite: LiteFile) -> FileAnswer:
        said = self._rule(lite)
        if isinstance(said, Crash):
            return FileAnswer(crash=said)
        return FileAnswer(failure=None if said is None else DeviceFailure("load", "java.lang.RuntimeException", said))


def usual(lite: LiteFile) -> str | None:
    """A library of bytecode 4 to 7 and archive version 1 to 9, which has `aten::add.Tensor` and `aten::relu`."""
    if not 4 <= lite.bytecode_version <= 7:
        return f"must be between 4 and 7 but the model version is {lite.bytecode_version}"
    if lite.archive_version > 9:
        return f"Attempted to read a PyTorch file with version {lite.archive_version}"
    lacking = [name for name in lite.operators if name not in {"aten::add.Tensor", "aten::relu"}]
    return f"Following ops cannot be found: {lacking[0]}" if lacking else None


def interview(tmp_path: Path, library: FakeLibrary) -> Interview:
    runner: Any = library
    return Interview(runner, tmp_path, {})


def test_the_limits(tmp_path: Path) -> None:
    library = FakeLibrary(usual)
    assert interview(tmp_path, library).limits() == VersionLimits(4, 7, 9)
    assert len(library.rounds) == 2  # one process for each kind of version


def test_what_is_lacking(tmp_path: Path) -> None:
    library = FakeLibrary(usual)
    names = ["aten::add.Tensor", "aten::add.Scalar", "aten::relu", "aten::relu_"]
    assert interview(tmp_path, library).lacking(names, 7) == {"aten::add.Scalar", "aten::relu_"}
    single, together = library.rounds
    assert {lite.bytecode_version for lite in (*single, *together)} == {7}
    assert [lite.operators for lite in single] == [(NO_OPERATOR,), *((name,) for name in names)]
    assert [lite.operators for lite in together] == [("aten::add.Tensor", "aten::relu")]


def nothing(lite: LiteFile) -> str:
    return f"no version like {lite.bytecode_version} or {lite.archive_version}"


def everything(lite: LiteFile) -> None:
    return None


def holes(lite: LiteFile) -> str | None:
    return "the model version is 6" if lite.bytecode_version == 6 else usual(lite)


def other_reason(lite: LiteFile) -> str | None:
    return "out of memory"


def dies(lite: LiteFile) -> str | Crash | None:
    return Crash("load", "was ended by SIGSEGV", words="Fatal") if lite.archive_version == 5 else usual(lite)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (nothing, "makes? no sense: it loads bytecode version none"),
        (everything, r"no sense: it loads bytecode version 1, 2, 3, 4, 5 and 59 more"),
        (holes, "no sense: it loads bytecode version 4, 5, 7"),
        (other_reason, "answer to bytecode version 1 makes no sense: it says: out of memory"),
        (dies, "file of bytecode 7 and archive version 5, the library's process was ended by SIGSEGV.\nFatal"),
    ],
)
def test_limits_that_make_no_sense(tmp_path: Path, rule: Rule, reason: str) -> None:
    with pytest.raises(CannotAskError, match=reason) as raised:
        interview(tmp_path, FakeLibrary(rule)).limits()
    assert raised.value.code == ExitCode.RUNTIME_INCOMPATIBLE


def lazy(lite: LiteFile) -> None:
    """A library that looks operators up when they are called."""
    return


def jealous(lite: LiteFile) -> str | None:
    """Has each of two operators, but not both."""
    return "Following ops cannot be found: aten::relu" if len(lite.operators) > 1 else usual(lite)


def elsewhere(lite: LiteFile) -> str | None:
    return "the file is damaged" if lite.operators == ("aten::relu_",) else usual(lite)


def crashes(lite: LiteFile) -> str | Crash | None:
    return Crash("load", "was ended by SIGABRT") if lite.operators == ("aten::relu_",) else usual(lite)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (lazy, "an operator which does not exist makes no sense: it loads it"),
        (jealous, "all operators it has makes no sense: it says: Following ops cannot be found: aten::relu"),
        (elsewhere, "a file that names aten::relu_ makes no sense: it says: the file is damaged"),
        (crashes, "naming aten::relu_, the library's process was ended by SIGABRT"),
    ],
)
def test_operators_that_make_no_sense(tmp_path: Path, rule: Rule, reason: str) -> None:
    with pytest.raises(CannotAskError, match=reason):
        interview(tmp_path, FakeLibrary(rule)).lacking(["aten::add.Tensor", "aten::relu", "aten::relu_"], 7)


def test_questions_that_were_not_reached(tmp_path: Path) -> None:
    with pytest.raises(CannotAskError, match="did not answer all questions in time"):
        interview(tmp_path, FakeLibrary(usual, silent=1)).limits()


# --- whose operators are asked for


@pytest.mark.parametrize(
    ("version", "line"),
    [
        *(("1.9.0", "1.9"), ("1.12.2", "1.12"), ("2.1.0", "2.1")),
        ("1.12", "1.11"),  # published before PyTorch 1.12
        *(("1.12.9", "1.12"), ("1.14.0", "1.13"), ("2.0.1", "1.13"), ("3.0", "2.1"), ("1.10.0-rc1", "1.10")),
        ("1.8.0", "1.9"),
    ],
)
def test_the_line_of_a_version(version: str, line: str) -> None:
    assert line_of(version, load_tables()) == line


# --- as another user

ASKED = Asked(bytecode_min=4, bytecode_max=7, archive_max=9, lacking=frozenset({"aten::relu"}))
NOBODY = Account(65534, 65534)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def test_as_ourselves() -> None:
    here = os.getpid()

    def ask() -> Asked:
        assert os.getpid() == here
        return ASKED

    assert ask_apart(Account(), ask) == ASKED


@as_root
def test_as_somebody_else() -> None:
    """Without a way back, and without root's groups."""

    def ask() -> Asked:
        numbers = (*os.getresuid(), *os.getresgid(), *os.getgroups())
        return replace(ASKED, lacking=frozenset(map(str, numbers)))

    assert ask_apart(NOBODY, ask).lacking == {"65534"}
    assert os.getuid() == 0


def fail_as_known() -> Asked:
    raise CannotAskError("It makes no sense.", advice="Ask somebody else.")


def fail_by_the_system() -> Asked:
    Path("/root/nobody-may-write-here").write_text("x")
    return ASKED


def fail_by_a_fault() -> Asked:
    raise ZeroDivisionError


def be_killed() -> Asked:
    os.kill(os.getpid(), signal.SIGKILL)
    return ASKED


@as_root
@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (fail_as_known, "It makes no sense.\nAsk somebody else."),
        (fail_by_the_system, "The library cannot be run: [Errno 13] Permission denied: '/root/nobody-may-write-here'."),
        (fail_by_a_fault, "The process that asks the library ended without an answer (status 1)."),
        (be_killed, "The process that asks the library ended without an answer (status -9)."),
    ],
)
def test_somebody_else_fails(ask: Callable[[], Asked], words: str) -> None:
    with pytest.raises(CannotRunError) as raised:
        ask_apart(NOBODY, ask)
    assert str(raised.value) == words
