"""What a proof must not let pass: each case by the letter of the list that this project started from.

(b), (c), (d) and (k) are about backporting and old releases: tests/device and test_lowering. (h), a batch size that is
written down in a trace, is test_conversion.test_a_batch_size_baked_into_the_trace_is_found_on_the_second_shape; (j), a
comparison that itself fails, is test_comparing.test_a_comparison_that_fails_itself_is_a_failure and, of damaged files,
test_comparing.test_damaged_files_of_a_variant_are_a_failure. What stands for the other letters is here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_support import MODELS, Converter, prepared_converter

from ptmobile.report.model import ModelReport
from ptmobile.spec.conversion import OPTIMIZER_PASSES


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converter]:
    with prepared_converter(tmp_path_factory.mktemp("workspace")) as converter:
        yield converter


def shown(report: ModelReport) -> str:
    return " ".join(f"{r.title} {r.message} {r.advice}" for r in report.verdict.reasons)


_UNFROZEN = """
    import json
    from pathlib import Path
    import torch
    from roads import TrainedNorm
    from ptmobile.protocol import Job
    from ptmobile.spec.conversion import OPTIMIZER_PASSES, ConversionSpec, ExampleInput
    from ptmobile.worker.stages.capture import capture
    from ptmobile.worker.comparing import Policy, compare_pair
    from ptmobile.worker.comparing.pairs import PairSpec, load_from
    from ptmobile.worker.inputs.examples import make_trials
    from ptmobile.worker.stages.optimizing import freeze, optimise
    from ptmobile.worker.stages.running import run_all

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    scratch = Path.cwd()
    spec = ConversionSpec(model="roads.py:TrainedNorm", inputs=(ExampleInput(shape=(1, 3, 12, 12)),), outputs="keep")
    trials = make_trials(spec, spec.inputs, scratch)
    model = TrainedNorm().eval()
    run_all(model, trials, scratch / "eager", lambda number: None)
    traced = capture(Job(spec=spec, workspace=str(scratch), scratch=str(scratch)), model, "trace", trials[0]).module
    builds = {"all": optimise(traced, (), ()), "frozen": optimise(freeze(traced, (), ()), (), ())}
    builds |= {name: optimise(traced, (), (name,)) for name in OPTIMIZER_PASSES}
    found = {}
    for name, variant in builds.items():
        run_all(variant, trials, scratch / name, lambda number: None)
        pair = PairSpec("eager", name, "close", decides=True)
        numbers = [trial.number for trial in trials]
        found[name] = compare_pair(pair, load_from(scratch), numbers, Policy()).passed
    print(json.dumps(found))
"""


def test_a_conv_and_batch_norm_traced_fail_unfrozen_by_the_fold_and_pass_frozen(tmp_path: Path) -> None:
    """(a) Among the builds of the unfrozen trace without one pass, the only right one names the guilty pass."""
    code = f"import sys; sys.path.insert(0, {str(MODELS)!r})\n" + textwrap.dedent(_UNFROZEN)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    passed = json.loads(done.stdout)
    assert (passed.pop("all"), passed.pop("frozen")) == (False, True)
    assert set(passed) == set(OPTIMIZER_PASSES)
    assert [name for name, right in passed.items() if right] == ["CONV_BN_FUSION"]


def test_a_conv_and_batch_norm_traced_are_shipped_right(convert: Converter) -> None:
    """(a) In a run, freezing comes first, so that there is nothing to repair."""
    report = convert("roads.py:TrainedNorm", [1, 3, 12, 12], method="trace")
    assert report.verdict.code == 0
    assert report.file is not None
    assert (report.file.verified, report.file.optimised, report.file.remedy) == (True, True, "")
    assert "frozen (trace)" in [stage.key for stage in report.result.stages]


@pytest.mark.parametrize("options", [{}, {"rtol": 1e30, "atol": 1e30}])
def test_e_nan_on_one_side_fails_whatever_the_tolerance(convert: Converter, options: dict[str, float]) -> None:
    report = convert("defects.py:OneSidedNan", [2, 4], method="script", **options)
    assert report.verdict.code == 5
    assert "1 NaN on one side only" in shown(report)


def test_f_a_small_bad_output_beside_a_large_good_one_fails(convert: Converter) -> None:
    """Off by a hundredth of itself, and by 1e-12 of the other."""
    report = convert("defects.py:SmallBesideLarge", [2, 4], method="script", rtol=1e-4)
    assert report.verdict.code == 5
    assert "out[1] differs" in shown(report)
    (pair,) = [c for c in report.result.comparisons if (c.reference, c.candidate) == ("eager", "scripted")]
    assert [output.passed for output in pair.outputs] == [True, False]


def test_g_dropout_that_is_on_is_reported_as_nondeterministic(convert: Converter) -> None:
    """With the same seed its variants agree, so there is a file; but nobody can say that it computes one thing."""
    spec = convert.spec("defects.py:AlwaysDropping", [2, 40])
    report = convert.run([spec])
    assert report.models[0].result.deterministic is False
    assert "nondeterministic" in [notice.code for notice in report.models[0].result.notices]
    assert convert.run([spec], fail_on="warning").exit_code != 0


def test_g_dropout_of_a_model_that_will_not_leave_training_is_refused(convert: Converter) -> None:
    report = convert("defects.py:StaysInTraining", [2, 40])
    assert report.verdict.code == 3
    assert "drop (Dropout)" in shown(report)


def test_h_what_is_written_down_in_a_trace_is_never_shipped(convert: Converter) -> None:
    """A loop over the batch: on a second size the trace is wrong, and the script is taken."""
    report = convert("roads.py:PerSample", {"shapes": [[2, 4], [5, 4]]})
    assert report.file is not None
    assert (report.file.verified, report.file.method) == (True, "script")
    (pair,) = [c for c in report.result.comparisons if (c.reference, c.candidate) == ("eager", "traced")]
    assert not pair.passed


def test_i_outputs_that_java_cannot_receive_are_warned_of(convert: Converter) -> None:
    report = convert("defects.py:NotForJava", [2, 4])
    said = [notice.message for notice in report.result.notices if notice.code == "not-for-java"]
    assert len(said) == 2
    assert "out[0]" in said[0]
    assert "bool" in said[0]
    assert "out[1]" in said[1]
    assert "float16" in said[1]


def test_l_a_stage_that_crashes_still_yields_a_whole_report(convert: Converter) -> None:
    """The report itself is held to its schema by the converter; the model after it is converted as ever."""
    specs = [
        convert.spec("roads.py:Hoisted", [1, 4, 256, 256], method="script", repair="off"),
        convert.spec("nets.py:Stateless", [1, 3, 8, 8]),
    ]
    crashed, other = convert.run(specs).models
    stages = {stage.key: stage for stage in crashed.result.stages}
    assert stages["optimised (script)"].status == "crashed"
    problem = stages["optimised (script)"].problem
    assert problem is not None
    assert "SIGSEGV" in problem.message
    assert "trial" in problem.message
    assert all(stages[name].status == "passed" for name in ("load", "inputs", "eager", "traced", "scripted"))
    assert [c.passed for c in crashed.result.comparisons if {c.reference, c.candidate} <= {"eager", "scripted"}] == [
        True
    ]
    assert other.verdict.code == 0
