"""The repro bundle: what is in it, that its script runs a good and a bad file again, and that nothing is believed."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from ptmobile.errors import PtmobileError
from ptmobile.files import WorkspaceFiles
from ptmobile.pipeline import Run, run_models
from ptmobile.progress.base import Lines
from ptmobile.report.model import ModelReport, Source
from ptmobile.repro.arrays import FORMATS, array_file
from ptmobile.repro.bundle import Bundler
from ptmobile.repro.scratch import Scratch
from ptmobile.repro.trees import tree_of
from ptmobile.result import Failure, ModelResult, Problem
from ptmobile.spec.coerce import Given
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.spec.problems import Problems
from ptmobile.spec.resolve import resolve
from ptmobile.spec.workspace import Workspace
from ptmobile.value_manifest import Manifest, StoredTensor
from ptmobile.worker.values.files import load_tree, save_tree
from ptmobile.worker.values.trees import flatten

MODELS = """
import torch
from torch import nn
from dataclasses import dataclass

class Every(nn.Module):
    def forward(self, x):
        kinds = (x, x > 0, x.half(), x.to(torch.bfloat16), torch.complex(x, x), x.to(torch.int16))
        return kinds, {"n": x.sum()}, 3, 0.5, "a", None

class Branch(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x * 3

@dataclass
class Result:
    a: torch.Tensor
    b: torch.Tensor

class Objects(nn.Module):
    def forward(self, x):
        return Result(x * 2, x.sum(1))
"""
OPTIONS = {"runtime": "none", "inputs": "[[2, 3]]", "trials": "2"}


@pytest.fixture
def convert(tmp_path: Path) -> Callable[..., ModelReport]:
    (tmp_path / "nets.py").write_text(MODELS)

    def convert(**options: str) -> ModelReport:
        given = {n.replace("_", "-"): Given(v, n, text=True) for n, v in {**OPTIONS, **options}.items()}
        spec = resolve(given, Workspace(tmp_path), Problems())
        report = run_models(spec, Run(tmp_path, Lines(lambda line: None), Source(), lambda: "2026-01-01T00:00:00Z"))
        return report.models[0]

    return convert


def replay(workspace: Path, model: ModelReport, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script by an interpreter that has none of our packages on its path but torch and NumPy."""
    command = [sys.executable, "-W", "error::SyntaxWarning", str(workspace / model.repro / "replay.py"), *arguments]
    return subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=False)


def test_a_good_file_is_run_again_and_agrees_with_every_stage(
    convert: Callable[..., ModelReport], tmp_path: Path
) -> None:
    model = convert(model="nets.py:Every", repro="always", method="script")
    assert model.verdict.status == "passed", model.verdict
    assert model.repro == "ptmobile-report/Every.repro"
    told = json.loads((tmp_path / model.repro / "manifest.json").read_text())
    assert {"eager", "scripted", "lite (script)"} <= set(told["stages"])
    assert (told["seed"], told["failure"], told["left_out"]) == (0, None, [])
    for stage in told["stages"]:
        done = replay(tmp_path, model, "", stage)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count(f"as {stage} gave it") == len(told["trials"]) * 11
    other = replay(tmp_path, model, "nets:Every")
    assert other.returncode == 0, other.stdout + other.stderr


def test_a_bad_conversion_leaves_a_bundle_whose_script_shows_where_it_differs(
    convert: Callable[..., ModelReport], tmp_path: Path
) -> None:
    model = convert(model="nets.py:Branch", method="trace", inputs="[{shape: [2, 3]}]", trials="6")
    assert model.verdict.code == 5
    told = json.loads((tmp_path / model.repro / "manifest.json").read_text())
    assert told["failure"]["kind"] == "mismatch"
    assert {"eager", "traced"} <= set(told["stages"])
    assert not {"inputs", "load"} & set(told["stages"])
    nothing = replay(tmp_path, model)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert nothing.stderr.startswith("No file was made: name a file, or MODULE:FUNCTION")
    differs = replay(tmp_path, model, "nets:Branch", "traced")
    assert differs.returncode == 5, differs.stdout + differs.stderr
    assert "out: differs by" in differs.stdout
    assert replay(tmp_path, model, "nets:Branch").returncode == 0
    assert convert(model="nets.py:Branch", method="trace", trials="6", repro="off").repro == ""


def test_what_was_given_another_form_is_compared_in_that_of_the_file(
    convert: Callable[..., ModelReport], tmp_path: Path
) -> None:
    model = convert(model="nets.py:Objects", repro="always")
    assert model.result.adapted is not None
    told = json.loads((tmp_path / model.repro / "manifest.json").read_text())
    assert told["stages"]["eager"]["trees"]["0"]["kind"] == "dataclass Result"
    done = replay(tmp_path, model)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "out['a']" in done.stdout


def test_a_passing_run_leaves_none_by_default(convert: Callable[..., ModelReport], tmp_path: Path) -> None:
    assert convert(model="nets.py:Every", method="script").repro == ""
    assert not list(tmp_path.glob("ptmobile-report/*.repro"))


