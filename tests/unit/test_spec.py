"""Reading a specification: from inputs, from the command line, from ptmobile.yml; and everything that can be wrong."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptmobile import cli
from ptmobile.errors import ConfigurationError
from ptmobile.spec import ConversionSpec, ExampleInput, RunSpec
from ptmobile.spec.action_inputs import read_action_inputs
from ptmobile.spec.coerce import Given
from ptmobile.spec.command_line import add_options, given_options
from ptmobile.spec.config_file import config_schema
from ptmobile.spec.model_reference import ModuleFactory, TorchvisionModel, default_name, parse_model_reference
from ptmobile.spec.options import all_options
from ptmobile.spec.problems import Problems, shown, suggestion
from ptmobile.spec.resolve import resolve
from ptmobile.spec.scope import MODE_OPTIONS
from ptmobile.spec.workspace import Workspace

OPTIONS = all_options()
FILES = ("net.py", "net.pt", "weights.pt", "x.npy", "sub/deep/net.py", "notes.txt")
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a few (empty) files."""
    root = tmp_path_factory.mktemp("workspace")
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def environ(inputs: Mapping[str, str]) -> dict[str, str]:
    """Inputs as the runner passes them."""
    return {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in inputs.items()}


def read(root: Path, inputs: Mapping[str, str]) -> RunSpec:
    problems = Problems()
    return resolve(read_action_inputs(environ(inputs), OPTIONS, problems), Workspace(root), problems)


def read_one(root: Path, **inputs: str) -> ConversionSpec:
    """The only model of a run; torchvision:alexnet unless another is given."""
    dashed = {name.replace("_", "-"): value for name, value in inputs.items()}
    given = dashed if "model" in dashed or "config" in dashed else {"model": "torchvision:alexnet", **dashed}
    (model,) = read(root, given).models
    return model


