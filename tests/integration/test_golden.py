"""Golden outputs in the file: small, the same bytes each time, kept by backporting, and replayed without the model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile.errors import LoadError
from ptmobile.pipeline import Run, run_models
from ptmobile.progress.base import Lines
from ptmobile.report.model import ModelReport, Source
from ptmobile.spec.coerce import Given
from ptmobile.spec.conversion import ExampleInput
from ptmobile.spec.problems import Problems
from ptmobile.spec.resolve import resolve
from ptmobile.spec.workspace import Workspace
from ptmobile.worker.evidence.golden import MAX_BYTES, GoldenInput, digest, draw, recipe

MODELS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, outputs=5):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Linear(8, outputs)
    def forward(self, x, n):
        return {"scores": self.head(self.body(x).mean((2, 3))), "next": n + 1}, x > 0, x.half()
"""
INPUTS = "[[1, 3, 8, 8], {shape: [2], dtype: int64, range: [3, 9]}]"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., ModelReport]:
    (tmp_path / "nets.py").write_text(MODELS)

    def run(**options: str) -> ModelReport:
        given = {n.replace("_", "-"): Given(v, n, text=True) for n, v in {"runtime": "none", **options}.items()}
        spec = resolve(given, Workspace(tmp_path), Problems())
        return run_models(spec, Run(tmp_path, Lines(lambda line: None), Source(), lambda: "now")).models[0]

    return run


def made(run: Callable[..., ModelReport], **options: str) -> ModelReport:
    model = run(model="nets.py:Net", inputs=INPUTS, **options)
    assert model.verdict.status == "passed", model.verdict
    return model


def record(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith("extra/ptmobile/golden.json")]
        return archive.read(names[0]) if names else b""


