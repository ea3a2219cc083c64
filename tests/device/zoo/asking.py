"""Has every module of the zoo made into files for a release, and asks the tables and the release's libraries."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
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
from ptmobile.worker.backporting import backport
from ptmobile.worker.comparing import Policy, compare_pair
from ptmobile.worker.comparing.pairs import PairSpec
from ptmobile.worker.lowering import Target, lower
from ptmobile.worker.saving import save_lite
from ptmobile.worker.value_files import StoredTree
from ptmobile.worker.values import dtype_name, flatten, memory_format
from zoo.entry import Entry, copied
from zoo.records import Answered, FromLibrary, FromTables, Record

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
    """A release as lowering wants to know it."""
    tables, release = load_tables(), released(version)
    _, schemas = tables.schemas[tables.line_of(release)]
    operators = {name: count for name, count in schemas.items() if tables.presence(name, release).answer != "no"}
    limits = tables.limits_of(release)
    return Target(release.version, operators, min(_NEWEST, limits.bytecode_max), limits.archive_max, release.line)


def prepare(entries: Sequence[Entry], releases: Sequence[str], folder: Path) -> dict[str, list[Prepared]]:
    """The files of all modules for all releases, by version; each module is captured once."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [_make(entry, releases, folder / str(number)) for number, entry in enumerate(entries)]
    expected = [entry.expected() for entry in entries]
    return {
        version: [Prepared(*item, files[version]) for *item, files in zip(entries, expected, made, strict=True)]
        for version in releases
    }


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
        reasons=tuple(dict.fromkeys(finding.text for finding in verdict.findings)),
    )


def ask(prepared: Sequence[Prepared], version: str, libraries: Sequence[Library]) -> list[Record]:
    """What tables and libraries say to each module; each library runs all files in as few processes as can be."""
    pairs = [(made, item) for item in prepared for made in item.files.all]
    by_abi = {library.machine.abi: _ask_library(library, pairs) for library in libraries}
    answers = iter(
        Answered(
            tables=ask_tables(made, released(version)),
            libraries={abi: found[place] for abi, found in by_abi.items()},
        )
        for place, (made, _) in enumerate(pairs)
    )
    return [
        Record(
            plain=next(answers),
            changes=item.files.changes,
            lowered=None if item.files.lowered is None else next(answers),
        )
        for item in prepared
    ]


def _ask_library(library: Library, pairs: Sequence[tuple[Made, Prepared]]) -> list[FromLibrary]:
    there = [(made.path, [copied(item.entry.inputs)]) for made, item in pairs if made.path is not None]
    report = library.run(*there)
    answers = iter(report.files[number] for number in range(len(there)))
    return [
        FromLibrary(outcome="unmade", words=made.why) if made.path is None else judge(next(answers), item.expected)
        for made, item in pairs
    ]


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
    """A message in one line without C++ frames, addresses, and the paths of whoever built the library."""
    text = re.split(r"\(?\)?\s*Exception raised from |\s*Debug info for handle|\s*The above operation failed", message)[
        0
    ]
    text = re.sub(r'"[^"]*/([^"/]+\.(?:h|cpp))":\d+, please report a bug to PyTorch\. ?', "", text)
    return " ".join(text.split())[:_WORDS].strip()
