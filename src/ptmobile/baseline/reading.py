"""Reads what is compared out of a ``report.json`` of this or an older version. Everything in it may be hostile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from ptmobile.baseline.model import Baseline, BaselineModel, BaselineSource, FileMeasures
from ptmobile.report.reading import ReportError, check_head, decoded

_MAX_MODELS, _MAX_OPERATORS = 10_000, 5_000

_Name = Annotated[str, Meta(max_length=300)]
_Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Bytes = Annotated[int, Meta(ge=0, le=2**62)]


class BaselineError(ReportError):
    """A report that cannot be had, or is no baseline: nothing that a run fails for by itself."""


# The parts of a report that are compared. Other fields are passed over, so that reports of this schema version with
# fewer or more of them are read as well.
class _Source(msgspec.Struct):
    repository: _Name = ""
    sha: _Name = ""


class _Spec(msgspec.Struct):
    name: _Name


class _Output(msgspec.Struct):
    max_abs: float | None = None
    rtol: float | None = None
    scale: float | None = None


class _Proof(msgspec.Struct):
    outputs: tuple[_Output, ...] = ()


class _Timing(msgspec.Struct):
    ratio: float | None = None


class _Result(msgspec.Struct):
    timing: _Timing | None = None
    proof: _Proof | None = None
    seconds: Annotated[float, Meta(ge=0)] = 0.0


class _Content(msgspec.Struct):
    size_bytes: _Bytes
    sha256: _Digest
    bytecode_version: int
    operators: Annotated[tuple[_Name, ...], Meta(max_length=_MAX_OPERATORS)] = ()


class _File(msgspec.Struct):
    verified: bool
    method: _Name
    content: _Content
    edition: _Name = ""


class _Model(msgspec.Struct):
    spec: _Spec
    result: _Result
    file: _File | None = None
    editions: tuple[_File, ...] = ()


class _Report(msgspec.Struct):
    created: _Name
    models: Annotated[tuple[_Model, ...], Meta(max_length=_MAX_MODELS)]
    source: _Source = msgspec.field(default_factory=_Source)


def read_baseline(data: bytes, given: str) -> Baseline:
    """The baseline in the bytes of a ``report.json``; ``given`` says where it is from.

    Raises:
        ReportError: it is no report, or one of a later schema version.
        BaselineError: it has no models, or two of one name.
    """
    check_head(data)
    report = decoded(data, _Report)
    if not report.models:
        raise BaselineError("It has no models: its run did not get to any.")
    names = [model.spec.name for model in report.models]
    if len(set(names)) < len(names):
        raise BaselineError("It has two models of one name.")
    source = BaselineSource(
        given=given, created=report.created, repository=report.source.repository, sha=report.source.sha
    )
    return Baseline(source, {model.spec.name: _model(model) for model in report.models})


def _model(model: _Model) -> BaselineModel:
    files = [*([model.file] if model.file else []), *model.editions]
    found = {file.edition: _measures(file, model) for file in files if file.verified}
    return BaselineModel(seconds=model.result.seconds, files=found)


def _measures(file: _File, model: _Model) -> FileMeasures:
    largest = [] if file.edition else list(_differences(model.result))
    finite = [(absolute, relative) for absolute, relative in largest if absolute is not None]
    known = finite if len(finite) == len(largest) else []
    return FileMeasures(
        size_bytes=file.content.size_bytes,
        sha256=file.content.sha256,
        bytecode_version=file.content.bytecode_version,
        operators=file.content.operators,
        max_abs=max((absolute for absolute, _ in known), default=None),
        relative=max((relative for _, relative in known if relative is not None), default=None),
        latency_ratio=model.result.timing.ratio if model.result.timing and not file.edition else None,
    )


def _differences(result: _Result) -> Iterator[tuple[float | None, float | None]]:
    """Of each output with values, its difference from the eager model, and that as a part of its largest value."""
    for output in result.proof.outputs if result.proof else ():
        if output.rtol is not None:
            part = output.max_abs / output.scale if output.max_abs is not None and output.scale else None
            yield output.max_abs, part
