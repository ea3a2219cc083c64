"""The outputs of the action: flat strings for conditions in a workflow, and everything once more as JSON."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ptmobile.report.devices import compatible, verified_on_device
from ptmobile.report.facts import max_abs_diff
from ptmobile.report.model import NOT_UPLOADED, ModelReport, PublishedArtifact, Report, ShippedFile

#: Every output in the order of `action.yml` and of the README, which are generated from this.
OUTPUTS: Final = {
    "model-path": (
        "Path of the verified .ptl file, relative to the workspace; with several models one path per line. "
        "Empty if no model verified."
    ),
    "edition-paths": (
        "Paths of the verified files for other releases (backport-to, or apps of several releases), one per line."
    ),
    "report-path": "Path of report.json, relative to the workspace. Empty if it could not be written.",
    "sha256": "SHA-256 of the file, in hexadecimal digits. Empty unless the run has one model and it verified.",
    "size-bytes": "Size of the file in bytes. Empty unless the run has one model and it verified.",
    "bytecode-version": "Bytecode version of the file. Empty unless the run has one model and it verified.",
    "equivalent": (
        "true if every model of the run has a file that was shown to compute what the model computes. "
        "Empty in mode check."
    ),
    "max-abs-diff": (
        "Largest absolute difference between an eager model and its file, over all models and outputs. "
        "Empty if there is none to give."
    ),
    "runtime-compatible": (
        "true if the app's own libraries, as far as they could be run, load and run every file; false if one does not, "
        "or is known not to; empty if none could be run."
    ),
    "device-verified": "true if every file was run in an app's own library and gave the model's numbers there.",
    "artifact-id": "Id of the uploaded artifact: that of the files, or if no model verified that of the report.",
    "artifact-url": "Address of its download, for those who may see the repository. Empty on act.",
    "artifact-digest": "SHA-256 of its bytes: of one bare file the same as sha256, else of the zip archive.",
    "verdict": "passed or failed. It does not depend on fail-on.",
    "matrix": "In mode plan, the jobs as JSON for strategy.matrix: each has shard, of and models, a text for only.",
    "json": "All of this for every model, as JSON on one line: an object with verdict, models and artifacts.",
}


def outputs_of(report: Report, report_path: str) -> dict[str, str | int | bool | None]:
    """Every output by its name. Paths are relative to the workspace.

    With several models ``model-path`` has one path per line; what describes one file is given for one model only.
    """
    shipped = [model.file for model in report.models if model.file is not None and model.file.verified]
    only = shipped[0] if len(shipped) == len(report.models) == 1 else None
    checked = any(model.result.mode == "check" for model in report.models)
    differences = [difference for difference in map(max_abs_diff, report.models) if difference is not None]
    artifact = _artifact_of_files(report)
    return {
        "model-path": "\n".join(file.path for file in shipped),
        "edition-paths": "\n".join(file.path for m in report.models for file in m.editions if file.verified),
        "report-path": report_path,
        "sha256": only.content.sha256 if only else "",
        "size-bytes": only.content.size_bytes if only else "",
        "bytecode-version": only.content.bytecode_version if only else "",
        "equivalent": ""
        if checked
        else bool(report.models) and not report.problems and all(map(equivalent, report.models)),
        "max-abs-diff": f"{max(differences):g}" if differences else "",
        "runtime-compatible": _all_compatible(report),
        "device-verified": bool(report.models) and all(verified_on_device(m.result) for m in report.models),
        "artifact-id": artifact.id if artifact else "",
        "artifact-url": artifact.url if artifact else "",
        "artifact-digest": artifact.digest if artifact else "",
        "verdict": report.verdict,
        "matrix": "",
        "json": msgspec.json.encode(_everything(report)).decode(),
    }


def _artifact_of_files(report: Report) -> PublishedArtifact | None:
    """The artifact that the outputs are about: the first one, unless the files' own is missing beside it."""
    first = next(iter(report.artifacts), None)
    missing = any(reason.title == NOT_UPLOADED for reason in report.unpublished)
    if first is None or not missing:
        return first
    names = [name for name in first.files if name.endswith(".ptl") and not name.endswith(".unverified.ptl")]
    return first if names else None


def equivalent(model: ModelReport) -> bool:
    """Whether the model has a file that was shown to compute what the model computes, and so has every edition."""
    return model.file is not None and all(file.verified for file in model.files)


def _all_compatible(report: Report) -> bool | str:
    known = [answer for answer in (compatible(model.result) for model in report.models) if answer is not None]
    return all(known) if known else ""


def _everything(report: Report) -> dict[str, Any]:
    return {
        "verdict": report.verdict,
        "models": [_model(model) for model in report.models],
        "artifacts": [_artifact(artifact) for artifact in report.artifacts],
    }


def _artifact(artifact: PublishedArtifact) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "id": artifact.id,
        "url": artifact.url,
        "digest": artifact.digest,
        "size-bytes": artifact.size_bytes,
        "archive": artifact.archive,
        "files": list(artifact.files),
    }


def _model(model: ModelReport) -> dict[str, Any]:
    content = model.file.content if model.file else None
    return {
        "name": model.spec.name,
        "verdict": model.verdict.status,
        "code": model.verdict.code,
        "reasons": [reason.title for reason in model.verdict.reasons],
        "warnings": [warning.title for warning in model.verdict.warnings],
        "path": model.file.path if model.file else None,
        "sha256": content.sha256 if content else None,
        "size-bytes": content.size_bytes if content else None,
        "bytecode-version": content.bytecode_version if content else None,
        "equivalent": equivalent(model),
        "max-abs-diff": max_abs_diff(model),
        "runtime-compatible": compatible(model.result),
        "device-verified": verified_on_device(model.result),
        "method": model.file.method if model.file else None,
        "editions": [_edition(file) for file in model.editions],
    }


def _edition(file: ShippedFile) -> dict[str, Any]:
    return {
        "edition": file.edition,
        "releases": list(file.releases),
        "path": file.path,
        "verified": file.verified,
        "sha256": file.content.sha256,
        "size-bytes": file.content.size_bytes,
        "bytecode-version": file.content.bytecode_version,
    }
