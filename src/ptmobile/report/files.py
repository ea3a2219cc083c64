"""The files of a model as they are shown: the main one, and those for other releases."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from ptmobile.report.devices import verified_on_device
from ptmobile.report.meaning import cost_words
from ptmobile.report.model import ModelReport, Report, ShippedFile
from ptmobile.report.numbers import size
from ptmobile.runtimes.releases import CAVEAT
from ptmobile.visible import shorten

_LINE = 500
_DIGITS = 12
#: The release of org.pytorch:torchvision_ops for a line of PyTorch (torchvision 0.N goes with torch 1.(N-1)). It was
#: published as 0.9.0, 0.9.1, 0.10.0, 0.11.1, 0.13.0, 0.13.1 and 0.14.0.
_TORCHVISION_OPS = {"1.9": "0.10.0", "1.10": "0.11.1", "1.12": "0.13.1", "1.13": "0.14.0"}


@dataclass(frozen=True)
class EditionRow:
    """A file for other releases than the main file's; of its SHA-256 only the beginning, as wide as a table can be."""

    mark: str
    path: str
    releases: str
    bytecode: str
    size: str
    sha256: str


@dataclass(frozen=True)
class TriedRow:
    """One of several ways in which a file was built."""

    mark: str
    build: str
    what: str
    outcome: str


def edition_rows(model: ModelReport, marks: tuple[str, str]) -> tuple[EditionRow, ...]:
    """A row for each; ``marks`` are those for a file that verified and for one that did not."""
    return tuple(
        EditionRow(
            mark=marks[0] if file.verified else marks[1],
            path=file.path,
            releases=", ".join(map(release_name, file.releases)) or "as asked for",
            bytecode=str(file.content.bytecode_version),
            size=_size(file),
            sha256=f"{file.content.sha256[:_DIGITS]}…",
        )
        for file in model.editions
    )


def changes(model: ModelReport) -> tuple[str, ...]:
    """What was done to the model for the sake of a release or a defect, file by file."""
    cost = cost_words(model.result.repair_cost)
    return tuple(line for file in model.files for line in _changes(file, "" if file.edition else cost))


def tried_rows(model: ModelReport, marks: tuple[str, str]) -> tuple[TriedRow, ...]:
    """A row for each build, where more than one was tried; ``marks`` as of :func:`edition_rows`."""
    return tuple(
        TriedRow(
            mark=marks[0] if tried.verified else marks[1],
            build=", ".join(filter(None, (tried.method, tried.target))),
            what=shorten(tried.what, _LINE),
            outcome="verified" if tried.verified else shorten(tried.reason, _LINE),
        )
        for tried in model.result.attempts
    )


def _changes(file: ShippedFile, cost: str) -> Iterator[str]:
    where = f" (file for {file.edition})" if file.edition else ""
    if file.remedy:
        yield shorten(f"The file is {file.remedy}.{where}", _LINE)
        if cost:
            yield cost
    for change in file.changes:
        yield shorten(f"Rewritten: {change}{where}", _LINE)
    for left in file.left:
        yield shorten(f"Not rewritten: {left}{where}", _LINE)


def lines_for_apps(model: ModelReport) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Lines for ``build.gradle`` and ``Podfile``: of the releases that the main file was made for, else the best."""
    file = model.file
    if file is None or not file.verified:
        return (), ()
    gradle, podfile = list(file.runtimes.gradle), list(file.runtimes.podfile)
    android = [release for release in file.releases if release.startswith("org.pytorch:")]
    ios = [release for release in file.releases if not release.startswith("org.pytorch:")]
    if android:
        gradle = [line for release in android for line in _gradle(release)]
    if ios:
        podfile = [f"pod '{release.partition(' ')[0]}', '~> {release.partition(' ')[2]}'" for release in ios]
    if any(name.startswith("torchvision::") for name in file.content.operators):
        lines = dict.fromkeys(match[1] for line in gradle if (match := _LITE.search(line)))
        gradle += [_torchvision_ops(line) for line in lines]
        podfile += ["pod 'LibTorchvision' # the operators torchvision::…"] if podfile else []
    return tuple(gradle), tuple(podfile)


def runtime_notes(model: ModelReport) -> tuple[str, ...]:
    """What there is to say of the releases in the lines for apps, unless the app's own library has said it."""
    file = model.file
    if file is None or not file.verified:
        return ()
    named = any(release.startswith("org.pytorch:") for release in file.releases)
    notes = [note for note in file.runtimes.notes if not (named and note.startswith("Android "))]
    if file.method:  # files of ours have no debug records
        notes = [note for note in notes if "*.debug_pkl" not in note]
    return tuple(note for note in notes if note != CAVEAT or not verified_on_device(model.result))


def _torchvision_ops(line: str) -> str:
    """The artifact with torchvision's operators; an app loads it by NativeLoader.loadLibrary("torchvision_ops")."""
    version = _TORCHVISION_OPS.get(line)
    if version is None:
        return f"// torchvision::… needs org.pytorch:torchvision_ops, of which there is no release for {line}"
    return f"implementation 'org.pytorch:torchvision_ops:{version}' // the operators torchvision::…"


_LITE = re.compile(r"pytorch_android_lite:(\d+\.\d+)")


def _gradle(release: str) -> Iterator[str]:
    for artifact in (release, release.replace("pytorch_android_lite", "pytorch_android_torchvision_lite")):
        yield f"implementation '{artifact}'"


def release_name(release: str) -> str:
    """``pytorch_android_lite 1.12.2`` for a Maven coordinate; what is none stays."""
    return release.replace("org.pytorch:", "").replace(":", " ")


def _size(file: ShippedFile) -> str:
    grown = file.grown_bytes
    if grown is None:
        return size(file.content.size_bytes)
    sign = "+" if grown >= 0 else "-"
    return f"{size(file.content.size_bytes)} ({sign}{size(abs(grown))} by backporting)"


def operators_name(model: ModelReport, file: ShippedFile) -> str:
    """The name of the list of a file's operators, which goes into the report's folder."""
    return f"{model.spec.name}{f'.{slug(file.edition)}' if file.edition else ''}.operators.yaml"


def slug(edition: str) -> str:
    """An edition's name as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", edition.lower())[:50]


def operators_yaml(file: ShippedFile) -> str:
    """The operators as a list in YAML: what ``SELECTED_OP_LIST`` names in a selective build of PyTorch Mobile."""
    return "".join([f"# Operators of {file.path}\n", *(f"- {name}\n" for name in file.content.operators)])


def checksums(report: Report) -> str:
    """The verified files of a run as ``sha256sum --check`` reads them; no line if there is none.

    Each has its own name, as it is after a download; where two have the same name, their paths in the workspace.
    """
    made = [model for model in report.models if model.result.mode == "convert"]
    files = {file.path: file.content.sha256 for model in made for file in model.files if file.verified}
    taken = Counter(PurePosixPath(path).name for path in files)
    named = ((path if taken[name := PurePosixPath(path).name] > 1 else name, files[path]) for path in files)
    return "".join(f"{sha256}  {name}\n" for name, sha256 in named)
