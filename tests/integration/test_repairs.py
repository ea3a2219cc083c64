"""What is tried where a file did not verify as asked for: found, repaired where that is possible, and said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from run_support import Converter, prepared_converter
from torch import nn

from ptmobile.report.model import ModelReport, Report, Source, Tool
from ptmobile.report.summary import summary_blocks

MODELS = """
import torch
from torch import Tensor, nn
from torch.nn import functional

class Views(nn.Module):
    \"\"\"Two views of one storage, which the optimiser takes for one constant.\"\"\"
    def __init__(self):
        super().__init__()
        whole = torch.arange(20, dtype=torch.float32)
        self.register_buffer("whole", whole)
        self.register_buffer("part", whole[5:10])
    def forward(self, x: Tensor) -> Tensor:
        return x * self.part + self.whole.sum()

class Cut(nn.Module):
    def __init__(self):
        super().__init__()
        whole = torch.linspace(-1, 1, 48).sin().view(12, 4)
        self.q, self.k, self.v = (nn.Parameter(whole[i : i + 4]) for i in (0, 4, 8))
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x @ self.q, x @ self.k * 2, x @ self.v * 3], 1)

class ClosedCut(Cut):
    \"\"\"The same behind a closed gate: every output is zero, whatever the optimiser makes of the weights.\"\"\"
    def __init__(self):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(12))
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x @ self.q, x @ self.k * 2, x @ self.v * 3], 1) * self.gate

class Forks(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 4)
    def forward(self, x: Tensor) -> Tensor:
        return torch.jit.wait(torch.jit.fork(self.head, x)) + 1

class Precise(nn.Module):
    \"\"\"XNNPACK computes in float32 only.\"\"\"
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3).double()
    def forward(self, x: Tensor) -> Tensor:
        return self.head(x)
"""


#: An optimize_for_mobile that is at fault unless three passes are left out; ``kind`` says in which way. Where it hangs,
#: it does so for all sets of passes that are tried after the set of all.
FAULTY = """
import os
import time
import torch
from torch import Tensor, nn
from torch.utils import mobile_optimizer

genuine = mobile_optimizer.optimize_for_mobile
GUILTY = {"CONV_BN_FUSION", "INSERT_FOLD_PREPACK_OPS", "FUSE_ADD_RELU"}
EVERY = {*mobile_optimizer.MobileOptimizerType.__members__}
kind = ""

class Net(nn.Module):
    def __init__(self, what: str):
        super().__init__()
        global kind
        kind = what
        self.head = nn.Linear(4, 3)
        self.register_buffer("scale", torch.full((3,), 2.0))
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.head(x)) * self.scale

def faulty(module, optimization_blocklist=None, **options):
    left_out = {name.name for name in optimization_blocklist or ()}
    guilty = GUILTY - left_out
    if kind == "hangs" and left_out != EVERY and left_out:
        time.sleep(600)
    if guilty and kind == "crashes":
        os.abort()
    if guilty:
        with torch.no_grad():
            module.scale.add_(float(len(guilty)))
    return genuine(module, optimization_blocklist, **options)

mobile_optimizer.optimize_for_mobile = faulty
"""

#: A model that does something else than computing once its gate is no longer zero.
GATED = """
import os
import time
import torch
from torch import Tensor, nn

class Gated(nn.Module):
    def __init__(self, what: str):
        super().__init__()
        self.what = what
        self.gate = nn.Parameter(torch.zeros(4))
    def forward(self, x: Tensor) -> Tensor:
        if not torch.jit.is_scripting():
            if bool(self.gate.any()):
                if self.what == "hangs":
                    time.sleep(600)
                os.abort()
        return x * self.gate
"""

#: Freezing forgets the statistics of a normalisation, which no model shows that has none but those at the start.
FORGETFUL = """
from pathlib import Path
import torch

genuine = torch.jit.freeze

def forgetful(module, *arguments, **options):
    module.norm.running_mean.zero_()
    module.norm.running_var.fill_(1)
    return genuine(module, *arguments, **options)

def file():
    torch.jit.freeze = forgetful
    return torch.jit.load(str(Path(__file__).parent / "untrained.pt"))
