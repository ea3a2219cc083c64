"""The questions in their order, and what follows from the answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ptmobile.device.answers import FileAnswer
from ptmobile.device.errors import CannotRunError
from ptmobile.device.plan import ModelFile
from ptmobile.device.probing.questions import Question, make_file
from ptmobile.device.runner import Runner
from ptmobile.visible import shorten, visible

#: Version numbers that are tried. The newest that anything writes are bytecode 9 and archive 10.
VERSIONS: Final = range(1, 65)
#: The archive version that torch writes unless an operator needs a higher one; every runtime reads it.
USUAL_ARCHIVE: Final = 3
#: What no library has.
NO_OPERATOR: Final = "ptmobile::no_such_operator"


class CannotAskError(CannotRunError):
    """The library runs, but does not answer in a way that can be understood."""


@dataclass(frozen=True)
class VersionLimits:
    """The version numbers that a library loads, inclusive."""

    bytecode_min: int
    bytecode_max: int
    archive_max: int


class Interview:
    """Asks one library; each round of questions is one process."""

    def __init__(self, runner: Runner, scratch: Path, environment: Mapping[str, str]) -> None:
        self._runner = runner
        self._scratch = scratch
        self._environment = environment
        self._rounds = itertools.count()

    def limits(self) -> VersionLimits:
        """Which versions it loads.

        Raises:
            CannotRunError: it cannot be run here, or its answers make no sense.
        """
        asked = {version: Question(version, USUAL_ARCHIVE) for version in VERSIONS}
        bytecode = self._accepted("bytecode version", asked)
        asked = {version: Question(bytecode[-1], version) for version in VERSIONS}
        return VersionLimits(bytecode[0], bytecode[-1], self._accepted("archive version", asked)[-1])

    def lacking(self, operators: Iterable[str], bytecode: int) -> set[str]:
        """Which of these operators it lacks.

        One file for each: what a message names is only compared with what the file asked for. The last two are there
        to be sure: all that it has in one file, and a name that it cannot have.

        Raises:
            CannotRunError: it cannot be run here, or its answers make no sense.
        """
        names = [NO_OPERATOR, *operators]
        refusals = self._ask([Question(bytecode, USUAL_ARCHIVE, (name,)) for name in names])
        lacking = {name for name, refusal in zip(names, refusals, strict=True) if refusal is not None}
        for name, refusal in zip(names, refusals, strict=True):
            _expect(refusal is None or name in refusal, f"a file that names {name}", refusal)
        [together] = self._ask(
            [Question(bytecode, USUAL_ARCHIVE, tuple(name for name in names if name not in lacking))]
        )
        _expect(together is None, "a file that names all operators it has", together)
        _expect(NO_OPERATOR in lacking, "a file that names an operator which does not exist", None)
        return lacking - {NO_OPERATOR}

    def _accepted(self, what: str, asked: Mapping[int, Question]) -> list[int]:
        """The versions that are loaded; they must lie together, and end before those that were tried."""
        accepted = []
        for version, refusal in zip(asked, self._ask(list(asked.values())), strict=True):
            if refusal is None:
                accepted.append(version)
            _expect(refusal is None or str(version) in refusal, f"{what} {version}", refusal)
        if not accepted or accepted[-1] == VERSIONS[-1] or accepted != list(range(accepted[0], accepted[-1] + 1)):
            raise CannotAskError(f"The library's answers make no sense: it loads {what} {_listed(accepted)}.")
        return accepted

    def _ask(self, questions: Sequence[Question]) -> list[str | None]:
        """With what message each file is refused; None for those that are loaded."""
        folder = self._scratch / f"questions-{next(self._rounds)}"
        folder.mkdir()
        files = []
        for number, question in enumerate(questions):
            path = folder / f"{number}.ptl"
            path.write_bytes(make_file(question))
            files.append(ModelFile(path, ()))
        report = self._runner.run(files, folder, self._environment)
        return [_refusal(report.files.get(number), questions[number]) for number in range(len(files))]


def _refusal(answer: FileAnswer | None, question: Question) -> str | None:
    if answer is None:
        raise CannotAskError("The library did not answer all questions in time.")
    if answer.crash is not None:
        operators = f", naming {_listed(question.operators)}" if question.operators else ""
        raise CannotAskError(
            f"Loading a file of bytecode {question.bytecode} and archive version {question.archive}{operators}, the "
            f"library's process {answer.crash.how}.\n{answer.crash.words}".strip()
        )
    return None if answer.failure is None else answer.failure.message


def _expect(sensible: bool, what: str, refusal: str | None) -> None:
    """A file may be refused for the reason that it asks about, and for no other."""
    if not sensible:
        answer = "loads it" if refusal is None else f"says: {shorten(visible(refusal), 300)}"
        raise CannotAskError(f"The library's answer to {what} makes no sense: it {answer}.")


def _listed(names: Iterable[object]) -> str:
    words = list(map(str, names))
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "") if words else "none"
