"""Each way in which the plain recipe is known to ship a broken file, or to crash: found, and repaired where possible.

What is tested elsewhere, or of itself does not happen in a run:

=====================================================  ============================================================
hazard                                                 where it is tested
=====================================================  ============================================================
fold of Conv+BatchNorm in an unfrozen trace            test_acceptance (a)
views of one storage merged; q, k, v cut from one      test_repairs ("views ...", "weights cut from one ...")
prepacked convolutions hoisted out of branches         test_repairs ("hoisted ..."), test_conversion (a crash)
NaN of an activation turned into 0                     test_repairs ("NaN becomes zero")
float64                                                test_repairs ("float64")
``torch.jit.fork`` hangs or cannot be saved            test_repairs (forks)
NamedTuple outputs of scripted models                  test_conversion (kept as they are), test_adapting (repaired)
objects, dictionaries, lists of dictionaries           test_adapting
weights that prove nothing                             test_conversion (agreement that proves nothing)
state between runs; randomness; inputs changed         test_conversion
baked sizes and branches                               test_conversion (on the second shape, on other values)
absolute paths in debug records                        test_whole_runs (a file tells nothing ...), test_litefile_*
other bytes for the same model                         test_whole_runs (the same bytes), test_litefile_*
backport that returns False and leaves a stub          test_litefile_vs_torch (the failure stub ...)
too many arguments, and others that crash a library    tests/device (test_device_ends, test_device_check)
memory of one model left to the next                   test_repairs (a crash leaves ...: a process per build)
=====================================================  ============================================================
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from run_support import MODELS, Converter, prepared_converter

from ptmobile.report.model import ModelReport


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converter]:
    with prepared_converter(tmp_path_factory.mktemp("workspace")) as converter:
        yield converter


def shown(report: ModelReport) -> str:
    """Everything that is said about a failure."""
    return " ".join(f"{r.title} {r.message} {r.advice}" for r in report.verdict.reasons)


@dataclass(frozen=True)
class Hazard:
    """A model that fails as asked for with ``found`` in the words of the failure, and what is shipped instead."""

    model: str
    inputs: Any
    found: str
    method: str
    remedy: str = ""
    options: dict[str, Any] = field(default_factory=dict)


UNPACKED = "optimised without the pass INSERT_FOLD_PREPACK_OPS"
SCRIPT = {"method": "script"}
REPAIRED = {
    "in place on a linear's output": Hazard(
        "InPlaceOnLinear", [2, 4], "optimised (script) does not compute what eager computes", "script", UNPACKED
    ),
    "bfloat16 convolution": Hazard(
        "BrainFloat", {"shape": [1, 1, 8, 8], "dtype": "bfloat16"}, "Convert the model in float32", "script", UNPACKED
    ),
    "padding in words": Hazard(
        "SamePadding", [1, 1, 8, 8], "has padding='same' or 'valid'", "script", UNPACKED, options=SCRIPT
    ),
    "image without batch": Hazard("Conv", [3, 8, 8], "without a batch", "script", UNPACKED, options=SCRIPT),
    "NaN among the weights": Hazard("NanWeight", [2, 4], "NaN on one side only", "script", UNPACKED),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_what_the_optimiser_breaks_is_found_and_built_otherwise(convert: Converter, name: str) -> None:
    hazard = REPAIRED[name]
    model = f"defects.py:{hazard.model}"
    broken = convert(model, hazard.inputs, repair="off", **hazard.options)
    assert broken.verdict.status == "failed"
    assert broken.file is None or not broken.file.verified
    assert hazard.found in shown(broken)
    repaired = convert(model, hazard.inputs, **hazard.options)
    assert repaired.verdict.code == 0, shown(repaired)
    assert repaired.file is not None
    assert (repaired.file.verified, repaired.file.method) == (True, hazard.method)
    assert repaired.file.remedy.startswith(hazard.remedy)


@pytest.mark.parametrize(
    ("model", "shape", "failed", "method"),
    [
        pytest.param("SamePadding", [1, 1, 8, 8], "optimised (script)", "trace", id="padding in words"),
        pytest.param("Conv", [3, 8, 8], "optimised (script)", "trace", id="image without batch"),
        pytest.param("TwoNames", [2, 4], "traced", "script", id="one parameter under two names"),
        pytest.param("lstm", [5, 2, 4], "scripted", "trace", id="an LSTM by itself"),
        pytest.param("OwnManager", [2, 4], "scripted", "trace", id="a manager of contexts"),
    ],
)
def test_what_ends_one_road_leaves_the_other(
    convert: Converter, model: str, shape: list[int], failed: str, method: str
) -> None:
    report = convert(f"defects.py:{model}", shape)
    assert report.verdict.code == 0, shown(report)
    assert report.file is not None
    assert (report.file.verified, report.file.method, report.file.remedy) == (True, method, "")
    stage = next(stage for stage in report.result.stages if stage.key == failed)
    assert stage.status == "failed"
    assert stage.problem is not None
    assert stage.problem.advice


@pytest.mark.parametrize("optimize", [True, False])
def test_no_grad_is_left_out_of_a_script(convert: Converter, optimize: bool) -> None:
    """As it is, it ends in "ENTER is not supported in mobile module": see test_bad_inputs."""
    report = convert("defects.py:NoGrad", [2, 4], method="script", optimize=optimize)
    assert report.verdict.code == 0, shown(report)
    assert report.result.adapted is not None
    assert "`with torch.no_grad()` is left out" in " ".join(report.result.adapted.notes)
    kept = convert("defects.py:NoGrad", [2, 4], method="script", optimize=optimize, outputs="keep", repair="off")
    assert kept.verdict.code == 4
    assert "ENTER" in shown(kept)


def test_any_other_with_is_named(convert: Converter) -> None:
    report = convert("defects.py:OwnManager", [2, 4], method="script")
    assert report.verdict.code == 4
    assert "defects.Manager" in shown(report)
    assert "`with`" in shown(report)
    assert "INTERNAL ASSERT" not in shown(report)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        pytest.param([1, 4, 8, 8], "wants 3 and got 4", id="wrong number of channels"),
        pytest.param([1, 3, 2, 2], "smaller than a kernel", id="image smaller than the kernel"),
    ],
)
def test_inputs_that_only_eager_refuses_never_get_to_the_optimised_model(
    convert: Converter, shape: list[int], words: str
) -> None:
    report = convert("defects.py:Conv", shape)
    assert report.verdict.code == 3
    assert words in shown(report)
    assert [stage.key for stage in report.result.stages if stage.name == "optimised"] == []


def test_an_optimised_model_takes_a_wrong_number_of_channels_without_a_word() -> None:
    """The hazard itself, in a process of its own: what eager refuses gives numbers, or ends the process."""
    code = """
        import sys
        import torch
        from torch.utils.mobile_optimizer import optimize_for_mobile
        from defects import Conv
        optimised = optimize_for_mobile(torch.jit.script(Conv().eval()))
        print(tuple(optimised(torch.rand(1, 4, 8, 8)).shape))
    """
    source = f"import sys; sys.path.insert(0, {str(MODELS)!r})\n" + "\n".join(map(str.strip, code.splitlines()))
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert (done.returncode == 0 and done.stdout.strip() == "(1, 4, 6, 6)") or done.returncode < 0, done.stderr


def test_a_model_that_stays_in_training_is_refused(convert: Converter) -> None:
    report = convert("defects.py:StaysInTraining", [2, 4])
    assert report.verdict.code == 3
    assert "stays in training mode" in shown(report)
