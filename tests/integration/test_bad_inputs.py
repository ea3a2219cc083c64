"""Everything that can be wrong with what is given: a clear message, the documented exit code, and always a report."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from run_support import MODELS, Ran, cli_environment, run_cli

import ptmobile

NET, INPUTS = ("--model", "nets.py:TinyNet"), ("--inputs", "[[1, 3, 8, 8]]")


def check(ran: Ran, code: int) -> None:
    """What holds for every run that fails: no traceback, a report that fits its schema, and a summary."""
    assert ran.code == code, ran.output
    assert "Traceback" not in ran.output
    assert "a fault of its own" not in ran.output
    assert "Traceback" not in json.dumps(ran.report)
    assert (ran.report["verdict"], ran.report["exit_code"]) == ("failed", code)
    assert ran.summary.strip()
    assert "Traceback" not in ran.summary


# --- the specification: nothing is run -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refused:
    """Arguments of the command line and files of the workspace that are refused, and what must be said about them."""

    name: str
    arguments: tuple[str, ...]
    words: tuple[str, ...]
    files: dict[str, str | bytes] = field(default_factory=dict)


REFUSED = [
    # which model
    Refused("no model", (), ("model: is missing", "ptmobile.yml")),
    Refused("config and model", ("--config", "p.yml", *NET), ("--model", "config", "one of the two"), {"p.yml": "{}"}),
    Refused("unknown form", ("--model", "resnet18"), ("--model", "'resnet18'", "torchvision:NAME")),
    Refused("no factory", ("--model", "nets.py"), ("--model", "'nets.py'", "nets.py:NAME")),
    Refused("bad factory name", ("--model", "nets.py:Tiny-Net", *INPUTS), ("--model", "'Tiny-Net'")),
    Refused("missing file", ("--model", "net.py:TinyNet", *INPUTS), ("'net.py'", "does not exist", "'nets.py'")),
    Refused("missing TorchScript", ("--model", "net.pt", *INPUTS), ("'net.pt'", "does not exist in the workspace")),
    Refused("absolute path", ("--model", "/etc/nets.py:Net", *INPUTS), ("'/etc/nets.py'", "outside the workspace")),
    Refused("dots", ("--model", "../nets.py:Net", *INPUTS), ("'../nets.py'", "outside the workspace")),
    Refused("dots inside", ("--model", "a/../../nets.py:N", *INPUTS), ("outside the workspace",)),
    Refused("link out", ("--model", "link/passwd.py:Net", *INPUTS), ("'link/passwd.py'", "outside the workspace")),
    Refused("no inputs", NET, ("inputs: is missing", "nets.py:TinyNet", "[[1, 3, 224, 224]]")),
    # files
    Refused("no weights", (*NET, *INPUTS, "--weights", "w.pt"), ("--weights", "'w.pt'", "does not exist")),
    Refused("folder as weights", (*NET, *INPUTS, "--weights", "package"), ("--weights", "'package'", "is a folder")),
    Refused("weights outside", (*NET, *INPUTS, "--weights", "/etc/passwd"), ("--weights", "outside the workspace")),
    Refused("weights by a link", (*NET, *INPUTS, "--weights", "link/passwd"), ("--weights", "outside the workspace")),
    Refused("key without file", (*NET, *INPUTS, "--weights-key", "ema"), ("--weights-key", "without weights")),
    Refused("output suffix", (*NET, *INPUTS, "--output", "net.pt"), ("--output", "'net.pt'", ".ptl")),
    Refused("output a folder", (*NET, *INPUTS, "--output", "d.ptl"), ("--output", "'d.ptl'"), {"d.ptl/x": ""}),
    Refused("output in a file", (*NET, *INPUTS, "--output", "nets.py/n.ptl"), ("--output", "'nets.py/n.ptl'")),
    Refused("output outside", (*NET, *INPUTS, "--output", "../net.ptl"), ("--output", "outside the workspace")),
    Refused("report outside", (*NET, *INPUTS, "--report-dir", "/srv/r"), ("report-dir", "outside the workspace")),
    Refused("data file missing", (*NET, "--inputs", "x.npy"), ("'x.npy'", "does not exist")),
    Refused("data file outside", (*NET, "--inputs", "/etc/x.npy"), ("'/etc/x.npy'", "outside the workspace")),
    # values
    Refused("bad boolean", (*NET, *INPUTS, "--optimize", "yes"), ("--optimize", "'yes'", "true or false")),
    Refused("bad number", (*NET, *INPUTS, "--trials", "three"), ("--trials", "'three'", "whole number")),
    Refused("zero trials", (*NET, *INPUTS, "--trials", "0"), ("--trials", "1")),
    Refused("negative tolerance", (*NET, *INPUTS, "--rtol", "-1"), ("--rtol", "number")),
    Refused("infinite tolerance", (*NET, *INPUTS, "--atol", "inf"), ("--atol", "number")),
    Refused("endless time", (*NET, *INPUTS, "--timeout-minutes", "1e9"), ("--timeout-minutes", "360")),
    Refused(
        "unknown choice", (*NET, *INPUTS, "--method", "tracing"), ("--method", "'tracing'", "did you mean 'trace'")
    ),
    Refused(
        "unknown pass",
        (*NET, *INPUTS, "--optimize-blocklist", "CONV_BN_FUSE"),
        ("--optimize-blocklist", "CONV_BN_FUSE", "did you mean 'CONV_BN_FUSION'"),
    ),
    Refused("bad YAML", (*NET, "--inputs", "[[1, 3"), ("--inputs", "not valid YAML", "line 1")),
    Refused("no list of inputs", (*NET, "--inputs", "3"), ("--inputs", "given 3", "one entry per argument")),
    Refused("negative size", (*NET, "--inputs", "[[1, -3]]"), ("--inputs", "-3")),
    Refused(
        "unknown dtype",
        (*NET, "--inputs", "[{shape: [1], dtype: flaot32}]"),
        ("flaot32", "did you mean 'float32'"),
    ),
    Refused("unknown key", (*NET, "--inputs", "[{shap: [1]}]"), ("'shap'", "did you mean 'shape'")),
    Refused("empty range", (*NET, "--inputs", "[{shape: [1], range: [2, 1]}]"), ("[2, 1]", "below")),
    Refused("no arguments", (*NET, *INPUTS, "--model-args", "ten"), ("--model-args", "'ten'", "YAML mapping or list")),
    # several at once
    Refused(
        "all problems are shown",
        ("--model", "../n.py:N", *INPUTS, "--trials", "x", "--method", "y", "--optimize", "z"),
        ("4 problems", "'../n.py'", "--trials", "--method", "--optimize"),
    ),
    # config files
    Refused("no config", ("--config", "p.yml"), ("--config", "'p.yml'", "does not exist")),
    Refused("config outside", ("--config", "../p.yml"), ("--config", "outside the workspace")),
    Refused("config is YAML", (), ("ptmobile.yml", "not valid YAML", "line 2"), {"ptmobile.yml": "model: x\n  b: [\n"}),
    Refused("config is a list", (), ("ptmobile.yml", "a mapping of options"), {"ptmobile.yml": "- a\n"}),
    Refused("config is empty", (), ("ptmobile.yml", "a mapping of options"), {"ptmobile.yml": ""}),
    Refused("config is no text", (), ("ptmobile.yml", "UTF-8"), {"ptmobile.yml": b"model: caf\xe9\n"}),
    Refused("config is huge", (), ("ptmobile.yml", "larger than"), {"ptmobile.yml": b"#" * 2_000_000}),
    Refused("config of code", (), ("ptmobile.yml",), {"ptmobile.yml": "!!python/object/apply:os.system [id]\n"}),
    Refused("no models", (), ("ptmobile.yml: models", "at least one model"), {"ptmobile.yml": "models: []\n"}),
    Refused("models no list", (), ("ptmobile.yml: models", "given 3"), {"ptmobile.yml": "models: 3\n"}),
    Refused(
        "unknown option",
        (),
        ("ptmobile.yml: modle", "did you mean 'model'"),
        {"ptmobile.yml": "modle: nets.py:TinyNet\n"},
    ),
    Refused(
        "option of the run in a model",
        (),
        ("models[0]", "fail-on"),
        {"ptmobile.yml": "models: [{model: 'nets.py:TinyNet', inputs: [1], fail-on: never}]\n"},
    ),
    Refused(
        "same names",
        (),
        ("name", "'TinyNet'", "its own name"),
        {"ptmobile.yml": "models: [nets.py:TinyNet, nets.py:TinyNet]\ninputs: [[1, 3, 8, 8]]\n"},
    ),
    Refused(
        "same outputs",
        (),
        ("output", "'a.ptl'", "its own output"),
        {"ptmobile.yml": "models: [nets.py:TinyNet, nets.py:make]\ninputs: [[1]]\noutput: a.ptl\n"},
    ),
    Refused(
        "an option for one model beside several",
        ("--weights", "nets.py"),
        ("--weights", "one model", "2"),
        {"ptmobile.yml": "models: [nets.py:TinyNet, nets.py:make]\ninputs: [[1]]\n"},
    ),
    Refused(
        "a YAML bomb",
        (),
        ("ptmobile.yml",),
        {
            "ptmobile.yml": "a: &a [x]\n"
            + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
        },
    ),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_specification_that_is_refused(case: Refused, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(MODELS, tmp_path / "workspace"))
    (workspace / "link").symlink_to("/etc")
    for name, content in case.files.items():
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    ran = run_cli(workspace, *case.arguments)
    check(ran, 2)
    assert ran.report["models"] == []
    (problem,) = ran.report["problems"]
    for word in case.words:
        assert word in problem["message"]
        assert word in ran.output
    assert not list(workspace.rglob("*.ptl")) or case.name == "output a folder"


ACTION = "import sys; from ptmobile.action import main; sys.exit(main())"


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"MODLE": "nets.py:TinyNet"}, ("input modle", "is unknown", "did you mean 'model'")),
        ({"MODEL": "nets.py:TinyNet", "INPUTS": "[[1]]", "OPTIMIZE": "1"}, ("input optimize", "true or false")),
        ({}, ("model: is missing",)),
    ],
)
def test_inputs_of_the_action_that_are_refused(tmp_path: Path, inputs: dict[str, str], words: tuple[str, ...]) -> None:
    workspace = Path(shutil.copytree(MODELS, tmp_path / "workspace"))
    job = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(workspace)}
    given = {f"INPUT_{name}": value for name, value in inputs.items()}
    done = subprocess.run(
        [sys.executable, "-I", "-c", ACTION],
        cwd=tmp_path,
        env={**cli_environment(), **job, **given},
        capture_output=True,
        text=True,
        check=False,
    )
    ran = Ran(done.returncode, done.stdout + done.stderr, workspace)
    check(ran, 2)
    for word in words:
        assert word in ran.report["problems"][0]["message"]
    assert "\n::error title=ptmobile%3A " in done.stdout
    assert done.stdout.count("::error") == 1


# --- models, weights and data: one run for all of them ---------------------------------------------------------------


@dataclass(frozen=True)
class Bad:
    """Options of one model, the exit code that it deserves, and what must be said about it."""

    name: str
    code: int
    words: tuple[str, ...]
    options: dict[str, Any]


def bad(name: str, code: int, words: tuple[str, ...], model: str, *inputs: Any, **options: Any) -> Bad:
    kebab = {key.replace("_", "-"): value for key, value in options.items()}
    entries = list(inputs) or [[1, 3, 8, 8]]
    return Bad(name, code, words, {"model": model, "name": name.replace(" ", "-"), "inputs": entries, **kebab})


IDS = {"shape": [40], "dtype": "int64", "range": [0, 5]}
BAD = [
    # what the model names
    bad("unknown model", 3, ("no model 'resnet81'", "did you mean 'resnet18'"), "torchvision:resnet81"),
    bad("unknown attribute", 3, ("nets.py", "'TinyNt'", "'TinyNet'"), "nets.py:TinyNt"),
    bad("unknown module", 3, ("nots", "'nets'"), "nots:TinyNet"),
    bad("syntax error", 3, ("syntax_error.py:6", "SyntaxError"), "syntax_error.py:Net"),
    bad("import raises", 3, ("import_raises.py:5", "no licence file found"), "import_raises.py:Net"),
    bad("missing dependency", 3, ("a_package_nobody_has",), "missing_dependency.py:Net"),
    bad("script without main", 3, ("import_exits.py", "ended the program"), "import_exits.py:Net"),
    bad("downloads", 3, ("https://download.example/", "`weights`"), "downloads.py:by_hub"),
    bad("pretrained", 3, ("weights",), "torchvision:resnet18", [1, 3, 64, 64], model_args={"pretrained": True}),
    # what a factory does
    bad("factory raises", 3, ("factory_raises.py", "the width must be positive"), "factory_raises.py:make"),
    bad("factory exits", 3, ("factory_raises.py", "ended the program with 3"), "factory_raises.py:exits"),
    bad("factory recursion", 3, ("factory_raises.py", "RecursionError"), "factory_raises.py:recursive"),
    bad("factory of nothing", 3, ("returned None", "return"), "returns_dict.py:nothing"),
    bad("factory of a dict", 3, ("not a torch.nn.Module", "state dict"), "returns_dict.py:make"),
    bad("factory of a class", 3, ("the class Identity",), "returns_dict.py:a_class"),
    bad("no factory", 3, ("nets.py:number", "an int"), "nets.py:number"),
    bad("wrong arguments", 3, ("'clases'", "did you mean 'classes'"), "nets.py:make", model_args={"clases": 3}),
    bad("missing argument", 3, ("'classes'", "model-args"), "misfits.py:takes_an_argument"),
    bad("train only", 3, ("eval()", "can only be trained"), "train_only.py:TrainOnly"),
    bad("ignores eval", 3, ("stays in training mode", "dropout"), "train_only.py:IgnoresEval"),
    bad("meta tensors", 3, ("meta device",), "unusual_tensors.py:Meta"),
    # weights
    bad("missing keys", 3, ("does not fit", "missing", "head.weight"), "nets.py:TinyNet", weights="part.pt"),
    bad("unexpected keys", 3, ("does not fit", "unexpected", "extra"), "nets.py:TinyNet", weights="more.pt"),
    bad("wrong shapes", 3, ("[5, 4]", "[3, 4]", "model-args"), "nets.py:TinyNet", weights="wide.pt"),
    bad("other model", 3, ("No key fits",), "nets.py:TinyNet", weights="other.pt"),
    bad("cut checkpoint", 3, ("cut.pt", "cut off or damaged"), "nets.py:TinyNet", weights="cut.pt"),
    bad("corrupt checkpoint", 3, ("corrupt.pt", "cannot be read"), "nets.py:TinyNet", weights="corrupt.pt"),
    bad("empty checkpoint", 3, ("empty.pt", "is empty"), "nets.py:TinyNet", weights="empty.pt"),
    bad("text as checkpoint", 3, ("notes.txt", "no file of PyTorch"), "nets.py:TinyNet", weights="notes.txt"),
    bad("pickled module", 3, ("whole pickled module", "allow-pickle"), "nets.py:TinyNet", weights="module.pt"),
    bad("weights key", 3, ("'emma'", "state_dict"), "nets.py:TinyNet", weights="nested.pt", weights_key="emma"),
    bad("weights as model", 3, ("more.pt", "not a TorchScript file", "weights: more.pt"), "more.pt"),
    # example inputs
    bad("wrong channels", 3, ("3 channels", "nets.py:", "`inputs`"), "nets.py:TinyNet", [1, 4, 8, 8]),
    bad("wrong rank", 3, ("forward_raises.py:", "mat1 and mat2", "`inputs`"), "forward_raises.py:Net"),
    bad("wrong dtype", 3, ("`inputs`", "Long"), "misfits.py:TwoInputs", [40], [40, 4]),
    bad("too few inputs", 3, ("missing 1 required", "'x'", "one entry"), "misfits.py:TwoInputs", IDS),
    bad("too many inputs", 3, ("takes 3 positional", "one entry"), "misfits.py:TwoInputs", IDS, [40, 4], [1]),
    bad("range", 3, ("index out of range", "`range`"), "misfits.py:TwoInputs", {**IDS, "range": [0, 6]}, [40, 4]),
    bad("objects in data", 3, ("objects.npz", "Python objects"), "nets.py:Stateless", "objects.npz"),
    bad("text in data", 3, ("strings.npy", "<U5"), "nets.py:Stateless", "strings.npy"),
    bad("no data", 3, ("text.npy", "NumPy's format"), "nets.py:Stateless", "text.npy"),
    bad("empty data", 3, ("nothing.npy", "is empty"), "nets.py:Stateless", "nothing.npy"),
    bad("data key", 3, ("two.npz", "'c'", "a, b"), "nets.py:Stateless", {"file": "two.npz", "key": "c"}),
    bad("needless key", 3, ("one.npy", "'a'"), "nets.py:Stateless", {"file": "one.npy", "key": "a"}),
    bad("no tensors", 3, ("list.pt", "a list"), "nets.py:Stateless", "list.pt"),
    bad("quantised data", 3, ("quantised.pt", "quantised"), "nets.py:Stateless", "quantised.pt"),
    # running and converting
    bad("forward raises", 3, ("forward_raises.py:", "not implemented for this"), "forward_raises.py:Always", [1]),
    bad("no forward", 3, ("forward",), "forward_raises.py:NoForward", [1]),
    bad("endless recursion", 3, ("RecursionError", "misfits.py:"), "misfits.py:Recursive", [1]),
    bad("out of memory", 3, ("MemoryError", "memory"), "misfits.py:OutOfMemory", [1]),
    bad("too much memory", 3, ("memory",), "huge.py:Forward", [1]),
    bad("odd exception", 3, ("Odd", "cannot be shown"), "misfits.py:Unprintable", [1]),
    bad("half a character", 3, ("cannot open caf?.bin",), "misfits.py:HalfCharacter", [1]),
    bad("long text", 3, ("a long story", "…"), "misfits.py:LongText", [1]),
    bad("markup", 3, ("Title",), "misfits.py:Markup", [1]),
    bad("an object", 3, ("type object at out",), "outputs.py:AnObject", [1]),
    bad("a long key", 3, ("too long a key",), "misfits.py:LongKey", [1]),
    bad("a sparse tensor", 3, ("sparse_coo", "to_dense"), "misfits.py:Sparse", [2, 2]),
    bad("no road", 4, ("scripted", "traced", "roads.py:"), "roads.py:NoRoad", [2, 4], outputs="keep"),
    bad("no such method", 4, ("no method featurs",), "roads.py:Methods", [2, 4], preserve_methods=["featurs"]),
    bad("dict traced", 4, ("tuple of tensors",), "outputs.py:Named", [2, 4], method="trace", outputs="keep"),
    bad("with", 4, ("ENTER", "`with`"), "misfits.py:InsideWith", [2, 4], repair="off", method="script", outputs="keep"),
    bad(
        "sixteen bits",
        4,
        ("XNNPACK", "float32"),
        "misfits.py:Half",
        {"shape": [2, 4], "dtype": "bfloat16"},
        repair="off",
    ),
    bad("random", 5, ("not deterministic", "state"), "behaviour.py:CountsOutside", [2, 4], method="trace"),
    bad("branch", 5, ("traced", "branches"), "roads.py:TracedOtherwise", [2, 4], method="trace", trials=20),
]


def _write_files(workspace: Path) -> None:
    """Weights and data that are wrong in one way each."""
    sys.path.insert(0, str(MODELS))
    try:
        from nets import TinyNet  # noqa: PLC0415
    finally:
        sys.path.remove(str(MODELS))
    whole = TinyNet().state_dict()
    torch.save(OrderedDict((key, value) for key, value in whole.items() if "head" not in key), workspace / "part.pt")
    torch.save({**whole, "extra.weight": torch.ones(1)}, workspace / "more.pt")
    torch.save(TinyNet(classes=5).state_dict(), workspace / "wide.pt")
    torch.save(torch.nn.LSTM(2, 2).state_dict(), workspace / "other.pt")
    torch.save({"epoch": 3, "state_dict": whole}, workspace / "nested.pt")
    torch.save(torch.nn.Linear(2, 2), workspace / "module.pt")
    complete = (workspace / "more.pt").read_bytes()
    (workspace / "cut.pt").write_bytes(complete[: len(complete) // 2])
    (workspace / "corrupt.pt").write_bytes(complete.replace(b"q\x00", b"\xff\xff"))
    (workspace / "empty.pt").touch()
    (workspace / "notes.txt").write_text("some notes, which are no model " * 20)
    np.savez(workspace / "objects.npz", a=np.array([{}], dtype=object))
    np.save(workspace / "strings.npy", np.array(["hello"]))
    np.save(workspace / "one.npy", np.ones(3, np.float32))
    np.savez(workspace / "two.npz", a=np.ones(3, np.float32), b=np.ones(2, np.float32))
    (workspace / "text.npy").write_text("1 2 3\n")
    (workspace / "nothing.npy").touch()
    torch.save([["a"]], workspace / "list.pt")
    torch.save(torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8), workspace / "quantised.pt")


@pytest.fixture(scope="module")
def bad_models(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One run of all bad models, as in a job, with a good one at the end."""
    workspace = Path(shutil.copytree(MODELS, tmp_path_factory.mktemp("bad") / "workspace"))
    _write_files(workspace)
    good = bad("good", 0, (), "nets.py:TinyNet")
    models = [case.options for case in [*BAD, good]]
    for model in models:
        if model["inputs"] == [None]:
            del model["inputs"]
    (workspace / "ptmobile.yml").write_text(json.dumps({"models": models}))
    return run_cli(workspace, env={"GITHUB_ACTIONS": "true"})


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_a_model_that_is_refused(case: Bad, bad_models: Ran) -> None:
    model = bad_models.model(case.options["name"])
    verdict = model["verdict"]
    text = json.dumps(verdict, ensure_ascii=False)
    assert (verdict["status"], verdict["code"]) == ("failed", case.code), text
    assert "Traceback" not in text
    assert str(bad_models.workspace) not in text
    assert not model["file"] or not model["file"]["verified"]
    for word in case.words:
        assert word in text.replace('\\"', '"'), text
    assert verdict["title"] in bad_models.output


