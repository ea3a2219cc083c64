"""A run without a model, for tests of what follows it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ptmobile.litefile import LiteFile
from ptmobile.pipeline import Run
from ptmobile.report.model import ModelReport, Report, ShippedFile, Source, Tool, Verdict
from ptmobile.result import ModelResult
from ptmobile.runtimes.releases import Recommendation
from ptmobile.spec.conversion import RunSpec

CONTENT = b"PK\x03\x04 as if it were a file for phones" * 1000
NO_RUNTIMES = Recommendation(
    android=None, ios=None, oldest_android=None, oldest_ios=None, gradle=(), podfile=(), notes=()
)


def played(spec: RunSpec, run: Run) -> Report:
    """A run of which every model verified, and left its file."""
    models = []
    for model in spec.models:
        path = model.output or ""
        (run.workspace / path).parent.mkdir(parents=True, exist_ok=True)
        data = CONTENT + model.name.encode()
        (run.workspace / path).write_bytes(data)
        content = LiteFile(
            file=Path(path).name,
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            bytecode_version=8,
            archive_version=3,
            methods=("forward",),
            operators=("aten::add.Tensor",),
            operator_arguments={},
            types=(),
            sections=(),
            extra_files=(),
        )
        file = ShippedFile(
            path=path, verified=True, method="script", optimised=True, content=content, runtimes=NO_RUNTIMES
        )
        verdict = Verdict(status="passed", code=0, title=f"{model.name} computes what the model computes")
        models.append(ModelReport(spec=model, result=ModelResult(), verdict=verdict, file=file))
    return Report(
        tool=Tool(version="1", isolation="same-user"),
        source=Source(),
        created="2026-11-26",
        config=spec.config,
        verdict="passed",
        exit_code=0,
        models=tuple(models),
    )
