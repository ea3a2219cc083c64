"""Files with adapted outputs in the phone's own library: it reads their types, and Java takes what they return."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from stage_support import Convert

ADAPTED = Path(__file__).resolve().parent.parent / "data" / "models" / "adapted.py"


@pytest.mark.parametrize(
    ("model", "method"),
    [
        ("DataclassOfTensors", "trace"),
        ("Mixed", "trace"),
        ("MixedList", "trace"),
        ("Empty", "trace"),
        ("NamedTuples", "script"),
        ("UsesObjects", "script"),
        ("ScriptObject", "script"),
    ],
)
def test_the_library_gives_what_the_model_gives(workspace: Path, convert: Convert, model: str, method: str) -> None:
    shutil.copy(ADAPTED, workspace)
    report = convert(
        model=f"adapted.py:{model}",
        inputs="[[2, 4]]",
        method=method,
        runtime="1.12.2",
        **{"backport-to": "1.9.0"},
    )
    (found,) = report.models
    assert report.exit_code == 0, found.verdict
    assert [(v.release, v.status, v.message) for v in found.result.devices] == [
        ("1.12.2", "right", ""),
        ("1.9.0", "right", ""),
    ]