def problems_of(root: Path, inputs: Mapping[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(root, inputs)
    assert caught.value.code == 2
    return [line.removeprefix("  - ") for line in str(caught.value).splitlines()[1:]]


def problem_of(root: Path, **inputs: str) -> str:
    dashed = {name.replace("_", "-"): value for name, value in inputs.items()}
    (problem,) = problems_of(root, {"model": "torchvision:alexnet", **dashed})
    return problem


def config(root: Path, text: str, **inputs: str) -> RunSpec:
    (root / "config.yml").write_text(text, encoding="utf-8")
    return read(root, {"config": "config.yml", **{name.replace("_", "-"): value for name, value in inputs.items()}})


def config_problems(root: Path, text: str, **inputs: str) -> list[str]:
    (root / "config.yml").write_text(text, encoding="utf-8")
    return problems_of(root, {"config": "config.yml", **inputs})


# --- where values come from -------------------------------------------------------------------------------------------


def test_an_input_goes_before_the_file_and_the_file_before_the_default(root: Path) -> None:
    run = config(root, "model: torchvision:alexnet\ntrials: 7\nseed: 5\nfail-on: never", trials="9", fail_on="warning")
    (model,) = run.models
    assert (model.trials, model.seed, model.method) == (9, 5, "auto")
    assert run.fail_on == "warning"


def test_a_models_own_option_goes_before_the_shared_one(root: Path) -> None:
    run = config(root, "trials: 7\nmodels: [torchvision:alexnet, {model: torchvision:vgg11, trials: 2}]")
    assert [model.trials for model in run.models] == [7, 2]


def test_an_input_holds_for_all_models_of_the_file(root: Path) -> None:
    run = config(root, "models: [torchvision:alexnet, {model: torchvision:vgg11, trials: 2}]", trials="4")
    assert [model.trials for model in run.models] == [4, 4]


def test_empty_is_the_same_as_not_given(root: Path) -> None:
    assert read_one(root, trials="", seed=" \n", weights="") == read_one(root)
    assert config(root, "model: torchvision:alexnet\ntrials:\nweights: null").models[0].trials == 5


def test_the_default_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "ptmobile.yml").write_text("model: torchvision:vgg11")
    assert read(tmp_path, {}).config == "ptmobile.yml"
    assert read_one(tmp_path, model="torchvision:alexnet").name == "alexnet"


def test_neither_model_nor_file(tmp_path: Path) -> None:
    assert problems_of(tmp_path, {}) == [
        "model: is missing; give a model, or a config file (and there is no ptmobile.yml)"
    ]


def test_model_and_config_exclude_each_other(root: Path) -> None:
    (root / "config.yml").write_text("model: torchvision:alexnet")
    problems = problems_of(root, {"config": "config.yml", "model": "torchvision:vgg11"})
    assert problems == ["input model: stands beside config; give one of the two"]


def test_what_describes_one_model_is_not_for_many(root: Path) -> None:
    problems = config_problems(root, "models: [torchvision:alexnet, torchvision:vgg11]", name="x", weights="weights.pt")
    assert problems == [
        "input name: is for one model, but config.yml has 2",
        "input weights: is for one model, but config.yml has 2",
    ]


def test_names_of_inputs_are_those_of_the_runner(root: Path) -> None:
    """The runner upper-cases a name and turns blanks into underscores; hyphens stay."""
    found = Problems()
    given = read_action_inputs({"INPUT_MODEL-ARGS": "{a: 1}", "PATH": "/bin"}, OPTIONS, found)
    assert given == {"model-args": Given("{a: 1}", "input model-args", text=True)}
    assert not found.found


def test_what_the_runner_itself_accepts_is_no_unknown_input(root: Path) -> None:
    assert read_one(root, args="x", entrypoint="/bin/sh").name == "alexnet"


def test_an_unknown_input_and_its_nearest_match(root: Path) -> None:
    assert problem_of(root, TRAILS="3") == "input trails: is unknown; did you mean 'trials'?"
    assert problem_of(root, unheard_of="3") == "input unheard-of: is unknown"
    with_underscore = problems_of(root, {"model": "torchvision:alexnet", "model_args": "{}"})
    assert with_underscore == ["input model_args: is unknown; did you mean 'model-args'?"]


def test_report_dir_is_no_input(root: Path) -> None:
    assert problem_of(root, report_dir="out").startswith("input report-dir: is unknown")


def test_all_problems_at_once(root: Path) -> None:
    problems = problems_of(
        root,
        {
            "model": "torchvison:alexnet:x",
            "trials": "many",
            "optimize": "yes",
            "method": "Script",
            "weights": "../weights.pt",
            "inputs": "[1.5]",
            "trails": "3",
        },
    )
    places = {"inputs[0]", "method", "model", "optimize", "trails", "trials", "weights"}
    assert {problem.split(":")[0] for problem in problems} == {f"input {place}" for place in places}


def test_the_message_counts(root: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\AThe specification has a problem:\n  - input trials: [^\n]*\Z"):
        read_one(root, trials="x")
    with pytest.raises(ConfigurationError, match=r"\AThe specification has 2 problems:\n"):
        read_one(root, trials="x", seed="y")


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_true(root: Path, text: str) -> None:
    assert read_one(root, bundle_inputs=text).bundle_inputs is True


@pytest.mark.parametrize("text", ["false", "False", "FALSE", " false "])
def test_false(root: Path, text: str) -> None:
    assert read_one(root, optimize=text).optimize is False


@pytest.mark.parametrize("text", ["yes", "no", "on", "1", "0", "tRUE", "flase", "true false"])
def test_no_other_text_is_a_boolean(root: Path, text: str) -> None:
    assert problem_of(root, optimize=text) == f"input optimize: given {text!r}; allowed: true or false"


@pytest.mark.parametrize(
    ("option", "text", "allowed"),
    [
        ("trials", "0", "a whole number from 1 to 1000"),
        ("trials", "1001", "a whole number from 1 to 1000"),
        ("trials", "3.0", "a whole number from 1 to 1000"),
        ("trials", "three", "a whole number from 1 to 1000"),
        ("trials", "٣", "a whole number from 1 to 1000"),
        ("trials", "1" * 5000, "a whole number from 1 to 1000"),
        ("seed", "-1", "a whole number from 0 to 9223372036854775807"),
        ("seed", str(2**63), "a whole number from 0 to 9223372036854775807"),
        ("rtol", "-1e-3", "a number from 0 up"),
        ("rtol", "nan", "a number from 0 up"),
        ("atol", "inf", "a number from 0 up"),
        ("atol", "1e999", "a number from 0 up"),
        ("timeout-minutes", "0", "a number above 0, at most 360"),
        ("timeout-minutes", "361", "a number above 0, at most 360"),
    ],
)
def test_numbers_have_limits(root: Path, option: str, text: str, allowed: str) -> None:
    (problem,) = problems_of(root, {"model": "torchvision:alexnet", option: text})
    assert problem.startswith(f"input {option}: given ")
    assert problem.endswith(f"; allowed: {allowed}")
    assert len(problem) < 200


def test_numbers(root: Path) -> None:
    spec = read_one(root, trials="1000", seed=str(2**63 - 1), rtol="1e-4", atol=".5", timeout_minutes="0.5")
    assert (spec.trials, spec.seed, spec.rtol, spec.atol, spec.timeout_minutes) == (1000, 2**63 - 1, 1e-4, 0.5, 0.5)


def test_choices(root: Path) -> None:
    assert read_one(root, method=" trace ").method == "trace"
    problem = problem_of(root, method="Script")
    assert problem == "input method: given 'Script'; allowed: auto, script, trace; did you mean 'script'?"


@pytest.mark.parametrize(
    "text", ["CONV_BN_FUSION REMOVE_DROPOUT", "[conv-bn-fusion, 'Remove_Dropout']", "CONV_BN_FUSION,\nREMOVE_DROPOUT,"]
)
def test_lists_of_names(root: Path, text: str) -> None:
    assert read_one(root, optimize_blocklist=text).optimize_blocklist == ("CONV_BN_FUSION", "REMOVE_DROPOUT")


def test_an_unknown_name_in_a_list(root: Path) -> None:
    problem = problem_of(root, optimize_blocklist="CONV_BN_FUSE")
    assert problem.endswith("; did you mean 'CONV_BN_FUSION'?")
    assert problem_of(root, preserve_methods="forward2, not-a-name").endswith("allowed: a list of names")


def test_model_args(root: Path) -> None:
    assert read_one(root, model_args="{num_classes: 10, eps: 1e-5, mode: on}").model_args == {
        "num_classes": 10,
        "eps": 1e-5,
        "mode": "on",
    }
    assert read_one(root, model_args="- 10\n- [1, 2]").model_args == [10, [1, 2]]
    assert problem_of(root, model_args="ten") == "input model-args: given 'ten'; allowed: a YAML mapping or list"


def test_bad_yaml_is_said_with_its_line(root: Path) -> None:
    problem = problem_of(root, model_args="a: 1\nb: [1,\nc: 2")
    assert problem.startswith("input model-args: is not valid YAML (line 3, column 5): ")
    assert "given 'a: 1\\nb: [1,\\nc: 2'" in problem


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


# --- the config file --------------------------------------------------------------------------------------------------


def test_one_model(root: Path) -> None:
    run = config(root, "model: torchvision:alexnet\nname: alex\nsummary: false")
    assert [model.name for model in run.models] == ["alex"]
    assert (run.config, run.summary) == ("config.yml", False)


def test_many_models(root: Path) -> None:
    run = config(root, "models: [torchvision:alexnet, {model: 'net.py:Net', inputs: [[1]], output: sub/net.ptl}]")
    assert [(model.name, model.output) for model in run.models] == [
        ("alexnet", "ptmobile-report/alexnet.ptl"),
        ("Net", "sub/net.ptl"),
    ]


def test_names_and_outputs_are_each_models_own(root: Path) -> None:
    text = "models: [{model: 'net.py:Net', inputs: [1]}, {model: 'sub/deep/net.py:Net', inputs: [1]}]"
    assert config_problems(root, text) == [
        "name: 'Net' belongs to 'net.py:Net', 'sub/deep/net.py:Net'; give each model its own name"
    ]
    text = "output: a.ptl\nmodels: [torchvision:alexnet, torchvision:vgg11]"
    assert config_problems(root, text) == [
        "output: 'a.ptl' belongs to 'torchvision:alexnet', 'torchvision:vgg11'; give each model its own output"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "config.yml: holds None; allowed: a mapping of options, or of models and shared options"),
        ("- model: x", "config.yml: holds [{'model': 'x'}]; allowed: a mapping of options"),
        ("trials: 3", "config.yml: names no model"),
        ("models: [{trials: 3}]", "config.yml: models[0]: names no model"),
        ("models: []", "config.yml: models: given []; allowed: a list with at least one model"),
        ("models: torchvision:alexnet", "config.yml: models: given 'torchvision:alexnet'; allowed: a list"),
        ("models: [3]", "config.yml: models[0]: given 3; allowed: a model, or a mapping of options"),
        ("model: torchvision:alexnet\nmodels: [torchvision:vgg11]", "config.yml: model: stands beside models"),
        ("model: torchvision:alexnet\ntrails: 3", "config.yml: trails: is unknown; did you mean 'trials'?"),
        ("model: torchvision:alexnet\nTrials: 3", "config.yml: Trials: is unknown; did you mean 'trials'?"),
        ("models: [{model: torchvision:alexnet, fail-on: never}]", "config.yml: models[0].fail-on: is unknown; "),
        ("model: torchvision:alexnet\nreport-dir: x", "config.yml: report-dir: is unknown; it is given outside"),
        ("model: torchvision:alexnet\ntrials: 3\ntrials: 4", "(line 3, column 1): the key 'trials' is there twice"),
        ("model: torchvision:alexnet\n  trials: 3", "config.yml: is not valid YAML (line 2, column 9): "),
        ("model: torchvision:alexnet\noptimize: 'true'", "given 'true'; allowed: true or false"),
        ("model: torchvision:alexnet\noptimize: yes", "given 'yes'; allowed: true or false"),
        ("model: torchvision:alexnet\ntrials: true", "given True; allowed: a whole number from 1 to 1000"),
        ("model: torchvision:alexnet\nrtol: true", "given True; allowed: a number from 0 up"),
        ("model: torchvision:alexnet\nname: 18", "given 18; allowed: up to 100 letters, digits, "),
        ("model: torchvision:alexnet\nweights: 18", "given 18; allowed: text; write it in quotes"),
        ("model: torchvision:alexnet\npreserve-methods: forward", "given 'forward'; allowed: a list of names"),
        ("model: torchvision:alexnet\ntrials: " + "1" * 300, "allowed: a whole number from 1 to 1000"),
        ("model: torchvision:alexnet\nrtol: 1" + "0" * 390, "allowed: a number from 0 up"),
        ("model: torchvision:alexnet\nmodel-args: {1: 2}", "has the key 1, which is not text; write it in quotes"),
        ("model: !!python/name:os.system x", "could not determine a constructor for the tag"),
        ('model: "\\ud800"', "holds half of a surrogate pair, which is no character"),
        ('"mo\\ndel": x', "config.yml: mo␊del: is unknown"),
    ],
)
def test_wrong_config_files(root: Path, text: str, problem: str) -> None:
    problems = config_problems(root, text)
    assert any(problem in found for found in problems), problems


