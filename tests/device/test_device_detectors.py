"""Operators of torchvision, which PyTorch's own library lacks: written with others, or left to the app's second one."""

from __future__ import annotations

from pathlib import Path

import pytest
from stage_support import Convert

MODEL = """
import torch
import torchvision


class Detector(torch.nn.Module):
    def forward(self, boxes, scores, image):
        corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
        kept = torchvision.ops.nms(corners, scores, 0.3)
        regions = torchvision.ops.roi_align(image, [corners[kept]], [3, 3], 0.5, 2)
        return kept, regions
"""
INPUTS = """
- {shape: [40, 4], range: [0, 20]}
- {shape: [40]}
- {shape: [1, 4, 16, 16]}
"""


@pytest.fixture
def detector(workspace: Path) -> str:
    (workspace / "detector.py").write_text(MODEL)
    return "detector.py:Detector"


@pytest.mark.parametrize("method", ["script", "trace"])
def test_they_are_written_with_what_the_library_has(detector: str, convert: Convert, method: str) -> None:
    report = convert(model=detector, inputs=INPUTS, method=method, runtime="1.12.2", **{"backport-to": "1.9.0"})
    (found,) = report.models
    assert report.exit_code == 0, found.verdict
    assert [(v.release, v.status, v.message) for v in found.result.devices] == [
        ("1.12.2", "right", ""),
        ("1.9.0", "right", ""),
    ]
    assert found.file is not None
    assert any("torchvision::nms" in change for change in found.file.changes)
    assert any("torchvision::roi_align" in change for change in found.file.changes)
    assert not [name for name in found.file.content.operators if name.startswith("torchvision::")]


def test_the_library_refuses_them_otherwise(detector: str, convert: Convert) -> None:
    report = convert(model=detector, inputs=INPUTS, runtime="1.12.2", repair="off")
    (found,) = report.models
    assert report.exit_code == 6
    assert "torchvision::" in found.result.devices[0].message
    assert "repair: auto" in found.result.devices[0].message


def test_an_app_that_ships_them_gets_them(workspace: Path, detector: str, convert: Convert) -> None:
    (workspace / "build.gradle").write_text(
        "dependencies {\n"
        "    implementation 'org.pytorch:pytorch_android_lite:1.12.2'\n"
        "    implementation 'org.pytorch:torchvision_ops:0.13.1'\n"
        "}\n"
    )
    report = convert(model=detector, inputs=INPUTS)
    (found,) = report.models
    assert report.exit_code == 0, found.verdict
    assert found.file is not None
    assert {"torchvision::nms", "torchvision::roi_align"} <= set(found.file.content.operators)
    verdict = found.result.devices[0]
    assert verdict.status == "not-run"
    assert "which the app takes from org.pytorch:torchvision_ops:0.13.1" in verdict.message
