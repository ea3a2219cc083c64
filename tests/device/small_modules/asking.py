"""Has every module of the zoo made into files for a release, and asks the tables and the release's libraries."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
from device_support import Library, with_tensors

from ptmobile.device.answers import FileAnswer, TrialAnswer
from ptmobile.errors import PtmobileError
from ptmobile.litefile import read_lite_file
from ptmobile.runtimes.choosing import find_release
from ptmobile.runtimes.limits import check_against_tables, load_tables
from ptmobile.runtimes.releases import Release
from ptmobile.worker.comparing import Policy, compare_pair
from ptmobile.worker.comparing.pairs import PairSpec
from ptmobile.worker.lowering import Target, lower
from ptmobile.worker.lowering.releases import target_for
from ptmobile.worker.stages.backporting import backport
from ptmobile.worker.stages.saving import save_lite
from ptmobile.worker.values.files import StoredTree
from ptmobile.worker.values.trees import dtype_name, flatten, memory_format
from small_modules.entry import Entry, copied
from small_modules.records import Answered, FromLibrary, FromTables, Record

#: What torch 1.13 writes.
_NEWEST: Final = 8
_WORDS: Final = 160
#: What the library says where it has computed an output, and Java has no form for it.
_AT_THE_BOUNDARY: Final = ("not supported on java side", "Unsupported IValue type")


@dataclass(frozen=True)
class Made:
    """A file of a module for a release; ``why`` it could not be made, if ``path`` is None."""

    path: Path | None
    why: str = ""


@dataclass(frozen=True)
class Files:
    """A module's files for a release: as it is, and lowered if that changes anything."""

    plain: Made
    changes: tuple[str, ...] = ()
    lowered: Made | None = None

    @property
    def all(self) -> list[Made]:
        """One or two files."""
        return [made for made in (self.plain, self.lowered) if made is not None]


@dataclass(frozen=True)
class Prepared:
    """A module, what it computes, and its files for a release."""

    entry: Entry
    expected: Any
    files: Files


def released(version: str) -> Release:
    """An Android release by its version.

    Raises:
        ValueError: there is none.
    """
    found = find_release(version)
    if found is None or found.platform != "android":
        raise ValueError(f"{version} is no release of pytorch_android_lite")
    return found


@cache
def target_of(version: str) -> Target:
    """A release as lowering wants to know it.

    Raises:
        ValueError: nothing is known of it.
    """
    limits = load_tables().limits_of(released(version))
    target = target_for(version, min(_NEWEST, limits.bytecode_max))
    if target is None:
        raise ValueError(f"nothing is known of {version}")
    return target


class Asking:
    """The files of some modules for some releases (by version), made once, and what is said of them."""

    def __init__(self, entries: Sequence[Entry], versions: Sequence[str], folder: Path) -> None:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = [_make(entry, versions, folder / str(number)) for number, entry in enumerate(entries)]
        expected = [entry.expected() for entry in entries]
        self._prepared = {
            version: [
                Prepared(entry, outputs, files[version])
                for entry, outputs, files in zip(entries, expected, made, strict=True)
            ]
            for version in versions
        }

    def records(
        self, version: str, libraries: Sequence[Library], second: Callable[[], Library] | None = None
    ) -> dict[str, dict[str, Record]]:
        """What tables and libraries say to each module, by family and title.

        Each library runs all files in as few processes as can be; ``second`` only those of which another one computes
        something wrong.
        """
        prepared = self._prepared[version]
        pairs = [(made, item) for item in prepared for made in item.files.all]
        found: list[dict[str, FromLibrary]] = [{} for _ in pairs]
        for library in libraries:
            _ask_library(library, pairs, found)
        doubtful = [at for at, answers in enumerate(found) if any(one.outcome == "wrong" for one in answers.values())]
        if second is not None and doubtful:
            _ask_library(second(), [pairs[at] for at in doubtful], [found[at] for at in doubtful])
        answered = iter(
            Answered(tables=ask_tables(made, released(version)), libraries=libraries_of)
            for (made, _), libraries_of in zip(pairs, found, strict=True)
        )
        records: dict[str, dict[str, Record]] = {}
        for item in prepared:
            records.setdefault(item.entry.family, {})[item.entry.title] = Record(
                plain=next(answered),
                changes=item.files.changes,
                lowered=None if item.files.lowered is None else next(answered),
            )
        return records