def test_a_shared_mistake_is_said_once(root: Path) -> None:
    (problem,) = config_problems(root, "trials: 0\nmodels: [torchvision:alexnet, torchvision:vgg11]")
    assert problem == "config.yml: trials: given 0; allowed: a whole number from 1 to 1000"


def test_numbers_of_the_file_are_read_as_editors_read_them(root: Path) -> None:
    (model,) = config(root, "model: torchvision:alexnet\nrtol: 1e-3\natol: 1E-6\nseed: 010").models
    assert (model.rtol, model.atol, model.seed) == (1e-3, 1e-6, 10)


def test_anchors_and_merges(root: Path) -> None:
    text = "models: [{model: torchvision:alexnet, <<: &a {trials: 5, seed: 2}}, {<<: *a, model: torchvision:vgg11}]"
    assert [(model.trials, model.seed) for model in config(root, text).models] == [(5, 2), (5, 2)]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"model: caf\xe9"])
def test_a_file_that_is_no_text(root: Path, content: bytes) -> None:
    (root / "binary.yml").write_bytes(content)
    assert problems_of(root, {"config": "binary.yml"}) == ["binary.yml: is not a text file in UTF-8"]


def test_a_file_that_is_too_large(root: Path) -> None:
    (root / "large.yml").write_text("#" * (1024 * 1024 + 1))
    assert problems_of(root, {"config": "large.yml"}) == [
        "large.yml: is larger than 1048576 bytes, which no config file is"
    ]