# --- the formats ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (1, 0, 2)], ids=str)
@pytest.mark.parametrize("dtype", [name for name in FORMATS if name != "complex32"])
def test_arrays_are_read_by_numpy_and_brought_back_by_a_view(
    dtype: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    kind = getattr(torch, dtype)
    value = (torch.randn(shape) * 9).to(kind)
    save_tree(flatten(value, "out"), tmp_path / "0")
    manifest = msgspec.json.decode((tmp_path / "0.json").read_bytes(), type=Manifest)
    with (
        (tmp_path / "a.npz").open("wb") as stream,
        array_file(stream) as archive,
        (tmp_path / "0.bin").open("rb") as data,
    ):
        archive.add("0-0", manifest.tensors["out"], data)
    array = np.load(tmp_path / "a.npz", allow_pickle=False)["0-0"]
    assert array.shape == shape
    assert torch.equal(torch.from_numpy(array).view(kind), load_tree(tmp_path / "0").tensors()["out"])


def test_trees_keep_their_containers_and_values(tmp_path: Path) -> None:
    value = ({"a": torch.ones(2), "b'": [None, True, 7, "text"]}, float("nan"), [])
    save_tree(flatten(value, "out"), tmp_path / "0")
    manifest = msgspec.json.decode((tmp_path / "0.json").read_bytes(), type=Manifest)

    def back(part: dict[str, Any]) -> Any:
        if "items" not in part:
            return part.get("value", part.get("hex", part.get("array")))
        pairs = [(key, back(inner)) for key, inner in part["items"]]
        if part["kind"] == "dict":
            return {ast.literal_eval(key): inner for key, inner in pairs}
        return tuple(inner for _, inner in pairs) if part["kind"] == "tuple" else [inner for _, inner in pairs]

    arrays = dict.fromkeys(manifest.tensors, "array")
    expected = ({"a": "array", "b'": [None, True, 7, "text"]}, "nan", [])
    assert back(tree_of(manifest, "out", arrays)) == expected


# --- nothing is believed ----------------------------------------------------------------------------------------------


FAILED = ModelResult(failure=Failure(kind="convert", stage="eager", problem=Problem(title="x", message="y")))


def left_behind(folder: Path) -> None:
    for variant, root in (("inputs", "input"), ("eager", "out")):
        (folder / variant).mkdir(parents=True)
        save_tree(flatten([torch.ones(2, 3)], root), folder / variant / "0")


def bundle(workspace: Path, scratch: Path) -> dict[str, Any]:
    bundler = Bundler(WorkspaceFiles(workspace), "out", "now")
    folder = bundler.write(ConversionSpec(model="m", name="m"), FAILED, scratch, "")
    assert folder == "out/m.repro"
    told: dict[str, Any] = json.loads((workspace / folder / "manifest.json").read_text())
    return told


def spoil(scratch: Path, **changes: Any) -> None:
    path = scratch / "eager/0.json"
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    tensor = msgspec.structs.replace(manifest.tensors["out[0]"], **changes)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, tensors={"out[0]": tensor})))


@pytest.mark.parametrize(
    "changes",
    [{"offset": 10**9}, {"size": 1}, {"shape": (-2, -3)}, {"dtype": "object"}, {"offset": -8}, {"shape": (1,) * 40}],
    ids=str,
)
def test_a_manifest_that_lies_is_left_out_and_the_rest_is_kept(changes: dict[str, Any], tmp_path: Path) -> None:
    left_behind(tmp_path / "scratch")
    assert "eager" in bundle(tmp_path, tmp_path / "scratch")["stages"]
    spoil(tmp_path / "scratch", **changes)
    told = bundle(tmp_path, tmp_path / "scratch")
    assert "eager" not in told["stages"]
    assert told["left_out"][0].startswith("eager: ")
    assert told["inputs"]["trees"]["0"]["kind"] == "list"


def test_links_lead_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 24)
    scratch = tmp_path / "scratch"
    left_behind(scratch)
    (scratch / "eager/0.bin").unlink()
    (scratch / "eager/0.bin").symlink_to(secret)
    assert "eager" not in bundle(tmp_path, scratch)["stages"]
    (scratch / "eager/0.bin").unlink()
    os.link(secret, scratch / "eager/0.bin")
    assert "eager" not in bundle(tmp_path, scratch)["stages"]
    (scratch / "elsewhere").mkdir()
    (scratch / "link").symlink_to(scratch / "eager")
    for variant in ("link", "../scratch/eager", "..", ""):
        with pytest.raises(PtmobileError):
            Scratch(scratch).manifest(variant, 0)


def test_a_tree_that_grows_without_end_is_refused() -> None:
    tensor = StoredTensor(dtype="float32", shape=(), memory_format="contiguous", offset=0, size=4)
    paths = ["out" + "[0]" * depth for depth in range(20)]
    containers = dict.fromkeys(paths, ("tuple", ("0", "0")))
    manifest = Manifest(order=(), containers=containers, tensors={"out" + "[0]" * 20: tensor}, plain={}, floats={})
    with pytest.raises(PtmobileError, match="too many parts"):
        tree_of(manifest, "out", {"out" + "[0]" * 20: "x"})
