"""What a reader is shown of a report: one view model, from which every rendering is made. No escaping here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ptmobile.report.model import ModelReport, Reason, Report
from ptmobile.report.numbers import seconds, short, size
from ptmobile.result import Comparison, Finding, OutputComparison, Stage

MARKS = {"passed": "✅", "failed": "❌", "crashed": "💥", "skipped": "▫️", "warning": "⚠️", "aside": "▫️"}
_STAGE_MARKS = {"passed": MARKS["passed"], "failed": MARKS["failed"], "crashed": MARKS["crashed"]}


@dataclass(frozen=True)
class PairRow:
    """One comparison: the pair, how it ended, and its worst numbers."""

    mark: str
    reference: str
    candidate: str
    outcome: str
    max_abs: str = ""
    max_rel: str = ""
    snr: str = ""
    tolerance: str = ""
    needed: str = ""


@dataclass(frozen=True)
class ModelView:
    """One model as it is shown."""

    mark: str
    name: str
    model: str
    title: str
    choice: str
    reasons: tuple[Reason, ...]
    warnings: tuple[Reason, ...]
    notices: tuple[str, ...]
    stages: tuple[tuple[str, str, str], ...]
    pairs: tuple[PairRow, ...]
    findings: tuple[str, ...]
    trials: tuple[str, ...]
    outputs: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    sections: tuple[tuple[str, str], ...]
    operators: tuple[str, ...]
    gradle: tuple[str, ...]
    podfile: tuple[str, ...]
    runtime_notes: tuple[str, ...]
    path: str
    size: str
    conversion: str
    max_abs: str


@dataclass(frozen=True)
class ReportView:
    """The whole run as it is shown."""

    mark: str
    headline: str
    models: tuple[ModelView, ...]
    problems: tuple[Reason, ...]
    footer: str


def view_of(report: Report) -> ReportView:
    """The view of a report."""
    models = tuple(_model(model) for model in report.models)
    return ReportView(
        mark=MARKS[report.verdict],
        headline=_headline(report),
        models=models,
        problems=report.problems,
        footer=_footer(report),
    )


def _headline(report: Report) -> str:
    count = len(report.models)
    good = sum(model.verdict.status == "passed" for model in report.models)
    if not count:
        return "ptmobile could not start" if report.problems else "ptmobile had nothing to do"
    if good == count:
        return "The model is verified" if count == 1 else f"All {count} models are verified"
    return "The model failed" if count == 1 else f"{count - good} of {count} models failed"


def _footer(report: Report) -> str:
    environment = next((m.result.environment for m in report.models if m.result.environment), None)
    libraries = f", torch {environment.torch}, torchvision {environment.torchvision}" if environment else ""
    return f"{report.tool.name} {report.tool.version}{libraries}"


def _model(model: ModelReport) -> ModelView:
    result, file = model.result, model.file
    runtimes = file.runtimes if file and file.verified else None
    return ModelView(
        mark=MARKS[model.verdict.status],
        name=model.spec.name,
        model=model.spec.model,
        title=model.verdict.title,
        choice=result.choice,
        reasons=model.verdict.reasons,
        warnings=model.verdict.warnings,
        notices=tuple(n.message for n in result.notices if n.level == "notice"),
        stages=tuple(_stage(stage) for stage in result.stages),
        pairs=tuple(_pair(comparison) for comparison in result.comparisons),
        findings=tuple(_findings(result.comparisons)),
        trials=tuple(f"{t.number}: {', '.join(t.arguments)}{_seed(t.seed)}" for t in result.trials),
        outputs=tuple(
            " ".join(part for part in (c.output, c.kind, c.dtype, str(list(c.shape)) if c.dtype else "") if part)
            for c in result.outputs
        ),
        facts=tuple(_facts(model)),
        sections=tuple((s.name, size(s.size_bytes)) for s in file.content.sections if s.size_bytes) if file else (),
        operators=file.content.operators if file else (),
        gradle=runtimes.gradle if runtimes else (),
        podfile=runtimes.podfile if runtimes else (),
        runtime_notes=runtimes.notes if runtimes else (),
        path=file.path if file else "",
        size=size(file.content.size_bytes) if file else "",
        conversion=_conversion(model),
        max_abs=short(max_abs_diff(model)),
    )


def max_abs_diff(model: ModelReport) -> float | None:
    """The largest absolute difference between the eager model and what was made of it last."""
    file = model.file
    if file is None:
        return None
    candidate = f"lite ({file.method})"
    found = [c.max_abs for c in model.result.comparisons if (c.reference, c.candidate) == ("eager", candidate)]
    return found[0] if found else None


def _conversion(model: ModelReport) -> str:
    if model.file is None:
        return ""
    return f"{model.file.method}, {'optimised' if model.file.optimised else 'not optimised'}"


def _stage(stage: Stage) -> tuple[str, str, str]:
    problem = f"{stage.problem.title}: {stage.problem.message}" if stage.problem else seconds(stage.seconds)
    return _STAGE_MARKS.get(stage.status, MARKS["skipped"]), stage.key, problem


def _pair(comparison: Comparison) -> PairRow:
    worst = _worst(comparison)
    mark = MARKS["passed" if comparison.passed else "failed" if comparison.decides else "aside"]
    if comparison.equal:
        return PairRow(mark, comparison.reference, comparison.candidate, "bit-equal")
    values = worst.values if worst else None
    if values is None:
        return PairRow(mark, comparison.reference, comparison.candidate, "differs in structure")
    if comparison.passed:
        outcome = "within the tolerance"
    elif values.mismatched:
        outcome = f"{values.mismatched} of {values.total} values differ"
    else:
        outcome = "differs in structure"
    return PairRow(
        mark,
        comparison.reference,
        comparison.candidate,
        outcome,
        short(values.max_abs),
        short(values.max_rel),
        f"{values.snr_db:.0f} dB" if values.snr_db is not None else "-",
        "exact" if comparison.owed == "exact" else f"{short(values.atol)} + {short(values.rtol)}·|e|",
        f"{short(max(values.required_atol or 0.0, 0.0))}" if values.required_atol is not None else "-",
    )


def _worst(comparison: Comparison) -> OutputComparison | None:
    """The output that is furthest over its limit, or nearest to it."""

    def badness(output: OutputComparison) -> tuple[bool, float]:
        values = output.values
        if values is None:
            return not output.passed, 0.0
        limit = values.atol + values.rtol * (values.scale or 0.0)
        difference = values.max_abs if values.max_abs is not None else float("inf")
        return not output.passed, difference / limit if limit else difference

    return max(comparison.outputs, key=badness, default=None)


def _findings(comparisons: tuple[Comparison, ...]) -> Iterator[str]:
    for comparison in comparisons:
        for finding in comparison.findings:
            yield f"{comparison.reference} → {comparison.candidate}: {_finding(finding)}"


def _finding(finding: Finding) -> str:
    trial = "" if finding.trial is None or finding.trial < 0 else f" (trial {finding.trial})"
    return f"{finding.output} {finding.message}{trial}"


def _facts(model: ModelReport) -> Iterator[tuple[str, str]]:
    file, result = model.file, model.result
    if file is not None:
        yield "file", file.path
        yield "size", f"{size(file.content.size_bytes)} ({file.content.size_bytes} bytes)"
        yield "SHA-256", file.content.sha256
        yield "bytecode version", str(file.content.bytecode_version)
        yield "archive version", str(file.content.archive_version)
        yield "methods", ", ".join(file.content.methods)
    yield "seed", str(model.spec.seed)
    yield "time", seconds(result.seconds)
    if result.peak_memory_bytes is not None:
        yield "largest process", size(result.peak_memory_bytes)


def _seed(seed: int | None) -> str:
    return "" if seed is None else f", seed {seed}"