def test_aliases_cannot_blow_a_file_up(root: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert config_problems(root, "\n".join(rows)) == ["config.yml: holds more than 100000 values"]
    assert config_problems(root, "model: &a [*a]") == ["config.yml: is nested more than 40 levels deep"]
    assert config_problems(root, "[" * 5000) == ["config.yml: is nested more than 40 levels deep"]


# --- the schema -------------------------------------------------------------------------------------------------------

ACCEPTED = [
    "model: torchvision:alexnet",
    "models: [torchvision:alexnet]",
    "models: [{model: torchvision:alexnet}, {model: torchvision:vgg11, trials: 2}]\ntrials: 4\nfail-on: warning",
    "model: net.py:Net\ninputs: [1, 3, 8, 8]",
    "model: net.py:Net\ninputs: x.npy",
    "model: net.py:Net\ninputs: {shape: [1]}",
    "model: net.py:Net\ninputs: [[1], x.npy, {shapes: [[1], [2]], dtype: int8, range: [0, 5]}, {file: x.npy, key: a}]",
    "model: torchvision:alexnet\nmodel-args: [1, {a: b}]\noptimize-blocklist: [REMOVE_DROPOUT]\nrtol: 1e-3",
    "model: torchvision:alexnet\nweights: null",
]
REFUSED = [
    "{}",
    "trials: 3",
    "model: torchvision:alexnet\nmodels: [torchvision:vgg11]",
    "models: []",
    "models: [{trials: 3}]",
    "model: torchvision:alexnet\ntrails: 3",
    "models: [{model: torchvision:alexnet, fail-on: never}]",
    "model: torchvision:alexnet\nreport-dir: x",
    "model: torchvision:alexnet\nconfig: x",
    "model: torchvision:alexnet\ntrials: 0",
    "model: torchvision:alexnet\ntrials: '3'",
    "model: torchvision:alexnet\noptimize: yes",
    "model: torchvision:alexnet\nmethod: Trace",
    "model: torchvision:alexnet\nname: a b",
    "model: torchvision:alexnet\nrtol: -1",
    "model: net.py:Net\ninputs: 3",
    "model: net.py:Net\ninputs: [{}]",
    "model: net.py:Net\ninputs: [{shape: [1], file: x.npy}]",
    "model: net.py:Net\ninputs: [{shape: [1], dtyp: int8}]",
    "model: net.py:Net\ninputs: [{shape: [1.5]}]",
    "model: net.py:Net\ninputs: [{shapes: []}]",
]


def valid(text: str) -> bool:
    from ptmobile.spec.yaml_text import load_yaml  # noqa: PLC0415

    return jsonschema.Draft202012Validator(config_schema()).is_valid(load_yaml(text))


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_the_schema_accepts_the_reader_accepts(root: Path, text: str) -> None:
    assert valid(text)
    config(root, text)


@pytest.mark.parametrize("text", REFUSED)
def test_what_the_schema_refuses_the_reader_refuses(root: Path, text: str) -> None:
    assert not valid(text)
    assert config_problems(root, text)


# --- the command line -------------------------------------------------------------------------------------------------


def parsers() -> dict[str, argparse.ArgumentParser]:
    (subparsers,) = [a for a in cli._parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(subparsers.choices)


def test_the_options_are_the_inputs_and_report_dir() -> None:
    flags = {flag for action in parsers()["convert"]._actions for flag in action.option_strings}
    inputs = {f"--{name}" for name, option in OPTIONS.items() if option.action_input}
    others = {"--mode", "--shards", "--reports", "--matrix", "--report", "--github-token"}
    assert flags - {"-h", "--help"} == (inputs | {"--report-dir"}) - others


def test_help_mentions_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["convert", "--help"])
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, option in OPTIONS.items():
        if name in ("mode", *MODE_OPTIONS) or not option.command_line:
            continue  # the command says it, or has it itself: plan, merge; a token belongs into no command line
        assert f"--{name} " in text
        assert option.description.split(":")[0] in text
        told = f"Default: {option.default_text}.".replace(" ", "")
        assert not option.default_text or told in text.replace(" ", "")  # lines are broken after hyphens too


def test_an_option_reads_like_the_input_of_its_name(root: Path) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, OPTIONS)
    texts = {"model": "net.py:Net", "inputs": "[[1, 2]]", "trials": "5", "optimize": "false", "rtol": "0.1"}
    arguments = parser.parse_args([part for name, text in texts.items() for part in (f"--{name}", text)])
    assert resolve(given_options(arguments, OPTIONS), Workspace(root), Problems()) == read(root, texts)


