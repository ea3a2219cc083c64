"""What becomes of a file for which the second comparison calls: rounds of jobs, here played by a script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ptmobile.editions import Build, Edition
from ptmobile.protocol import JOB_FILE, KEPT_FOLDER, Job, Message, Noticed, StageBegan, StageEnded
from ptmobile.result import Comparison, Failure, ModelResult, Notice, Problem, Stage, WorkerFile
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.worker.evidence.sensitive_weights import SENSITISED, Sensitised
from ptmobile.worker.evidence.sharpening import Done, sharpened

PLAIN = Build(method="script", edition=Edition())
FROZEN = replace(PLAIN, attempt=1, freeze=True, remedy="frozen before")
WHOLE = replace(PLAIN, attempt=2, optimise=False, remedy="not optimised")
DIFFERS = Failure(kind="mismatch", stage="lite (script)", problem=Problem(title="Lite differs", message="By 1."))


def done(build: Build = PLAIN, failure: Failure | None = None, *, out_of_time: bool = False, **fields: Any) -> Done:
    verified = failure is None
    pair = Comparison(
        reference="eager", candidate=build.final, owed="close", decides=True, passed=verified, equal=False, trials=3
    )
    file = WorkerFile(path="x.ptl", method=build.method, optimised=build.optimise, verified=verified)
    given: dict[str, Any] = {
        "comparisons": (pair,),
        "notices": (Notice(level="warning", code="zero-output", message="out is zero"),),
        "file": file,
        "editions": (replace(file, edition="bytecode 5"),),
        "failure": failure,
        "choice": "script, as asked for",
        "seconds": 6.0,
    }
    return Done(ModelResult(**{**given, **fields}), (build,), out_of_time)


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., tuple[ModelResult, list[Job]]]:
    """The result after ``first``, where the jobs that follow end as ``answers`` say; and these jobs."""

    def play(first: Done, *answers: Done, **options: Any) -> tuple[ModelResult, list[Job]]:
        spec = msgspec.convert({"model": "m.py:M", "method": "script", **options}, ConversionSpec)
        (tmp_path / JOB_FILE).touch()
        (tmp_path / "eager").mkdir(exist_ok=True)
        jobs: list[Job] = []
        left = list(answers)

        def run(job: Job) -> Done:
            jobs.append(job)
            if job.sensitive:
                changed = msgspec.json.encode(Sensitised(parameters=("gate",), kept=3, unreached=("norm",)))
                kept = Path(job.scratch) / KEPT_FOLDER
                kept.mkdir()
                (kept / SENSITISED).write_bytes(changed)
            return left.pop(0)

        told: list[Message] = []
        job = Job(spec=spec, workspace=str(tmp_path), scratch=str(tmp_path))
        result = sharpened(job, first, run, told.append)
        assert not left
        began = [message.target for message in told if isinstance(message, StageBegan)]
        ended = [message.stage for message in told if isinstance(message, StageEnded)]
        assert began == [stage.target for stage in ended]
        assert ended == [stage for stage in result.stages if stage.name == "sensitive"]
        assert len(ended) == len(jobs)
        assert [message.notice for message in told if isinstance(message, Noticed)] == [
            notice for notice in result.notices if notice.code == "sensitive-weights"
        ]
        return result, jobs

    return play


Play = Callable[..., tuple[ModelResult, list[Job]]]


def test_the_same_builds_are_asked_for_and_the_file_stays(play: Play) -> None:
    result, (job,) = play(done(FROZEN), done(FROZEN))
    assert job.sensitive
    assert job.builds == (FROZEN,)
    assert job.spec.timeout_minutes == pytest.approx(30 - 0.1)
    assert not job.spec.timing
    assert result.failure is None
    assert result.sharper is not None
    assert result.sharper.status == "passed"
    assert result.seconds == 12.0


def test_another_build_is_made_of_the_own_weights_in_an_empty_folder(play: Play, tmp_path: Path) -> None:
    result, jobs = play(done(), done(FROZEN), done(FROZEN, seconds=1.0))
    again = jobs[1]
    assert not again.sensitive
    assert [build.recipe for build in again.builds] == [FROZEN.recipe]
    assert again.builds[0].remedy == "frozen before, with sensitive weights"
    assert [path.name for path in tmp_path.iterdir()] == [JOB_FILE]
    assert (result.failure, result.seconds) == (None, 13.0)
    assert "the first build did not agree" in result.notices[-1].message


def test_what_the_own_weights_then_call_for_is_compared_once_more_and_no_further(play: Play) -> None:
    agreed, jobs = play(done(), done(FROZEN), done(WHOLE), done(WHOLE))
    assert [job.sensitive for job in jobs] == [True, False, True]
    assert agreed.failure is None
    result, _ = play(done(), done(FROZEN), done(WHOLE), done(FROZEN))
    assert result.failure is not None
    assert "None was found that verifies with both" in result.failure.problem.message
    lost, _ = play(done(), done(FROZEN), done(WHOLE), done(WHOLE, DIFFERS, out_of_time=True))
    assert lost.failure is not None


def test_a_build_that_the_own_weights_refuse_is_no_file(play: Play) -> None:
    result, _ = play(done(), done(FROZEN), done(FROZEN, DIFFERS))
    assert result.failure is not None
    assert result.failure.kind == "mismatch"
    assert result.failure.problem.message.endswith("With the model's own, Lite differs: By 1.")
    assert [file.verified for file in (result.file, *result.editions) if file] == [False, False]


@pytest.mark.parametrize("kind", ["mismatch", "runtime", "convert"])
def test_no_build_at_all_is_no_file(play: Play, kind: str) -> None:
    failure = msgspec.convert({**msgspec.to_builtins(DIFFERS), "kind": kind}, Failure)
    result, _ = play(done(), done(failure=failure))
    assert result.failure is not None
    assert (result.failure.kind, result.failure.problem.title) == (kind, "With sensitive weights, lite differs")
    assert [file.verified for file in (result.file, *result.editions) if file] == [False, False]
    assert result.choice == ""


@pytest.mark.parametrize(
    "second",
    [
        done(failure=DIFFERS, out_of_time=True),
        done(failure=replace(DIFFERS, kind="load")),
        done(failure=replace(DIFFERS, kind="nondeterministic")),
        done(failure=replace(DIFFERS, kind="convert", stage="traced")),
        done(comparisons=()),
    ],
)
def test_what_says_nothing_of_the_file_costs_no_file(play: Play, second: Done) -> None:
    result, _ = play(done(), second)
    assert result.failure is None
    assert result.sharper is not None
    assert result.sharper.status == "not-run"
    unfinished = "The second comparison with sensitive weights is not complete, since the time was up"
    words = unfinished if second.out_of_time else "No second comparison with sensitive weights"
    assert result.notices[-1].message.startswith(words)


def test_without_time_for_another_build_there_is_no_file(play: Play) -> None:
    result, _ = play(done(), done(FROZEN, seconds=3000.0))
    assert result.failure is not None
    assert result.failure.problem.title.startswith("With sensitive weights, the build does not")


def test_the_other_road_is_open_only_where_it_agrees_with_the_own_weights(play: Play) -> None:
    (own,) = done().result.comparisons
    traced = replace(own, candidate="traced")
    for pairs, method in (
        ((own, traced), "auto"),
        ((own, replace(traced, passed=False)), "script"),
        ((own,), "script"),
    ):
        _, (job,) = play(done(comparisons=pairs), done(), method="auto")
        assert job.spec.method == method


def stages(result: ModelResult) -> list[tuple[str, str, float]]:
    return [(stage.key, stage.status, stage.seconds) for stage in result.stages]


def test_each_further_job_is_a_stage_with_its_time(play: Play) -> None:
    agreed, _ = play(done(), done(FROZEN), done(WHOLE, seconds=1.0), done(WHOLE, seconds=2.0))
    assert stages(agreed) == [
        ("sensitive weights", "passed", 6.0),
        ("sensitive weights, the file built anew", "passed", 1.0),
        ("sensitive weights, again", "passed", 2.0),
    ]


@pytest.mark.parametrize(
    ("second", "status"),
    [
        (done(failure=DIFFERS), "failed"),
        (done(failure=replace(DIFFERS, kind="load", stage="eager")), "skipped"),
        (done(failure=replace(DIFFERS, stage="eager"), stages=(Stage(name="eager", status="crashed"),)), "crashed"),
        (done(failure=DIFFERS, out_of_time=True), "crashed"),
    ],
)
def test_how_it_ended_is_the_status_of_its_stage(play: Play, second: Done, status: str) -> None:
    result, _ = play(done(), second)
    (stage,) = result.stages
    assert (stage.key, stage.status) == ("sensitive weights", status)
    assert stage.problem == (second.result.failure and second.result.failure.problem)


def test_time_that_is_up_before_or_during_it_leaves_the_file_and_is_told(play: Play) -> None:
    result, jobs = play(done(seconds=1800.0))
    assert jobs == []
    assert (result.failure, result.stages) == (None, ())
    assert result.file is not None
    assert result.file.verified
    assert result.notices[-1].message == "No second comparison with sensitive weights: The time was up before it."
    late = Failure(kind="convert", stage="saved", problem=Problem(title="Out of time", message="In stage saved."))
    for failure, level in ((late, "notice"), (DIFFERS, "warning")):
        result, _ = play(done(), done(failure=failure, out_of_time=True))
        assert result.file is not None
        assert result.file.verified
        assert result.notices[-1].level == level
        assert "is not complete, since the time was up: " + failure.problem.title in result.notices[-1].message


def test_what_is_left_alone_is_told(play: Play) -> None:
    result, _ = play(done(), done())
    assert result.sharper is not None
    assert (result.sharper.kept, result.sharper.unreached) == (3, ("norm",))
    words = "Left alone: 3 that look trained; the statistics of norm, through which no numbers came."
    assert result.notices[-1].message.endswith(words)
