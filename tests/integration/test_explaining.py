"""Known errors, provoked with torch 1.13.1: the messages that it really gives are explained by their own entries."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import explaining_capture
import explaining_files
import explaining_values
import pytest
from explaining_support import PROVOCATIONS, Provocation
from run_support import Converter, prepared_converter, run_cli

from ptmobile.explaining import advice_for, explain
from ptmobile.explaining.catalogue import KNOWN_ERRORS
from ptmobile.local.workflow_commands import parse_commands
from ptmobile.worker.explaining import problem_of

KNOWN = {known.id: known for known in KNOWN_ERRORS}
NOTED = (explaining_capture, explaining_files, explaining_values)  # importing them notes their provocations

#: Those that end the process, or need one that has not seen something: scripts, each in a process of its own.
SCRIPTS = {
    "lite-named-tuple": """
        from typing import NamedTuple, Optional
        class Pair(NamedTuple):
            first: Tensor
            second: Optional[Tensor]
        class Net(nn.Module):
            def forward(self, x: Tensor):
                return Pair(x, None)
        print(load(save(torch.jit.script(Net().eval())))(torch.ones(2)))
    """,
    "xnnpack-small-image": """
        from torch.utils.mobile_optimizer import optimize_for_mobile
        convolution = torch.jit.script(nn.Conv2d(3, 4, 9).eval())
        load(save(optimize_for_mobile(convolution)))(torch.rand(1, 3, 8, 8))
    """,
    "disk-full": """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        save(torch.jit.script(nn.Linear(400, 400)))
    """,
    "torchvision-operators": """
        code = 'import torch, torchvision; from torch import Tensor\\n@torch.jit.script\\ndef f(b, s):\\n'
        Path("make.py").write_text(code + '    return torch.ops.torchvision.nms(b, s, 0.5)\\nf.save("nms.pt")\\n')
        import subprocess, sys
        subprocess.run([sys.executable, "make.py"], check=True)
        torch.jit.load("nms.pt")
    """,
    "backport-to-newer": """
        from torch.jit.mobile import _backport_for_mobile
        assert not _backport_for_mobile(save(torch.jit.script(nn.Linear(4, 4))), "stub.ptl", 8)
    """,
    "process-left": """
        sys.exit(3)
    """,
}
_BEFORE = """
import sys
from pathlib import Path
import torch
from torch import nn, Tensor
from torch.jit.mobile import _load_for_lite_interpreter as load
torch.set_num_threads(1)
def save(module):
    module._save_for_lite_interpreter("net.ptl")
    return "net.ptl"
"""
#: Where they were seen instead. The libraries' own answers are provoked in tests/device/test_explaining_device.py.
NOT_HERE = {
    "xnnpack-missing": "torch here has XNNPACK; the message is that of pytorch/pytorch#189532",
    "output-container": "an app in C++ or Objective-C reads its output so; pytorch/ios-demo-app#75",
    "java-value-kind": "Java code of an app reads its output so; pytorch/android-demo-app#224",
    "java-native-library": "needs Android's loader; pytorch/pytorch#58913",
    "java-code-gen": "needs Android's loader; pytorch/android-demo-app#142",
    "java-duplicate-classes": "needs Gradle; pytorch/pytorch#43142",
    "java-release-missing": "needs Gradle; pytorch/android-demo-app#145",
    "java-page-size": "needs Android Studio, or Google Play; pytorch/pytorch#154449",
    "java-native-loader": "needs an app that loads twice; pytorch/android-demo-app#143",
    "illegal-instruction": "needs another CPU",
    "crash-lite": "whether the interpreter crashes depends on what lies in memory; pytorch/pytorch#84706",
    "crash-saved": "the disk of the folder for temporary files is not to be filled; disk-full has the same cause",
}
ON_DEVICES = {"debug-records", "lapack-missing", "fft-missing", "java-dtype"}


# --- every entry -----------------------------------------------------------------------------------------------------


def test_every_known_error_is_provoked_or_it_is_said_why_not() -> None:
    provoked = {*PROVOCATIONS, *SCRIPTS, *(name for name, *_ in RUNS), *ON_DEVICES}
    assert provoked | set(NOT_HERE) == set(KNOWN)
    assert not provoked & set(NOT_HERE)


CASES = [
    pytest.param(name, case, id=f"{name}-{n}") for name, cases in PROVOCATIONS.items() for n, case in enumerate(cases)
]


@pytest.mark.parametrize(("name", "provoke"), CASES)
@pytest.mark.filterwarnings("ignore")
def test_what_torch_says_is_explained(name: str, provoke: Provocation, tmp_path: Path) -> None:
    """By the worker as well, which takes frames and paths out of it, at every stage that the error may come from."""
    try:
        printed = provoke(tmp_path)
    except Exception as error:  # noqa: BLE001 - whatever is raised is what we want to see
        messages = [f"{type(error).__name__}: {error}"]
        for stage in KNOWN[name].stages or ("eager",):
            problem = problem_of(error, "It failed", tmp_path, stage)
            assert KNOWN[name].cause in problem.advice, problem.message
            assert problem.advice.endswith(KNOWN[name].remedy)
    else:
        assert isinstance(printed, str), "nothing was raised"
        messages = [printed]
    for message in messages:
        found = explain(message)
        assert found is not None, message
        assert found.id == name, message


@pytest.mark.parametrize("name", list(SCRIPTS))
def test_what_a_process_says_at_its_end_is_explained(name: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(_BEFORE + textwrap.dedent(SCRIPTS[name]))
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False
    )
    if name == "process-left":
        assert advice_for(
            f"The process ended by itself with exit status {done.returncode} in stage load.", stage="load"
        )
        return
    if name == "xnnpack-small-image" and "Assertion" not in done.stderr:
        pytest.skip("XNNPACK's kernel for this CPU does not check its size")
    found = explain(done.stderr)
    assert found is not None, done.stderr
    assert found.id == name, done.stderr


# --- whole runs ------------------------------------------------------------------------------------------------------

MODELS = """
from typing import List
import os
import signal
import torch
from torch import Tensor, nn


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(5, 4)
    def forward(self, ids: Tensor) -> Tensor:
        return self.table(ids)