def test_a_run_of_bad_models_reports_all_of_them(bad_models: Ran) -> None:
    check(bad_models, BAD[0].code)
    report = bad_models.report
    assert len(report["models"]) == len(BAD) + 1
    assert report["models"][-1]["verdict"]["status"] == "passed"
    assert bad_models.output.count("::error ") <= 10
    assert len(bad_models.summary.encode()) < 1024 * 1024


def test_enough_is_tried() -> None:
    assert len(REFUSED) + len(BAD) >= 100
    assert len({case.name for case in REFUSED}) == len(REFUSED)
    assert len({case.name for case in BAD}) == len(BAD)


# --- places that cannot be written -----------------------------------------------------------------------------------


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODELS, tmp_path / "workspace"))


def test_a_file_where_the_reports_folder_should_be(workspace: Path) -> None:
    (workspace / "report").write_text("a file\n")
    ran = run_cli(workspace, *NET, *INPUTS, "--report-dir", "report", "--output", "net.ptl")
    check(ran, 2)
    assert "--report-dir: given 'report', which is a file; a folder is needed" in ran.output
    assert (workspace / "report").read_text() == "a file\n"


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[str]:
    """Make a folder in which nothing fits; yields what is said of it."""
    folder.mkdir()
    if os.geteuid() != 0:
        folder.chmod(0o500)
        yield "Permission denied"
        folder.chmod(0o700)
        return
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("neither may a file system be mounted here, nor is root kept from writing")
    try:
        yield "No space left on device"
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_for_the_output(workspace: Path) -> None:
    with full_disk(workspace / "full") as words:
        ran = run_cli(workspace, *NET, *INPUTS, "--model-args", "{width: 99}", "--output", "full/net.ptl")
        check(ran, 8)
        (model,) = ran.report["models"]
        assert model["file"] is None
        (reason,) = model["verdict"]["reasons"]
        assert "full/net.ptl cannot be written" in reason["message"]
        assert words in reason["message"]
        assert "room" in reason["advice"]
        assert list((workspace / "full").iterdir()) == []