def test_a_boolean_option_alone_means_true(root: Path) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, OPTIONS)
    arguments = parser.parse_args(["--model", "torchvision:alexnet", "--bundle-inputs"])
    assert resolve(given_options(arguments, OPTIONS), Workspace(root), Problems()).models[0].bundle_inputs


def test_a_problem_names_the_option_as_it_was_given(root: Path) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, OPTIONS)
    arguments = parser.parse_args(["--model", "torchvision:alexnet", "--trials", "x"])
    with pytest.raises(ConfigurationError, match=r"--trials: given 'x'; allowed: a whole number from 1 to 1000"):
        resolve(given_options(arguments, OPTIONS), Workspace(root), Problems())


def test_every_option_is_described() -> None:
    for name, option in OPTIONS.items():
        assert option.description.endswith("."), name
        assert option.allowed, name
        assert name.replace("-", "").isalnum(), name  # a dot would be another variable on act than on the runner
        assert name == name.lower(), name


# --- whatever is given ------------------------------------------------------------------------------------------------

YAML_LIKE = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("x.npy"), st.just("int64")
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.sampled_from([*OPTIONS, "models", "shape", "shapes", "dtype", "range", "file", "key"]), inner)
            .filter(lambda key: isinstance(key, str))
            .map(str),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)