"""


class Untrained(nn.Module):
    """A normalisation at its start before a head of zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.head(torch.relu(self.norm(self.stem(x))).mean((2, 3))))


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converter]:
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "hazards.py").write_text(MODELS)
    (folder / "faulty.py").write_text(FAULTY)
    (folder / "forgetful.py").write_text(FORGETFUL)
    (folder / "gated.py").write_text(GATED)
    torch.jit.save(torch.jit.script(Untrained().eval()), str(folder / "untrained.pt"))
    with prepared_converter(folder) as converter:
        yield converter


def markdown(model: ModelReport) -> str:
    report = Report(
        tool=Tool(version="0", isolation="same-user"),
        source=Source(),
        created="",
        config=None,
        verdict=model.verdict.status,
        exit_code=model.verdict.code,
        models=(model,),
        problems=(),
    )
    return "".join(summary_blocks(report))


HAZARDS: dict[str, tuple[str, list[Any], dict[str, Any], str]] = {
    "hoisted convolutions crash": (
        "roads.py:Hoisted",
        [1, 4, 256, 256],
        {"method": "script"},
        "optimised without the pass INSERT_FOLD_PREPACK_OPS",
    ),
    "NaN becomes zero": (
        "outputs.py:NanOfNegative",
        [1, 1, 4, 4],
        {},
        "optimised without the pass INSERT_FOLD_PREPACK_OPS",
    ),
    "views of one storage are merged": ("hazards.py:Views", [5], {"method": "script"}, "frozen before it is optimised"),
    "weights cut from one are all the first": (
        "hazards.py:Cut",
        [2, 4],
        {"method": "script"},
        "frozen before it is optimised",
    ),
    "what sensitive weights show": (
        "hazards.py:ClosedCut",
        [2, 4],
        {"method": "script"},
        "frozen before it is optimised",
    ),
    "rounding where equal bits are owed": ("roads.py:TrainedNorm", [1, 3, 12, 12], {"compare": "exact"}, ""),
    "float64": (
        "hazards.py:Precise",
        {"shape": [2, 4], "dtype": "float64"},
        {},
        "optimised without the pass INSERT_FOLD_PREPACK_OPS",
    ),
}


@pytest.mark.parametrize("name", HAZARDS)
def test_a_hazard_is_found_and_repaired(convert: Converter, name: str) -> None:
    model, shape, options, remedy = HAZARDS[name]
    found = convert(model, shape, **options, repair="off")
    assert found.verdict.status == "failed"
    assert found.file is None or not found.file.verified
    repaired = convert(model, shape, **options)
    assert (repaired.verdict.status, repaired.verdict.code) == ("passed", 0), repaired.verdict
    assert repaired.file is not None
    assert repaired.file.verified
    assert repaired.file.remedy.startswith(remedy)
    assert "; as asked for, " in repaired.file.remedy
    decisive = [c for c in repaired.result.comparisons if c.decides]
    assert decisive
    assert all(c.passed for c in decisive)
    assert "The file is " in markdown(repaired)
    assert repaired.result.proof is not None
    assert f"| {repaired.result.proof.candidate} |" in markdown(repaired)


def test_what_sensitive_weights_call_for_is_done_to_the_file(convert: Converter) -> None:
    """The first file agrees, since all is zero; with other weights it would not, so that another build is shipped."""
    hidden = convert("hazards.py:ClosedCut", [2, 4], method="script", sensitive_weights="off")
    assert hidden.file is not None
    assert (hidden.file.verified, hidden.file.remedy) == (True, "")
    repaired = convert("hazards.py:ClosedCut", [2, 4], method="script")
    result, sharper = repaired.result, repaired.result.sharper
    assert sharper is not None
    assert (sharper.status, sharper.failure) == ("passed", None)
    assert repaired.file is not None
    assert repaired.file.remedy.endswith(", with sensitive weights")
    frozen = [stage.key for stage in result.stages if stage.name == "frozen"]
    assert frozen == ["frozen attempt 2 (script)"]
    for comparisons in (result.comparisons, sharper.comparisons):
        (proof,) = [c for c in comparisons if (c.reference, c.candidate) == ("eager", "lite attempt 2 (script)")]
        assert proof.passed
    assert result.proof is not None
    assert (result.proof.candidate, result.proof.passed) == ("lite attempt 2 (script)", True)
    assert result.repair_cost is not None
    assert result.repair_cost.size_ratio is not None
    assert "the first build did not agree" in "".join(notice.message for notice in result.notices)