def test_a_full_disk_for_the_report(workspace: Path, tmp_path: Path) -> None:
    summary, outputs = tmp_path / "summary", tmp_path / "outputs"
    summary.touch()
    outputs.touch()
    env = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs)}
    with full_disk(workspace / "full") as words:
        ran = run_cli(workspace, *NET, *INPUTS, "--report-dir", "full", "--output", "net.ptl", env=env)
        assert ran.code == 8
        assert "full/report.json cannot be written" in ran.output
        assert words in ran.output
        assert "Traceback" not in ran.output
    assert (workspace / "net.ptl").is_file()
    assert "TinyNet" in summary.read_text()
    assert "equivalent" in outputs.read_text()


def test_a_full_disk_for_the_worker(workspace: Path) -> None:
    """No file may grow beyond 4 kB: outputs fit, the model's file does not."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    # Python would leave what it compiles cut short, and read it again in later tests.
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(Path(ptmobile.__file__).parent)], check=True)
    ran = run_cli(workspace, *NET, *INPUTS, "--output", "net.ptl", before=limit)
    assert ran.code == 4, ran.output
    assert "stage saved" in ran.output
    assert "TMPDIR" in ran.output
    assert "cannot be written: File too large" in ran.output
    assert "Traceback" not in ran.output
    assert not (workspace / "net.ptl").exists()


def test_a_full_disk_for_temporary_files(workspace: Path) -> None:
    with full_disk(workspace / "full") as words:
        ran = run_cli(workspace, *NET, *INPUTS, env={"TMPDIR": str(workspace / "full")})
        if words == "Permission denied":
            assert ran.code == 0  # Python has looked for another place by itself
            return
        check(ran, 3)
        assert "No space left on device" in ran.output
        assert list((workspace / "full").iterdir()) == []