TEXTS = st.one_of(ANY_TEXT, YAML_LIKE.map(json.dumps))


def understood(root: Path, inputs: dict[str, str]) -> None:
    """Either a specification that can travel as JSON, or a message about what is wrong, of bounded lines."""
    try:
        run = read(root, inputs)
    except ConfigurationError as error:
        head, *problems = str(error).split("\n")
        assert head.startswith("The specification has ")
        assert problems
        assert all(problem.startswith("  - ") and len(problem) < 1500 for problem in problems)
        msgspec.json.encode(error.message)
    else:
        assert msgspec.json.decode(msgspec.json.encode(run), type=RunSpec) == run


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from([*OPTIONS, "trails", "models"]), TEXTS, max_size=5))
def test_no_input_raises_anything_else(root: Path, inputs: dict[str, str]) -> None:
    understood(root, inputs)


@settings(max_examples=300)
@given(st.sampled_from(list(OPTIONS)), TEXTS)
def test_no_value_of_one_input_raises_anything_else(root: Path, name: str, text: str) -> None:
    understood(root, {"model": "torchvision:alexnet", name: text})


@settings(max_examples=300)
@given(st.one_of(YAML_LIKE.map(json.dumps), ANY_TEXT), st.booleans())
def test_no_config_file_raises_anything_else(root: Path, text: str, nested: bool) -> None:
    text = f'{{"models": [{text}]}}' if nested else text
    (root / "any.yml").write_bytes(text.encode("utf-8", "surrogateescape" if text.isprintable() else "replace"))
    understood(root, {"config": "any.yml"})


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_no_name_of_a_variable_raises_anything_else(root: Path, name: str) -> None:
    problems = Problems()
    given = read_action_inputs({f"INPUT_{name}": "x", "INPUT_MODEL": "torchvision:alexnet"}, OPTIONS, problems)
    try:
        resolve(given, Workspace(root), problems)
    except ConfigurationError as error:
        msgspec.json.encode(error.message)


