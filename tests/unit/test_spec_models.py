"""Reading a specification: example inputs, models, paths."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest
from spec_support import OPTIONS, fill_workspace, problem_of, problems_of, read_one

from ptmobile.errors import ConfigurationError
from ptmobile.spec import ExampleInput
from ptmobile.spec.command_line import add_options, given_options
from ptmobile.spec.model_reference import ModuleFactory, TorchvisionModel, default_name, parse_model_reference
from ptmobile.spec.problems import Problems
from ptmobile.spec.resolve import resolve
from ptmobile.spec.workspace import Workspace


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_workspace(tmp_path_factory.mktemp("workspace"))


# --- example inputs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[1, 3, 224, 224]]", (ExampleInput(shape=(1, 3, 224, 224)),)),
        ("[1, 3, 224, 224]", (ExampleInput(shape=(1, 3, 224, 224)),)),
        ("[[]]", (ExampleInput(shape=()),)),
        ("[]", ()),
        ("x.npy", (ExampleInput(file="x.npy"),)),
        ("[./sub/../x.npy, [2]]", (ExampleInput(file="x.npy"), ExampleInput(shape=(2,)))),
        ("{shape: [2, 9], dtype: int64, range: [0, 50]}", None),
        ("- {shape: [2, 9], dtype: torch.int64, range: [0, 50]}", None),
        ("{shapes: [[1, 2], [4, 2]]}", (ExampleInput(shapes=((1, 2), (4, 2))),)),
        ("{file: x.npy, key: a}", (ExampleInput(file="x.npy", key="a"),)),
    ],
)
def test_example_inputs(root: Path, text: str, expected: tuple[ExampleInput, ...] | None) -> None:
    expected = expected or ((ExampleInput(shape=(2, 9), dtype="int64", range=(0, 50)),) if expected is None else ())
    assert read_one(root, model="net.py:Net", inputs=text).inputs == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("3", "given 3; allowed: a list with one entry per argument of the model"),
        ("~", "given None; allowed: a list with one entry per argument of the model"),
        ("[3, [1]]", "[0]: given 3; allowed: a shape, a mapping, or the path of a data file"),
        ("[true, [2]]", "[0]: given True; allowed: a shape, a mapping, or the path of a data file"),
        ("[[1, -3]]", "[0]: given {'shape': [1, -3]}; shape[1]: expected int >= 0"),
        ("[[1.0]]", "[0]: given {'shape': [1.0]}; shape[0]: expected int, got float"),
        ("[[99999999999]]", "[0]: given {'shape': [99999999999]}; shape[0]: expected int <= 2147483647"),
        ("[{}]", "[0]: needs exactly one of shape, shapes and file; given: none of them"),
        ("[{shape: [1], file: x.npy}]", "[0]: needs exactly one of shape, shapes and file; given: shape and file"),
        ("[{shape: [1], dtyp: int8}]", "[0]: has an unknown key 'dtyp'; allowed: {keys}; did you mean 'dtype'?"),
        ("[{shape: [1], dtype: flaot32}]", "[0]: has dtype 'flaot32'; allowed: {dtypes}; did you mean 'float32'?"),
        ("[{shape: [1], dtype: 3}]", "[0]: has dtype 3; allowed: {dtypes}"),
        ("[{shape: [1], range: [1, 1]}]", "[0]: has the range [1, 1]; the first value must be below the second"),
        ("[{shape: [1], range: [1]}]", "[0]: given {'range': [1], 'shape': [1]}; range: expected array of length 2, "),
        ("[{shape: [1], range: [0, .inf]}]", "holds inf; allowed: finite numbers; given "),
        ("[{shape: [1], range: [0, 1e39]}]", "[0]: has the range [0, 1e+39]; for float32 at most ±1.7e+38 is allowed"),
        ("[{shape: [1], dtype: float16, range: [0, 70000]}]", "[0]: has the range [0, 70000]; for float16 at most "),
        ("[{shape: [1], dtype: bool, range: [0, 1]}]", "[0]: has a range for dtype bool, which needs none"),
        ("[{shape: [1], dtype: int8, range: [0, 0.5]}]", "[0]: has the range [0, 0.5]; dtype int8 needs whole numbers"),
        ("[{shape: [1], dtype: uint8, range: [0, 257]}]", "[0]: has the range [0, 257]; uint8 holds 0 to 255"),
        ("[{file: x.npy, range: [0, 1]}]", "[0]: has a range beside a data file; the values are those of the file"),
        ("[{shape: [1], key: a}]", "[0]: has a key but no file"),
        ("[{shapes: []}]", "[0]: given {'shapes': []}; shapes: expected array of length >= 1"),
        ("[notes.txt]", "[0]: names 'notes.txt'; allowed: a file that ends in .npy, .npz, .pt, .pth"),
        ("[y.npy]", "given 'y.npy', which does not exist in the workspace; did you mean 'x.npy'?"),
        (
            "[{shapes: [[1], [2]]}, {shapes: [[1], [2], [3]]}]",
            "has arguments with 2, 3 alternative shapes; all must have as many (or just one)",
        ),
    ],
)
def test_wrong_example_inputs(root: Path, text: str, problem: str) -> None:
    (found,) = problems_of(root, {"model": "net.py:Net", "inputs": text})
    names = {"{keys}": "shape, shapes, dtype, range, list-of, file, key", "{dtypes}": ", ".join(msgspec_dtypes())}
    for mark, listed in names.items():
        problem = problem.replace(mark, listed)
    expected = f"input inputs{problem}" if problem.startswith("[") else f"input inputs: {problem}"
    assert found.startswith(expected)


def msgspec_dtypes() -> tuple[str, ...]:
    from ptmobile.spec import DTYPES  # noqa: PLC0415

    return DTYPES


@pytest.mark.parametrize("dtype", msgspec_dtypes())
def test_every_dtype_can_be_asked_for(root: Path, dtype: str) -> None:
    for name in (dtype, f"torch.{dtype}"):
        assert read_one(root, inputs=f"[{{shape: [1], dtype: {name}}}]").inputs[0].dtype == dtype


def test_alternatives_may_stand_beside_a_single_shape(root: Path) -> None:
    spec = read_one(root, inputs="[{shapes: [[1], [2]]}, [3], {shapes: [[4], [5]]}]")
    assert [len(entry.alternatives()) for entry in spec.inputs] == [2, 1, 2]


def test_only_torchvision_models_have_default_inputs(root: Path) -> None:
    for model in ("net.py:Net", "package.net:Net", "net.pt"):
        (problem,) = problems_of(root, {"model": model})
        assert problem.startswith("inputs: is missing; the ")


# --- models and paths -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ("resnet18", "which is none of the allowed forms: torchvision:NAME, "),
        ("net.py", "which names a Python file but no class or function in it; write net.py:NAME"),
        ("net.py:", "which has '' after the colon, which is not the name of a class or function"),
        ("net.py:Net()", "which has 'Net()' after the colon"),
        ("a b:Net", "which has 'a b' before the colon, which is neither a module nor a .py file"),
        ("https://example.org/net.pt", "which has '//example.org/net.pt' after the colon"),
        ("other.py:Net", "which does not exist in the workspace"),
        ("nit.py:Net", "which does not exist in the workspace; did you mean 'net.py'?"),
        ("sub.py:Net", "which does not exist in the workspace"),
        ("../net.py:Net", "which lies outside the workspace; allowed: a path inside it, relative to it"),
        ("/etc/passwd.pt", "which lies outside the workspace"),
        ("missing.pt", "which does not exist in the workspace"),
    ],
)
def test_wrong_models(root: Path, model: str, problem: str) -> None:
    (found,) = problems_of(root, {"model": model, "inputs": "[[1]]"})
    assert found.startswith("input model: given ")
    assert problem in found


def test_a_path_inside_may_be_absolute(root: Path) -> None:
    """The runner turns ``${{ github.workspace }}/net.py`` into an absolute path of the container."""
    assert read_one(root, model=f"{root}/net.py:Net", inputs="[1]").model == "net.py:Net"
    assert read_one(root, weights=f"{root}/sub/../weights.pt").weights == "weights.pt"
    assert read_one(root, output=f"{root}/out/a.ptl").output == "out/a.ptl"


def test_names_of_models(root: Path) -> None:
    assert read_one(root, model="net.py:Net.build", inputs="[1]").name == "Net.build"
    assert read_one(root, model="net.pt", inputs="[1]").name == "net"
    assert read_one(root, name="My-net_1.0").output == "ptmobile-report/My-net_1.0.ptl"
    for name in ("a b", "-x", "../x", "x" * 101, "ä"):
        assert "allowed: up to 100 letters, digits, '.', '_' and '-', a letter or digit first" in problem_of(
            root, name=name
        )


def test_default_names_are_always_allowed() -> None:
    assert default_name(ModuleFactory("a", "_Hidden")) == "Hidden"
    assert default_name(TorchvisionModel("___")) == "model"
    assert default_name(parse_model_reference("späße/--Größe.pt")) == "Gr_e"


@pytest.mark.parametrize("path", ["..", "../x", "sub/../../x", "/etc/passwd", "/", "link-out", "link-out/x", "loop"])
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x").touch()
    root = tmp_path / "workspace"
    (root / "sub").mkdir(parents=True)
    (root / "link-out").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to("loop")
    found = Problems()
    assert Workspace(root).relative(path, "here", found) is None
    assert Workspace(root).existing_file(path, "here", found) is None
    assert found.found


def test_a_link_inside_the_workspace_is_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/net.pt").touch()
    (tmp_path / "link").symlink_to("real")
    found = Problems()
    assert Workspace(tmp_path).existing_file("link/net.pt", "here", found) == "link/net.pt"
    assert not found.found


def test_dots_behind_a_link_mean_the_targets_parent(tmp_path: Path) -> None:
    """As the system has it; put together as text, `link/../x` would be the other x, which leads out."""
    (tmp_path / "sub/deep").mkdir(parents=True)
    (tmp_path / "sub/x").write_text("inside")
    (tmp_path / "link").symlink_to("sub/deep")
    (tmp_path / "x").symlink_to("/etc/passwd")
    found = Problems()
    assert Workspace(tmp_path).existing_file("link/../x", "here", found) == "sub/x"
    assert not found.found


def test_the_default_config_may_not_lead_out_either(tmp_path: Path) -> None:
    (tmp_path / "secret.yml").write_text("model: torchvision:alexnet")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/ptmobile.yml").symlink_to("../secret.yml")
    (problem,) = problems_of(tmp_path / "workspace", {})
    assert "outside the workspace" in problem


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("sub", "which is a folder; a file is needed"),
        ("a" * 300, "which cannot be followed: File name too long"),
        ("a/" * 3000, "which cannot be followed: File name too long"),
        ("net.py/x", "which cannot be followed: Not a directory"),
        ("pipe", "which is not a plain file"),
        ("wieghts.pt", "which does not exist in the workspace; did you mean 'weights.pt'?"),
        ("a\0b", "which is not a path"),
        ("caf\udce9.pt", "which is not text in UTF-8"),
    ],
)
def test_files_that_cannot_be_read(root: Path, path: str, problem: str) -> None:
    if not (root / "pipe").exists():
        os.mkfifo(root / "pipe")
    assert problem in problem_of(root, weights=path)


@pytest.mark.parametrize("output", ["x.pt", "x", "sub", "sub/", "../x.ptl", "/tmp/x.ptl"])
def test_outputs_that_cannot_be_written(root: Path, output: str) -> None:
    assert problem_of(root, output=output).startswith("input output: given ")


def test_a_report_folder_that_is_a_file(root: Path) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, OPTIONS)
    arguments = parser.parse_args(["--model", "torchvision:alexnet", "--report-dir", "net.py"])
    with pytest.raises(ConfigurationError, match=r"--report-dir: given 'net\.py', which is a file; a folder is needed"):
        resolve(given_options(arguments, OPTIONS), Workspace(root), Problems())


def test_what_does_not_go_together(root: Path) -> None:
    assert problem_of(root, weights_key="model") == "input weights-key: is given without weights"
    (problem,) = problems_of(root, {"model": "net.pt", "inputs": "[1]", "model-args": "{a: 1}"})
    assert problem == "input model-args: is given for a TorchScript file, which takes none"