def test_the_road_that_verifies_with_sensitive_weights_is_the_road_of_the_file(convert: Converter) -> None:
    report = convert("hazards.py:ClosedCut", [2, 4])
    assert report.file is not None
    assert (report.file.method, report.file.remedy, report.file.verified) == ("trace", "", True)
    assert report.result.choice.startswith("trace (with sensitive weights, script failed: optimised (script) does not")


def test_no_build_for_sensitive_weights_is_no_file(convert: Converter) -> None:
    report = convert("hazards.py:ClosedCut", [2, 4], method="script", repair="off")
    assert report.verdict.code == 5
    assert report.verdict.reasons[0].title.startswith("With sensitive weights, optimised (script) does not compute")
    assert report.file is not None
    assert not report.file.verified


def test_a_torchscript_file_is_compared_with_sensitive_weights_too(convert: Converter) -> None:
    report = convert("untrained.pt", [1, 3, 8, 8])
    assert report.verdict.status == "passed", report.verdict
    sharper = report.result.sharper
    assert sharper is not None
    assert (sharper.status, sharper.changed, sharper.kept, sharper.unreached) == ("passed", 5, 2, ())
    (stage,) = [stage for stage in report.result.stages if stage.name == "sensitive"]
    assert stage.status == "passed"
    assert stage.seconds == sharper.seconds > 0
    (line,) = [line for line in convert.lines if "sensitive weights  " in line]
    assert line.startswith("  ✔ sensitive weights ")
    text = markdown(report)
    assert "| ✅ | sensitive weights | " in text
    assert "the same build agrees with these. Left alone: 2 that look trained." in text


def test_what_statistics_at_their_start_hide_of_a_torchscript_file_is_found(convert: Converter) -> None:
    hidden = convert("forgetful.py:file", [1, 3, 8, 8], sensitive_weights="off", repair="off")
    assert hidden.verdict.status == "passed", hidden.verdict
    found = convert("forgetful.py:file", [1, 3, 8, 8], repair="off")
    assert found.verdict.code == 5
    assert found.verdict.reasons[0].title.startswith("With sensitive weights, frozen (script) does not compute")
    (stage,) = [stage for stage in found.result.stages if stage.name == "sensitive"]
    assert (stage.key, stage.status) == ("sensitive weights", "failed")
    repaired = convert("forgetful.py:file", [1, 3, 8, 8])
    assert repaired.file is not None
    assert (repaired.file.optimised, repaired.file.verified) == (False, True)


def test_the_least_different_build_is_taken(convert: Converter) -> None:
    """Once it is clear that the passes are at fault: without one before without two, and nothing beyond the first."""
    report = convert("outputs.py:NanOfNegative", [1, 1, 4, 4], method="script")
    tried = [stage.target for stage in report.result.stages if stage.name == "optimised"]
    assert tried == ["", "attempt 2", "attempt 3", "attempt 4", "attempt 5"]
    assert [tried.what for tried in report.result.attempts[3:]] == [
        "optimised without the pass CONV_BN_FUSION",
        "optimised without the pass INSERT_FOLD_PREPACK_OPS",
    ]
    assert report.file is not None
    assert report.file.optimised


def test_a_script_that_is_frozen_as_a_repair_has_that_stage(convert: Converter) -> None:
    report = convert("hazards.py:Views", [5], method="script")
    frozen = [stage for stage in report.result.stages if stage.name == "frozen"]
    assert [(stage.target, stage.status) for stage in frozen] == [("attempt 2", "passed")]
    (pair,) = [c for c in report.result.comparisons if c.candidate == frozen[0].key]
    assert (pair.reference, pair.passed, pair.decides) == ("eager", True, True)


def test_a_crash_leaves_what_was_captured(convert: Converter) -> None:
    report = convert("roads.py:Hoisted", [1, 4, 256, 256], method="script")
    crashed = [stage for stage in report.result.stages if stage.status == "crashed"]
    assert crashed[0].key == "optimised (script)"
    assert all(stage.name == "optimised" for stage in crashed)
    assert crashed[0].problem is not None
    assert "SIGSEGV" in crashed[0].problem.message


