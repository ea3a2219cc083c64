"""What is asked of a converted model: its stages, its pairs, what was said of it, and whether it passed."""

from __future__ import annotations

import importlib.util

import torch
from run_support import MODELS

from ptmobile.report.model import ModelReport
from ptmobile.result import Comparison, Stage

IMAGE = [1, 3, 12, 12]


def stages(report: ModelReport) -> dict[str, Stage]:
    return {stage.key: stage for stage in report.result.stages}


def not_passed(report: ModelReport) -> dict[str, str]:
    return {stage.key: stage.status for stage in report.result.stages if stage.status != "passed"}


def comparison(report: ModelReport, reference: str, candidate: str) -> Comparison:
    (found,) = [c for c in report.result.comparisons if (c.reference, c.candidate) == (reference, candidate)]
    return found


def pairs(report: ModelReport) -> set[tuple[str, str]]:
    return {(c.reference, c.candidate) for c in report.result.comparisons}


def codes(report: ModelReport) -> list[str]:
    return [notice.code for notice in report.result.notices]


def road_model(name: str) -> torch.nn.Module:
    """A model of ``roads.py``, in this process."""
    loader = importlib.util.spec_from_file_location("roads", MODELS / "roads.py")
    assert loader is not None
    assert loader.loader is not None
    module = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(module)
    model: torch.nn.Module = getattr(module, name)()
    return model.eval().requires_grad_(requires_grad=False)


def reason(report: ModelReport) -> str:
    """Everything that is said about a failure."""
    assert report.verdict.status == "failed"
    text = "\n".join(" ".join((r.title, r.message, r.location, r.advice)) for r in report.verdict.reasons)
    assert "Traceback" not in text
    return text


def assert_passed(report: ModelReport, method: str) -> None:
    assert report.verdict.code == 0, reason(report)
    assert report.file is not None
    assert (report.file.verified, report.file.method) == (True, method)
    assert not report.file.path.endswith(".unverified.ptl")


def assert_failed(report: ModelReport, code: int, *words: str) -> None:
    text = reason(report)
    assert report.verdict.code == code, text
    assert report.file is None or not report.file.verified
    for word in words:
        assert word in text
