"""Reading a specification: ptmobile.yml, its schema, and the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

import jsonschema
import pytest
from spec_support import OPTIONS, config, config_problems, fill_workspace, problems_of, read

from ptmobile import cli
from ptmobile.errors import ConfigurationError
from ptmobile.spec.command_line import add_options, given_options
from ptmobile.spec.config_file import config_schema
from ptmobile.spec.problems import Problems
from ptmobile.spec.resolve import resolve
from ptmobile.spec.scope import MODE_OPTIONS
from ptmobile.spec.workspace import Workspace


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_workspace(tmp_path_factory.mktemp("workspace"))


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