def _make(entry: Entry, releases: Sequence[str], folder: Path) -> dict[str, Files]:
    captured = entry.captured()
    # Before it is saved, which changes the graph.
    lowered = {version: lower(captured, target_of(version)) for version in releases}
    plain = _saved(entry, captured, folder / "plain")
    return {
        version: Files(
            _older(plain, version),
            what.changes,
            _older(_saved(entry, what.module, folder / version), version) if what.changes else None,
        )
        for version, what in lowered.items()
    }


def _saved(entry: Entry, module: torch.jit.ScriptModule, folder: Path) -> Made:
    final = folder / "model.ptl"
    folder.mkdir(parents=True)
    try:
        save_lite(entry.ready(module), final)
    except (RuntimeError, PtmobileError) as problem:
        return Made(None, _short(str(problem)))
    return Made(final)


def _older(made: Made, version: str) -> Made:
    """The file in the bytecode that a release reads."""
    wanted = target_of(version).bytecode_version
    if made.path is None or wanted == _NEWEST:
        return made
    try:
        return Made(backport(made.path, made.path.with_name(f"{version}.ptl"), wanted).file)
    except PtmobileError as problem:
        return Made(None, _short(problem.message))


def ask_tables(made: Made, release: Release) -> FromTables:
    """The verdict without a library."""
    if made.path is None:
        return FromTables(loads="unknown", loads_by="", runs="unknown")
    verdict = check_against_tables(read_lite_file(made.path), release, made_by=torch.__version__)
    return FromTables(
        loads=verdict.loads,
        loads_by=verdict.loads_evidence,
        runs=verdict.runs,
        runs_by=verdict.runs_evidence,
    )


def _ask_library(
    library: Library, pairs: Sequence[tuple[Made, Prepared]], found: Sequence[dict[str, FromLibrary]]
) -> None:
    """Add what a library makes of each file to what was found of it."""
    there = [(made.path, [copied(item.entry.inputs)]) for made, item in pairs if made.path is not None]
    report = library.run(*there)
    answers = iter(report.files[number] for number in range(len(there)))
    for (made, item), by_abi in zip(pairs, found, strict=True):
        by_abi[library.machine.abi] = (
            FromLibrary(outcome="unmade", words=made.why) if made.path is None else judge(next(answers), item.expected)
        )


def judge(answer: FileAnswer, expected: Any) -> FromLibrary:
    """A library's answer about one file, compared with what the module computes."""
    if answer.failure is not None:
        return FromLibrary(outcome="refused", words=_short(answer.failure.message))
    if answer.crash is not None:
        return FromLibrary(outcome="crashes", words=_short(f"loading: {answer.crash.how}"))
    trial = answer.trials[0]
    if trial.crash is not None:
        return FromLibrary(outcome="crashes", words=_short(f"running: {trial.crash.how}"))
    if trial.failure is not None:
        kept = any(words in trial.failure.message for words in _AT_THE_BOUNDARY)
        return FromLibrary(outcome="kept" if kept else "fails", words=_short(trial.failure.message))
    wrong = _difference(trial, expected)
    return FromLibrary(outcome="wrong", words=wrong) if wrong else FromLibrary(outcome="right")


def _difference(trial: TrialAnswer, expected: Any) -> str:
    """In which kind of thing an output differs from the expected one; no numbers, since those may vary."""
    assert trial.output is not None
    trees = {"eager": _tree(expected), "library": _tree(with_tensors(trial.output))}
    pair = PairSpec("eager", "library", "close", decides=True)
    found = compare_pair(pair, lambda variant, _: trees[variant], [0], Policy())
    return ", ".join(sorted({finding.kind for finding in found.findings if finding.fails}))


def _tree(value: Any) -> StoredTree:
    tree = flatten(value)
    tensors = tree.tensors()
    return StoredTree(
        containers=tree.containers,
        leaves=tree.leaves,
        formats={path: memory_format(tensor) for path, tensor in tensors.items()},
        dtypes={path: dtype_name(tensor.dtype) for path, tensor in tensors.items()},
    )


def _short(message: str) -> str:
    """A message in one line without C++ frames, the paths of whoever built the library, and what differs by chance."""
    text = re.split(r"\s*(?:\(\)\s*)?(?:Exception raised from |Debug info for handle|debug_handle:)", message)[0]
    text = re.sub(r'at "[^"]*/([^"/]+)":\d+, please report a bug to PyTorch\. ?', "", text)
    text = re.sub(r"InvalidTag\(\d+\)", "InvalidTag", text)
    return " ".join(text.split())[:_WORDS].strip()