@given(YAML_LIKE)
def test_values_are_shown_on_a_short_line(value: Any) -> None:
    assert len(shown(value)) <= 80
    assert "\n" not in shown(value)


def test_suggestions_are_for_near_names_only() -> None:
    assert suggestion("modle", OPTIONS) == "; did you mean 'model'?"
    assert suggestion("MODEL", OPTIONS) == "; did you mean 'model'?"
    assert suggestion("zzz", OPTIONS) == ""
    assert suggestion("m" * 100_000, OPTIONS) == ""


# --- budgets ----------------------------------------------------------------------------------------------------------


def test_budgets_may_be_numbers_in_yaml_and_differ_from_model_to_model(root: Path) -> None:
    run = config(
        root,
        "baseline: base.json\nmax-size: 900000\nmax-size-growth: 2.5\n"
        "models: [torchvision:alexnet, {model: torchvision:vgg11, max-size: 1 MiB, max-size-growth: 5%}]",
    )
    assert [(m.max_size, m.max_size_growth) for m in run.models] == [("900000", "2.5"), ("1 MiB", "5%")]
    assert run.baseline == "base.json"


INSIDE = "allowed: a path inside it, relative to it"


def test_wrong_budgets_are_said_with_what_is_allowed(root: Path) -> None:
    given = {"model": "torchvision:alexnet", "max-size": "big", "max-size-growth": "-1", "baseline": "../b.json"}
    assert problems_of(root, given) == [
        "input baseline: given '../b.json', which lies outside the workspace; " + INSIDE,
        "input max-size: given 'big'; allowed: a size such as 12MB, 1.5 MiB or 900000 (bytes)",
        "input max-size-growth: given '-1'; allowed: a percentage such as 5% or 0.5",
    ]


def test_growth_needs_something_to_have_grown_from(root: Path) -> None:
    problems = problems_of(root, {"model": "torchvision:alexnet", "max-size-growth": "5%"})
    assert problems == ["max-size-growth: is given without a baseline to compare with; name one in baseline"]


# --- modes ------------------------------------------------------------------------------------------------------------

THREE = "models: [torchvision:alexnet, {model: torchvision:vgg11, name: vgg}, torchvision:resnet18]"


def test_only_leaves_out_the_other_models_and_what_is_wrong_with_them(root: Path) -> None:
    run = config(root, THREE, only="vgg, resnet18")
    assert [model.name for model in run.models] == ["vgg", "resnet18"]
    broken = THREE.replace("name: vgg", "name: vgg, weights: missing.pt")
    assert [model.name for model in config(root, broken, only="alexnet").models] == ["alexnet"]