def changed(path: Path, target: Path, old: bytes, new: bytes) -> None:
    """A copy of a file with other bytes in the record."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(target, "w") as copy:
        for info in archive.infolist():
            data = archive.read(info)
            if info.filename.endswith("golden.json"):
                assert old in data
                data = data.replace(old, new, 1)
            copy.writestr(zipfile.ZipInfo(info.filename), data)


def test_a_file_is_verified_without_its_model(run: Callable[..., ModelReport], tmp_path: Path) -> None:
    model = made(run)
    assert model.file is not None
    (tmp_path / "nets.py").unlink()
    verified = run(model=model.file.path, mode="verify")
    assert verified.verdict.code == 0, verified.verdict
    (pair,) = verified.result.comparisons
    assert (pair.reference, pair.candidate, pair.passed) == ("golden", "lite", True)
    assert {output.output for output in pair.outputs} == {"out[0]['scores']", "out[0]['next']", "out[1]", "out[2]"}
    assert "golden" in verified.verdict.title


def test_it_is_small_and_the_same_each_time_and_changes_no_number(
    run: Callable[..., ModelReport], tmp_path: Path
) -> None:
    files = []
    for golden in ("auto", "auto", "off"):
        model = made(run, golden=golden, output=f"{len(files)}.ptl")
        assert model.file is not None
        files.append((tmp_path / model.file.path, model.file.content))
    assert files[0][1].sha256 == files[1][1].sha256
    assert (len(record(files[0][0])) > 0, record(files[2][0])) == (True, b"")
    assert files[0][1].size_bytes - files[2][1].size_bytes <= MAX_BYTES
    x, n = torch.randn(1, 3, 8, 8), torch.tensor([3, 4])
    outputs = [_load_for_lite_interpreter(str(path))(x, n) for path, _ in files]
    assert torch.equal(outputs[0][0]["scores"], outputs[2][0]["scores"])


def test_backporting_keeps_it(run: Callable[..., ModelReport], tmp_path: Path) -> None:
    model = made(run, backport_to="5")
    paths = [file.path for file in model.files]
    for path in paths:
        assert record(tmp_path / path)
        assert run(model=path, mode="verify").verdict.code == 0


def test_other_weights_are_found(run: Callable[..., ModelReport], tmp_path: Path) -> None:
    model = made(run)
    assert model.file is not None
    data = json.loads(record(tmp_path / model.file.path))["data"]
    assert isinstance(data, str)
    changed(tmp_path / model.file.path, tmp_path / "other.ptl", data[:12].encode(), b"AACAPwAAgD8A"[:12])
    bad = run(model="other.ptl", mode="verify")
    assert bad.verdict.code == 5
    assert bad.verdict.reasons[0].title == "The file does not give its golden outputs"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"format":1', b'"format":2', "format 2"),
        (b'"inputs_sha256":"', b'"inputs_sha256":"0', "was changed"),
        (b'"inputs"', b'"innuts"', "damaged"),
        (b'"shape":[1,3,8,8]', b'"shape":[9,9999999,8,8]', "too large"),
        (b'"dtype":"float32"', b'"dtype":"__doc__"', "cannot be drawn"),
    ],
)
def test_a_record_that_is_no_good_is_said_to_be(
    old: bytes, new: bytes, message: str, run: Callable[..., ModelReport], tmp_path: Path
) -> None:
    model = made(run)
    assert model.file is not None
    changed(tmp_path / model.file.path, tmp_path / "other.ptl", old, new)
    bad = run(model="other.ptl", mode="verify")
    assert bad.verdict.code == 3
    assert message in bad.verdict.reasons[0].message


def test_a_file_without_is_told_what_to_do(run: Callable[..., ModelReport], tmp_path: Path) -> None:
    model = made(run, golden="off")
    assert model.file is not None
    bad = run(model=model.file.path, mode="verify")
    assert bad.verdict.code == 3
    assert "holds no golden outputs" in bad.verdict.reasons[0].message
    assert "golden: auto" in bad.verdict.reasons[0].advice


def test_large_outputs_and_data_of_the_users_stay_out(run: Callable[..., ModelReport], tmp_path: Path) -> None:
    large = run(model="nets.py:Net", inputs=INPUTS, model_args="{outputs: 20000}")
    assert large.file is not None
    assert record(tmp_path / large.file.path) == b""
    assert next(n.message for n in large.result.notices if n.code == "no-golden").startswith("No golden outputs")
    torch.save(torch.randn(1, 3, 8, 8), tmp_path / "x.pt")
    own = run(model="nets.py:Net", inputs="[x.pt, {shape: [2], dtype: int64}]")
    assert own.file is not None
    assert record(tmp_path / own.file.path) == b""


def test_the_command_line_verifies(run: Callable[..., ModelReport], tmp_path: Path) -> None:
    model = made(run)
    assert model.file is not None
    command = [
        str(Path(sys.executable).with_name("ptmobile")),
        "verify",
        model.file.path,
        "--runtime",
        "none",
        "--report-dir",
        "out",
    ]
    done = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "out/report.json").read_text())["models"][0]["result"]["mode"] == "check"


# --- the formula ------------------------------------------------------------------------------------------------------


def test_the_formula_gives_splitmix64() -> None:
    """The first numbers from seed 0 are those that are published with the generator."""
    first = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    (drawn,) = draw([GoldenInput(dtype="float64", shape=(3,), low=0.0, high=1.0)])
    assert drawn.tolist() == [(number >> 11) * 2.0**-53 for number in first]


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64", "int8", "uint8", "int64", "bool"])
def test_inputs_stay_in_their_range(dtype: str) -> None:
    (drawn,) = draw(recipe([ExampleInput(shape=(1000,), dtype=dtype)]) or ())  # type: ignore[arg-type]
    low, high = {"uint8": (0, 255), "bool": (0, 1)}.get(dtype, (-1.75, 1.75) if "float" in dtype else (0, 1))
    assert str(drawn.dtype) == f"torch.{dtype}"
    assert low <= float(drawn.double().min()) < float(drawn.double().max()) <= high
    other = draw([GoldenInput(dtype="float32", shape=(4,), low=0, high=1)] * 2)
    assert not torch.equal(*other)


def test_the_digest_knows_every_byte() -> None:
    assert digest([torch.tensor([1.0])]) != digest([torch.tensor([1.0000001])])
    with pytest.raises(LoadError):
        draw([GoldenInput(dtype="float32", shape=(-1,), low=0, high=1)])
