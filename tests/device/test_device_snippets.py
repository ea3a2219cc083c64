"""The lines in Java and Kotlin that the report gives an app: they compile against the AAR's classes, and running them
gives the file's values.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from device_support import Library
from kotlin_support import KOTLIN
from snippet_support import JAVA, Snippet, run_snippet
from stage_support import Convert

from ptmobile.device.kit import native_abi
from ptmobile.report.model import ModelReport
from ptmobile.report.summary import summary_blocks

MODELS = """
import torch
from torch import nn
from typing import Dict, List, Optional, Tuple

class Alone(nn.Module):
    def forward(self, x):
        return x * 2

class Nested(nn.Module):
    def forward(self, x, n):
        values: Dict[str, torch.Tensor] = {"mean": x.mean(), "a \\"$q\u00e9\\\\u000a\\n": x.amax(1)}
        nothing: Optional[torch.Tensor] = None
        return (x.sum(0), values, [x.min(), x.max()], nothing, x.size(0), 0.5 * x.size(0), x.size(0) > 1,
                "label", [1, 2], [0.5], [True, False],
                (n + 1, n.int(), n.to(torch.uint8), n.to(torch.int8), x.double()))

class ByNumber(nn.Module):
    def forward(self, x):
        values: Dict[int, torch.Tensor] = {3: x + 1, -4: x - 1}
        return values

class Boxes(nn.Module):
    def forward(self, x):
        found: List[Dict[str, torch.Tensor]] = []
        for one in x:
            found.append({"boxes": one[:2], "scores": one.sum(1)})
        return found

class Images(nn.Module):
    def forward(self, x):
        return x.contiguous(memory_format=torch.channels_last) * 1

class Positive(nn.Module):
    def forward(self, x):
        return x > 0
"""


def only(report: Any) -> ModelReport:
    (model,) = report.models
    return model


@pytest.fixture
def nets(workspace: Path) -> None:
    (workspace / "outputs.py").write_text(MODELS, encoding="utf-8")


CASES = {
    "Alone": "[[2, 3]]",
    "Nested": "[[2, 3], {shape: [4], dtype: int64, range: [0, 50]}]",
    "ByNumber": "[[2, 3]]",
    "Boxes": "[[2, 3, 4]]",
    "Images": "[[1, 3, 4, 5]]",
}


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize("name", CASES)
def test_the_lines_in_java_give_what_the_file_gives(
    name: str, native: Library, workspace: Path, convert: Convert, tmp_path: Path
) -> None:
    model = converted(name, native, convert)
    assert model.app is not None
    snippet, expected = with_inputs(name, model.app.java, workspace / f"ptmobile-report/{name}.ptl")
    assert_all_same(run_snippet(snippet, native, tmp_path / "snippet", JAVA), expected)


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize("name", CASES)
def test_the_lines_in_kotlin_give_what_the_file_gives(
    name: str, get_library: Callable[[str, str], Library], workspace: Path, convert: Convert, tmp_path: Path
) -> None:
    """In one release only: the compiler is slow, and the lines in Java show that the classes of both are alike."""
    library = get_library("1.12.2", native_abi() or pytest.skip("no Android ABI runs on this machine"))
    model = converted(name, library, convert)
    assert model.app is not None
    snippet, expected = with_inputs(name, model.app.kotlin, workspace / f"ptmobile-report/{name}.ptl")
    assert_all_same(run_snippet(snippet, library, tmp_path / "snippet", KOTLIN), expected)


def converted(name: str, library: Library, convert: Convert) -> ModelReport:
    options = {"runtime": library.release, "device_check": "off", "trials": "1"}
    if library.release == "1.9.0":
        options["backport_to"] = "1.9.0"
    model = only(convert(model=f"outputs.py:{name}", inputs=CASES[name], method="script", **options))
    assert model.file is not None, model.verdict
    return model


def with_inputs(name: str, lines: tuple[str, ...], file: Path) -> tuple[Snippet, list[Any]]:
    """Lines with the inputs to put into them, and what the host's interpreter gives on these."""
    inputs = tuple(drawn(name))
    expected = torch.jit.mobile._load_for_lite_interpreter(str(file))(*inputs)  # type: ignore[no-untyped-call]
    return Snippet(lines, file, tuple(tensor.numpy().tobytes() for tensor in inputs)), list(leaves(expected))


def assert_all_same(got: dict[str, str], wanted: list[Any]) -> None:
    assert len(got) == len(wanted), got
    for (variable, text), value in zip(got.items(), wanted, strict=True):
        assert_same(variable, text, value)


def drawn(name: str) -> list[torch.Tensor]:
    shapes = ast.literal_eval(CASES[name].split(", {")[0] + ("]" if "{" in CASES[name] else ""))
    numbers = [torch.tensor([5, 6, 7, 49])] if "{" in CASES[name] else []
    return [*(torch.randn(shape) for shape in shapes), *numbers]


def leaves(value: Any) -> Any:
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def assert_same(variable: str, text: str, value: Any) -> None:
    if value is None:
        assert (variable[-6:], text) == ("IsNull", "true")
    elif isinstance(value, torch.Tensor):
        last = value.dim() == 4 and not value.is_contiguous()
        flat = (value.permute(0, 2, 3, 1) if last else value).reshape(-1)
        numbers = ast.literal_eval(text)
        assert torch.allclose(torch.tensor(numbers, dtype=torch.float64), flat.double(), rtol=1e-6, atol=1e-6), variable
    elif isinstance(value, bool):
        assert text == str(value).lower()
    elif isinstance(value, str):
        assert text == value
    else:
        assert float(text) == value


@pytest.mark.usefixtures("nets")
def test_what_java_cannot_receive_is_warned_of_and_no_line_pretends_otherwise(convert: Convert) -> None:
    report = convert(model="outputs.py:Positive", inputs="[[2, 3]]", runtime="1.12.2", device_check="auto")
    model = only(report)
    warning = next(notice for notice in model.result.notices if notice.code == "not-for-java")
    assert warning.level == "warning"
    assert "out is bool, which the Java API cannot receive. Add .to(torch.uint8) to it in forward." in warning.message
    assert model.app is not None
    assert not any("forward(" in line and not line.startswith("//") for line in (*model.app.java, *model.app.kotlin))
    assert any("module.forward" in line for line in model.app.ios)  # C++ has every type
    assert msgspec.to_builtins(model)["result"]["app"]["outputs"][0]["java"] is False
    assert "not for Java" in "".join(summary_blocks(report))