def test_only_names_models_of_the_file(root: Path) -> None:
    assert config_problems(root, THREE, only="vgg,resnet19") == [
        "input only: names 'resnet19', which is no model of config.yml; did you mean 'resnet18'?"
    ]
    (problem,) = config_problems(root, THREE, only="x")
    assert problem.endswith("which is no model of config.yml; there are: alexnet, vgg, resnet18")


def test_a_plan_checks_all_models(root: Path) -> None:
    assert len(config(root, THREE, mode="plan", shards="2").models) == 3
    assert config_problems(root, THREE.replace("name: vgg", "weights: missing.pt"), mode="plan")
    twice = THREE.replace("name: vgg", "output: ptmobile-report/alexnet.ptl")
    assert "belongs to" in config_problems(root, twice, mode="plan")[0]


@pytest.mark.parametrize(("name", "value", "mode"), [("shards", "2", "plan"), ("reports", "x", "merge")])
def test_options_of_a_mode_mean_nothing_in_another(root: Path, name: str, value: str, mode: str) -> None:
    problems = problems_of(root, {"model": "torchvision:alexnet", name: value})
    assert problems == [f"input {name}: is for mode {mode}, but the mode is convert"]


def test_where_something_is_run_is_not_said_in_the_file(root: Path) -> None:
    assert config_problems(root, f"shards: 3\n{THREE}")[0].endswith("is unknown; it is given outside of the file")
    assert config_problems(root, f"mode: plan\n{THREE}") == [
        "config.yml: mode: given 'plan'; allowed in the file: convert, check, verify"
    ]


@pytest.mark.parametrize("mode", ["check", "verify"])
@pytest.mark.parametrize("model", ["net.py", "net.py:Net", "net.bin"])
def test_what_is_no_file_for_a_check(root: Path, mode: str, model: str) -> None:
    (root / "net.py").touch()
    problems = problems_of(root, {"mode": mode, "model": model})
    assert problems[0] == f"input model: given '{model}'; allowed in mode {mode}: the path of a .ptl file"


def test_golden_outputs_are_replayed_on_no_other_inputs(root: Path) -> None:
    (root / "net.ptl").touch()
    given = {"model": "net.ptl", "inputs": "[1]", "trials": "3", "seed": "1", "distributions": "zeros"}
    assert read(root, {"mode": "check", **given}).mode == "check"
    assert problems_of(root, {"mode": "verify", **given}) == [
        f"input {name}: is about inputs, but mode verify takes those that the file has"
        for name in ("inputs", "trials", "seed", "distributions")
    ]


def test_a_merge_needs_a_folder_and_no_model(root: Path) -> None:
    (root / "shards").mkdir()
    matrix = '{"include": [{"shard": 1, "models": "a"}]}'
    run = read(root, {"mode": "merge", "reports": "shards", "matrix": matrix, "fail-on": "never"})
    assert (run.models, run.reports, run.matrix, run.fail_on) == ((), "shards", matrix, "never")


def test_all_that_is_wrong_with_a_merge(root: Path) -> None:
    given = {"mode": "merge", "model": "net.py:Net", "baseline": "b.json", "shards": "2", "matrix": "{}"}
    assert sorted(problems_of(root, given)) == [
        "input baseline: means nothing when reports are merged",
        "input matrix: given '{}', which is no plan: Object missing required field `include`",
        "input model: means nothing when reports are merged",
        "input shards: means nothing when reports are merged",
        "reports: is missing; give the folder that the artifacts were downloaded into",
    ]
    (problem,) = problems_of(root, {"mode": "merge", "reports": "nowhere"})
    assert problem.startswith("input reports: given 'nowhere', which does not exist in the workspace; did a step")
