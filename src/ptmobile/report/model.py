"""The report of a run as data: what was asked for, what was found, what was decided. It is ``report.json``."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from ptmobile.baseline.model import BaselineSource, FileDifference
from ptmobile.litefile import LiteFile
from ptmobile.packages.model import Packages
from ptmobile.result import ModelResult
from ptmobile.runtimes.releases import Recommendation
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.spec.json_schema import DIALECT, tidy

# Raised when a field changes its meaning or goes; new fields do not raise it.
SCHEMA_VERSION = 1


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One reason for a verdict, in a sentence, with what to do about it."""

    title: str
    message: str
    location: str = ""
    advice: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement on one model, and the exit code it stands for (0 if it passed)."""

    status: Literal["passed", "failed"]
    code: int
    title: str
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()


class ShippedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was written; ``path`` is relative to the workspace, sizes are in bytes.

    ``edition`` is empty for the main file. ``releases`` are those that it was made for; ``changes`` say what was
    rewritten for them, ``left`` what they lack all the same, ``remedy`` what was done otherwise than asked for.
    ``grown_bytes``: what backporting added (negative: saved); None for a file that was not backported.
    """

    path: str
    verified: bool
    method: str
    optimised: bool
    content: LiteFile
    runtimes: Recommendation
    edition: str = ""
    releases: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    remedy: str = ""
    grown_bytes: int | None = None


class AppCode(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of code for an app: load the file, make its inputs, read its output.

    ``java`` and ``kotlin`` are for Android, ``ios`` is Objective-C++, which Swift calls.
    """

    java: tuple[str, ...]
    kotlin: tuple[str, ...]
    ios: tuple[str, ...]


class UsedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a model came from, as it was before any code of the model ran; sizes are in bytes.

    ``path`` is relative to the workspace; of a library, whose ``role`` is the app's, it is what it is published as, or
    the name of an ``.aar`` of the user's own.
    """

    role: Literal["config", "model", "requirements", "weights", "inputs", "library"]
    path: str
    sha256: str
    size_bytes: int | None = None


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """One model: what was asked for, found, written and decided.

    ``editions`` are the files for other releases than the main file's. ``differences`` has the files that the baseline
    has as well, against those. ``app`` is code for apps that use the main file. ``repro`` is
    the folder with everything that runs it again, empty if none was written. ``used`` are the files that the model is
    made of, and the libraries that its file was to be run in. ``packages`` are those that were installed for the model,
    None where it has no ``requirements`` or they could not be.
    """

    spec: ConversionSpec
    result: ModelResult
    verdict: Verdict
    file: ShippedFile | None = None
    editions: tuple[ShippedFile, ...] = ()
    differences: tuple[FileDifference, ...] = ()
    app: AppCode | None = None
    repro: str = ""
    used: tuple[UsedFile, ...] = ()
    packages: Packages | None = None

    @property
    def files(self) -> tuple[ShippedFile, ...]:
        """All files that were written, the main one first."""
        return (*([self.file] if self.file else []), *self.editions)


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the run happened; empty outside of GitHub Actions.

    ``workflow`` is the workflow's file at its own ref (``owner/name/.github/workflows/x.yml@refs/heads/main``), or its
    name where the runner tells no more. ``action`` is the action as the workflow names it (``owner/name@v1``), empty
    for one in the workspace.
    """

    repository: str = ""
    sha: str = ""
    ref: str = ""
    run_url: str = ""
    workflow: str = ""
    run_id: str = ""
    run_attempt: str = ""
    event: str = ""
    action: str = ""


#: The title of the reason why there is no artifact of something, in ``unpublished``.
NOT_UPLOADED: Final = "The artifact was not uploaded"


class PublishedArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact of the workflow run: ``url`` downloads it (empty on act), ``digest`` is the SHA-256 of its bytes.

    ``files`` are the names in it; for ``archive`` of ``raw`` it is the one file itself.
    """

    name: str
    id: int
    url: str
    digest: str
    size_bytes: int
    archive: Literal["raw", "zip"]
    files: tuple[str, ...]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """What made the report, and how the code of models was kept apart from it.

    ``landlock`` is the version of the kernel's Landlock that held it in besides; 0 where there is none.
    ``code_sha256`` stands for the code of this program, see :func:`ptmobile.provenance.code_sha256`.
    """

    name: str = "ptmobile-action"
    version: str
    isolation: Literal["separate-user", "same-user"]
    landlock: Annotated[int, Meta(ge=0)] = 0
    code_sha256: str = ""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What a merged report was made of: paths of reports, relative to the workspace.

    ``planned`` is how many models were planned; None if nobody said, so that it is not known whether one is missing.
    """

    reports: tuple[str, ...]
    planned: int | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run."""

    schema_version: Annotated[int, Meta(ge=1)] = SCHEMA_VERSION
    tool: Tool
    source: Source
    created: Annotated[str, Meta(description="Time of the run, UTC, ISO 8601.")]
    config: str | None
    verdict: Literal["passed", "failed"]
    exit_code: int
    models: tuple[ModelReport, ...]
    problems: tuple[Reason, ...] = ()
    baseline: BaselineSource | None = None
    artifacts: tuple[PublishedArtifact, ...] = ()
    unpublished: tuple[Reason, ...] = ()
    merged: Merged | None = None


def report_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of ``report.json``, generated from these types.

    It is open: a report of a later version may have more fields and is still a report of this schema version.
    """
    (report,), components = msgspec.json.schema_components([Report], ref_template="#/$defs/{name}")
    schema: dict[str, Any] = tidy({"$schema": DIALECT, "title": "ptmobile report", **report, "$defs": components})
    for definition in schema["$defs"].values():
        definition.pop("additionalProperties", None)
    return schema


def message_of(reason: Reason) -> str:
    """Title and place, what happened, what to do: each on lines of its own, and nothing twice."""
    head = f"{reason.title} ({reason.location})" if reason.location else reason.title
    if reason.message.startswith(reason.title):
        head = ""
    return "\n".join(part for part in (head, reason.message, reason.advice) if part)


def to_json(report: Report) -> bytes:
    """The report as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
