"""Reports written by hand, for tests: small functions that fill in what a case does not care about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from ptmobile.judging.judge import judge_model
from ptmobile.litefile import LiteFile, Section
from ptmobile.proving import prove
from ptmobile.report.model import ModelReport, Reason, Report, ShippedFile, Source, Tool, UsedFile
from ptmobile.result import (
    Comparison,
    Environment,
    Failure,
    FailureKind,
    Finding,
    Method,
    ModelResult,
    Notice,
    OutputCard,
    OutputComparison,
    Problem,
    Stage,
    Trial,
    Values,
    WorkerFile,
)
from ptmobile.runtimes.releases import Recommendation
from ptmobile.spec import ConversionSpec, ExampleInput

ENVIRONMENT = Environment(
    python="3.11.2", torch="1.13.1", torchvision="0.14.1", numpy="1.24.2", machine="x86_64", xnnpack=True
)
EQUAL = 0.0
# Not asked of the table of releases: these reports stay as they are when a release is added.
RUNTIMES = Recommendation(
    android=None,
    ios=None,
    oldest_android=None,
    oldest_ios=None,
    gradle=("implementation 'org.pytorch:pytorch_android_lite:1.13.1'",),
    podfile=("pod 'LibTorch-Lite', '~> 1.13.0.1'",),
    notes=("Judged by the file's two version numbers only.",),
)


def values(max_abs: float | None, *, passed: bool = True, scale: float = 20.0, **fields: Any) -> Values:
    """Values of a float32 output under the default tolerance."""
    given: dict[str, Any] = {
        "mismatched": 0 if passed else 7,
        "total": 3000,
        "max_abs": max_abs,
        "max_rel": None if max_abs is None else max_abs / scale,
        "rtol": 1e-4,
        "atol": 1e-5 * scale,
        "required_atol": max_abs,
        "required_rtol": max_abs,
        "scale": scale,
        "snr_db": 139.4 if max_abs else None,
    }
    return Values(**{**given, **fields})


def comparison(
    reference: str, candidate: str, max_abs: float | None = EQUAL, *, passed: bool = True, **fields: Any
) -> Comparison:
    """One pair with one output; a difference of zero means equal bits."""
    equal = passed and max_abs == 0
    findings: tuple[Finding, ...] = ()
    if not passed:
        findings = (Finding(kind="value", output="out", trial=1, message=f"differs by up to {max_abs}"),)
    given: dict[str, Any] = {
        "owed": "exact" if equal else "close",
        "decides": True,
        "trials": 3,
        "outputs": (OutputComparison(output="out", equal=equal, passed=passed, values=values(max_abs, passed=passed)),),
        "findings": findings,
    }
    return Comparison(reference=reference, candidate=candidate, passed=passed, equal=equal, **{**given, **fields})


def road(method: Method, max_abs: float = 7.6e-6, *, passed: bool = True, decides: bool = True) -> list[Comparison]:
    """The pairs of one way to a file."""
    captured, optimised, lite = (
        ("traced" if method == "trace" else "scripted"),
        f"optimised ({method})",
        f"lite ({method})",
    )
    common: dict[str, Any] = {"passed": passed, "decides": decides}
    return [
        comparison("eager", optimised, max_abs, **common),
        comparison(captured, optimised, max_abs, **common),
        comparison(optimised, lite, decides=decides),
        comparison("eager", lite, max_abs, **common),
        comparison(captured, lite, max_abs, **common),
    ]


def captured() -> list[Comparison]:
    """The pairs before there is a file."""
    return [
        comparison("eager", "traced"),
        comparison("eager", "scripted"),
        comparison("traced", "scripted", decides=False),
    ]


def stages(*names: str, failing: Stage | None = None) -> tuple[Stage, ...]:
    """Stages that went well, named as their keys are: ``lite (script)``."""
    made = []
    for name in names:
        stage, _, method = name.partition(" (")
        road_of = {"traced": "trace", "scripted": "script"}.get(stage, method.rstrip(")")) or None
        made.append(Stage(name=stage, method=road_of, status="passed", seconds=0.25))  # type: ignore[arg-type]
    return (*made, failing) if failing else tuple(made)


def result(**fields: Any) -> ModelResult:
    """What a worker found about a model that converted by script."""
    given: dict[str, Any] = {
        "stages": stages(
            *("load", "inputs", "eager", "traced", "scripted", "optimised (script)", "saved (script)", "lite (script)")
        ),
        "comparisons": (*captured(), *road("script")),
        "trials": tuple(Trial(number=n, seed=n, arguments=("float32 [1, 3, 224, 224]",)) for n in range(3)),
        "outputs": (
            OutputCard(output="out", kind="tensor", dtype="float32", shape=(1, 1000), memory_format="contiguous"),
        ),
        "deterministic": True,
        "file": WorkerFile(path="script.ptl", method="script", optimised=True, verified=True),
        "choice": "script (the first that verified)",
        "environment": ENVIRONMENT,
        "seconds": 2.5,
        "peak_memory_bytes": 237_000_000,
    }
    whole = {**given, **fields}
    if "proof" not in whole:
        file = whole["file"]
        whole["proof"] = prove(whole["comparisons"], "" if whole.get("mode") == "check" else file and final_of(file))
    return ModelResult(**whole)


def final_of(file: WorkerFile) -> str:
    """The last variant of a file that was built as asked for."""
    return f"lite ({file.method})"


def failure(kind: FailureKind, stage: str, title: str, message: str, **fields: str) -> Failure:
    return Failure(kind=kind, stage=stage, problem=Problem(title=title, message=message, **fields))


def shipped(
    name: str = "net", *, operators: Sequence[str] = ("aten::add.Tensor", "prepacked::conv2d_clamp_run"), **fields: Any
) -> ShippedFile:
    content = LiteFile(
        file=f"{name}.ptl",
        size_bytes=10_150_097,
        sha256="335050e3d63d1da42e55feffd9b0b43cf7fde3cf1038a7f8e5f3a93736f84103",
        bytecode_version=8,
        archive_version=3,
        methods=("forward",),
        operators=tuple(operators),
        operator_arguments={},
        types=("Tensor",),
        sections=(
            Section(name="weights", records=4, size_bytes=10_000_000),
            Section(name="debug", records=0, size_bytes=0),
        ),
        extra_files=(),
    )
    given: dict[str, Any] = {
        "path": f"ptmobile-report/{name}.ptl",
        "verified": True,
        "method": "script",
        "optimised": True,
        "content": content,
        "runtimes": RUNTIMES,
    }
    return ShippedFile(**{**given, **fields})


def model(name: str = "net", found: ModelResult | None = None, file: ShippedFile | None = None) -> ModelReport:
    """One model, judged as a run judges it; without anything given, one that passed."""
    spec = ConversionSpec(model="net.py:Net", name=name, inputs=(ExampleInput(shape=(1, 3, 224, 224)),))
    found = found or result()
    file = file or (shipped(name) if found.file and found.failure is None else None)
    return ModelReport(spec=spec, result=found, verdict=judge_model(spec, found), file=file)


def report(*models: ModelReport, problems: Sequence[Reason] = (), exit_code: int | None = None) -> Report:
    """The report of a run of some models."""
    failed = bool(problems) or any(m.verdict.status == "failed" for m in models)
    code = next((m.verdict.code for m in models if m.verdict.code), 0)
    return Report(
        tool=Tool(version="1.2.3", isolation="separate-user"),
        source=Source(),
        created="2024-05-06T07:08:09+00:00",
        config=None,
        verdict="failed" if failed else "passed",
        exit_code=code if exit_code is None else exit_code,
        models=models,
        problems=tuple(problems),
    )


WARNING = Notice(level="warning", code="random-weights", message="net.py:Net has random weights.")
NOTICE = Notice(level="notice", code="weights-key", message="The weights were found under 'model' in net.pt.")


def passed() -> Report:
    """One model that passed, with a warning and a notice, in a job of GitHub Actions."""
    used = (
        UsedFile(role="model", path="net.py", sha256="a" * 64, size_bytes=900),
        UsedFile(role="weights", path="net|1.pt", sha256="b" * 64, size_bytes=70_000),
        UsedFile(role="library", path="org.pytorch:pytorch_android_lite:1.12.2@aar", sha256="c" * 64),
    )
    source = Source(
        repository="owner/models",
        sha="d" * 40,
        ref="refs/tags/v1",
        workflow="owner/models/.github/workflows/release.yml@refs/tags/v1",
        run_id="77",
        run_attempt="2",
        event="push",
        action="org/ptmobile-action@v1",
    )
    found = report(replace(model(found=result(notices=(WARNING, NOTICE))), used=used))
    return replace(found, source=source, tool=replace(found.tool, code_sha256="e" * 64))


def fell_back() -> Report:
    """Script failed in the lite interpreter; the trace is shipped. A NamedTuple became a tuple, which is no failure."""
    kind = Finding(
        kind="container",
        output="out",
        trial=0,
        message="is of kind tuple, the reference of kind NamedTuple",
        fails=False,
    )
    broken = Stage(
        name="lite",
        method="script",
        status="failed",
        problem=Problem(
            title="The file could not be loaded and run", message="ValueError: basic_string::_M_create\nmore"
        ),
    )
    pairs = [*captured(), *road("script", 24.8, passed=False, decides=False), *road("trace", EQUAL)]
    return report(
        model(
            found=result(
                stages=stages("load", "inputs", "eager", "traced", "scripted", "optimised (trace)", failing=broken),
                comparisons=(replace(pairs[0], findings=(kind,)), replace(pairs[1], findings=(kind,)), *pairs[2:]),
                file=WorkerFile(path="trace.ptl", method="trace", optimised=True, verified=True),
                choice="trace (script failed: The file could not be loaded and run)",
            ),
            file=shipped(method="trace"),
        )
    )


def mismatch() -> Report:
    """The optimised model is not what the model is."""
    return report(
        model(
            found=result(
                comparisons=(*captured(), *road("script", 24.8, passed=False)),
                file=WorkerFile(path="script.ptl", method="script", optimised=True, verified=False),
                choice="",
                failure=failure(
                    "mismatch",
                    "optimised (script)",
                    "optimised (script) does not compute what eager computes",
                    "In trial 1, out differs by up to 24.8 at [0, 3]: 1.5, expected 26.3 (beyond the tolerance).",
                    advice="Leave out passes with optimize-blocklist.",
                ),
            ),
            file=shipped(path="ptmobile-report/net.unverified.ptl", verified=False),
        )
    )


def load_failure() -> Report:
    """The weights do not fit."""
    problem = failure(
        "load",
        "load",
        "The model could not be loaded",
        "net.pt does not fit the model: 1 missing, 1 unexpected\nmissing: head.bias\nunexpected: fc.bias",
        location="net.py:12 in Net.__init__",
        advice="Nearest names (file ~ model): fc.bias ~ head.bias.",
    )
    broken = Stage(name="load", status="failed", seconds=0.05, problem=problem.problem)
    return report(model(found=ModelResult(stages=(broken,), failure=problem, environment=ENVIRONMENT, seconds=0.1)))


def crash() -> Report:
    """The process of the eager model was killed."""
    problem = failure("load", "eager", "Crashed", "The process was ended by SIGSEGV in stage eager, trial 0.")
    broken = Stage(name="eager", status="crashed", seconds=0.2, problem=problem.problem)
    found = ModelResult(stages=stages("load", "inputs", failing=broken), failure=problem, environment=ENVIRONMENT)
    return report(model(found=found))


def many() -> Report:
    """Three models, of which the second one failed."""
    return report(model("first"), *load_failure().models, model("third", found=result(notices=(WARNING,))))


def refused() -> Report:
    """The specification is wrong."""
    message = (
        "The specification has 2 problems:\n"
        "  - input trials: given 'x'; allowed: a whole number from 1 to 1000\n"
        "  - input modle: is unknown; did you mean 'model'?"
    )
    return report(problems=[Reason(title="The specification has 2 problems:", message=message)], exit_code=2)


def interrupted() -> Report:
    """Cancelled after the first of several models."""
    message = "The run was interrupted by SIGTERM."
    return report(model("first"), problems=[Reason(title=message, message=message)], exit_code=130)


CASES = {
    "passed": passed,
    "fell-back": fell_back,
    "mismatch": mismatch,
    "load-failure": load_failure,
    "crash": crash,
    "many": many,
    "refused": refused,
    "interrupted": interrupted,
}