def test_what_is_impossible_is_not_tried_in_other_ways(convert: Converter) -> None:
    report = convert("roads.py:Methods", preserve_methods=["featurs"])
    assert report.verdict.code == 4
    refused = [stage for stage in report.result.stages if stage.status == "failed"]
    assert [(stage.name, stage.target) for stage in refused] == [("optimised", ""), ("frozen", "")]


def test_the_other_road_as_asked_for_comes_before_any_repair(convert: Converter) -> None:
    report = convert("roads.py:ScriptedOtherwise")
    assert report.file is not None
    assert (report.file.method, report.file.remedy) == ("trace", "")


@pytest.mark.parametrize("optimize", [True, False])
def test_forks_end_the_build_and_do_not_hang_it(convert: Converter, optimize: bool) -> None:
    """torch's pool of threads does not survive in the process of a build, where a run would wait for ever."""
    report = convert("hazards.py:Forks", [2, 4], optimize=optimize, timeout_minutes=1)
    assert report.verdict.code == 4
    assert "FORK is not supported" in report.verdict.reasons[0].message
    assert not [stage.key for stage in report.result.stages if "attempt" in stage.target]


@pytest.mark.parametrize(("kind", "most"), [("wrong", 12), ("crashes", 14)])
def test_three_passes_are_found_and_no_more_are_left_out(convert: Converter, kind: str, most: int) -> None:
    report = convert("faulty.py:Net", model_args={"what": kind}, method="script")
    assert report.verdict.status == "passed", report.verdict
    assert report.file is not None
    words = "optimised without the passes CONV_BN_FUSION, INSERT_FOLD_PREPACK_OPS and FUSE_ADD_RELU; as asked for, "
    assert report.file.remedy.startswith(words)
    first, *others = report.result.attempts
    assert (first.target, first.what, first.verified) == ("", "as asked for", False)
    assert (others[-1].what, others[-1].verified) == (words.partition(";")[0], True)
    assert len(report.result.attempts) <= most
    text = markdown(report)
    assert f"{len(report.result.attempts)} builds were tried" in text
    assert f"| {others[-1].what} | verified |" in text
    assert "attempt 4 (script): " not in text, "each failed attempt is told once"


def test_when_the_time_is_up_what_has_verified_is_shipped(convert: Converter) -> None:
    """Without any pass it verifies; whether less would do is not known, since all other sets hang."""
    report = convert("faulty.py:Net", model_args={"what": "hangs"}, method="script", timeout_minutes=0.3)
    assert report.verdict.status == "passed", report.verdict
    assert report.file is not None
    assert report.file.verified
    assert report.file.remedy.startswith("optimised without the passes CONV_BN_FUSION, INSERT_FOLD_PREPACK_OPS, REMOVE")
    (told,) = [notice for notice in report.result.notices if notice.code == "search-cut-short"]
    assert told.message.startswith("The time was up while other builds were tried. The file is the least changed of")
    assert report.result.attempts[-1].reason == "Out of time"
    assert told.message in markdown(report)


@pytest.mark.parametrize(
    ("kind", "words"), [("hangs", "is not complete, since the time was up"), ("crashes", "SIGABRT")]
)
def test_what_becomes_of_the_second_comparison_costs_no_file_and_is_told(
    convert: Converter, kind: str, words: str
) -> None:
    """The model itself hangs, or ends, as soon as its gate is open."""
    report = convert("gated.py:Gated", model_args={"what": kind}, timeout_minutes=0.3)
    assert report.verdict.status == "passed", report.verdict
    assert report.file is not None
    assert report.file.verified
    assert report.result.sharper is not None
    assert report.result.sharper.status == "not-run"
    (stage,) = [stage for stage in report.result.stages if stage.name == "sensitive"]
    assert (stage.key, stage.status) == ("sensitive weights", "crashed")
    (line,) = [line for line in convert.lines if line.startswith("  ✘ sensitive weights ")]
    assert "in stage eager" in line
    (told,) = [notice for notice in report.result.notices if notice.code == "sensitive-weights"]
    assert told.level == "notice"
    assert words in told.message
    assert told.message in markdown(report)