class Channels(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)
    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Precise(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3).double()
    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.double())


class Same(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, padding="same")
    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Number(nn.Module):
    def forward(self, x: Tensor) -> int:
        return int(x.sum())


class Function(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2


class Untranslated(nn.Module):
    def forward(self, x):
        return Function.apply(x)


class Forked(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.jit.wait(torch.jit.fork(torch.relu, x))


class Hungry(nn.Module):
    def forward(self, x):
        return x + torch.empty(10**15)


def gpu():
    return nn.Linear(4, 2).cuda()


class Killed(nn.Module):
    def forward(self, x):
        os.kill(os.getpid(), signal.SIGKILL)


class Crashes(nn.Module):
    def forward(self, x):
        os.kill(os.getpid(), signal.SIGSEGV)


class Leaves(nn.Module):
    def forward(self, x):
        os._exit(3)
"""
IMAGE: list[Any] = [[1, 3, 12, 12]]
#: The known error, the model, its inputs, options, and the words of the message that the advice belongs to.
RUNS: list[tuple[str, str, list[Any], dict[str, Any], str]] = [
    ("index-range", "Words", [{"shape": [2, 3], "dtype": "int64", "range": [0, 50]}], {}, "index out of range"),
    ("index-dtype", "Words", [[2, 3]], {}, "scalar types: Long, Int"),
    ("input-channels", "Channels", [[1, 1, 12, 12]], {}, "to have 3 channels"),
    ("input-too-small", "Channels", [[1, 3, 2, 2]], {}, "Kernel size"),
    ("number-of-arguments", "Channels", [*IMAGE, *IMAGE], {}, "positional arguments"),
    ("xnnpack-parameters", "Precise", [[2, 4]], {"method": "script"}, "XNNPACK Linear not available"),
    ("optimise-string-padding", "Same", IMAGE, {"method": "script"}, "conv2d_clamp_prepack"),
    ("trace-output-type", "Number", [[2, 4]], {"method": "trace"}, "Only tensors, lists"),
    ("script-autograd-function", "Untranslated", [[2, 4]], {"method": "script"}, "FunctionMeta"),
    ("save-instruction", "Forked", [[2, 4]], {"method": "script", "optimize": False}, "FORK"),
    ("out-of-memory", "Hungry", [[2, 4]], {}, "can't allocate memory"),
    ("cuda-baked-in", "gpu", [[2, 4]], {}, "CUDA"),
    ("killed", "Killed", [[2, 4]], {}, "SIGKILL"),
    ("crash", "Crashes", [[2, 4]], {}, "SIGSEGV"),
    ("process-left", "Leaves", [[2, 4]], {}, "exit status 3"),
    ("crash-optimised", "roads.py:Hoisted", [[1, 4, 200, 200]], {"method": "script"}, "SIG"),
]


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converter]:
    workspace = tmp_path_factory.mktemp("workspace")
    (workspace / "explained.py").write_text(MODELS)
    with prepared_converter(workspace) as converter:
        yield converter


@pytest.mark.parametrize("run", RUNS, ids=[f"{name}-{model}" for name, model, *_ in RUNS])
def test_the_report_of_a_run_says_cause_and_remedy(convert: Converter, run: tuple[Any, ...]) -> None:
    name, model, inputs, options, words = run
    reference = model if ":" in model else f"explained.py:{model}"
    report = convert(reference, *inputs, **{"repair": "off", "outputs": "keep", **options})
    (reason,) = report.verdict.reasons
    assert words in reason.message
    assert reason.advice.startswith(KNOWN[name].cause)
    assert reason.advice.endswith(KNOWN[name].remedy)


def test_summary_and_annotation_say_cause_and_remedy(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "explained.py").write_text(MODELS)
    job = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_OUTPUT": str(tmp_path / "o"),
    }
    for name in ("summary", "o"):
        (tmp_path / name).touch()
    ran = run_cli(workspace, "--model", "explained.py:Channels", "--inputs", "[[1, 1, 12, 12]]", env=job)
    assert ran.code == 3
    (error,) = [command for command in parse_commands(ran.output) if command.name == "error"]
    known = KNOWN["input-channels"]
    for said in (error.data, ran.summary, (tmp_path / "summary").read_text(encoding="utf-8")):
        assert known.cause in said
        assert "It wants 3 and got 1." in said
        assert "Check the shapes given in" in said
