"""Reading a specification: where values come from, what they may be, and that whatever is given is understood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_support import (
    ANY_TEXT,
    OPTIONS,
    config,
    config_problems,
    fill_workspace,
    problem_of,
    problems_of,
    read,
    read_one,
)

from ptmobile.errors import ConfigurationError
from ptmobile.spec import RunSpec
from ptmobile.spec.action_inputs import read_action_inputs
from ptmobile.spec.coerce import Given
from ptmobile.spec.problems import Problems, shown, suggestion
from ptmobile.spec.resolve import resolve
from ptmobile.spec.workspace import Workspace


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_workspace(tmp_path_factory.mktemp("workspace"))


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
