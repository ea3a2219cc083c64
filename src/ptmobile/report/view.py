"""What a reader is shown of a report: one view model, from which every rendering is made. No escaping here.

Everything is cut to a size that a page can hold: texts come from models, and a summary has a limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ptmobile.errors import ExitCode
from ptmobile.proving import proof_of
from ptmobile.report.adapting import adapted
from ptmobile.report.cards import card_lines, code_blocks
from ptmobile.report.comparisons import (
    ASIDE,
    FAILED,
    PASSED,
    FindingRow,
    PairRow,
    Square,
    finding_rows,
    largest_difference,
    pair_row,
    square_of,
)
from ptmobile.report.devices import device_rows, page_notes
from ptmobile.report.differences import FileDifferenceView, baseline_lines, difference_views, growth
from ptmobile.report.downloads import Download, downloads_of
from ptmobile.report.files import (
    EditionRow,
    TriedRow,
    changes,
    edition_rows,
    lines_for_apps,
    operators_name,
    runtime_notes,
    tried_rows,
)
from ptmobile.report.meaning import NoiseRow, meaning, noise_rows
from ptmobile.report.model import ModelReport, Reason, Report
from ptmobile.report.numbers import count, seconds, short, size
from ptmobile.report.origin import OriginRow, origin_rows
from ptmobile.result import ASIDES, Comparison, OutputCard, Stage, Trial
from ptmobile.visible import shorten

MARKS = {"passed": PASSED, "failed": FAILED, "crashed": "💥", "skipped": ASIDE}
# Rows of the table of models; those that failed are shown first when there are more.
MAX_ROWS = 500
# Rows of what the files come from.
MAX_ORIGIN = 100
_LINES, _LINE, _CELL = 60, 500, 300
_STAGES = 30
_FAILURES: dict[int, str] = {
    ExitCode.LOAD: "not loaded",
    ExitCode.CONVERT: "not converted",
    ExitCode.MISMATCH: "not equal",
    ExitCode.RUNTIME_INCOMPATIBLE: "not for this runtime",
    ExitCode.BUDGET: "over budget",
    ExitCode.PUBLISH: "not written",
    ExitCode.INTERRUPTED: "interrupted",
}
# How a message of several points begins each of them.
_POINT = "  - "

T = TypeVar("T")


@dataclass(frozen=True)
class Cut(Generic[T]):
    """The first of many things, and how many more there are."""

    shown: tuple[T, ...]
    more: int = 0


@dataclass(frozen=True)
class ProblemView:
    """Why something failed: what happened, as a list or as lines that belong together, and what to do."""

    title: str
    points: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    location: str = ""
    advice: str = ""


@dataclass(frozen=True)
class StageRow:
    """One stage: how it went, and how long it took or why it failed."""

    mark: str
    name: str
    detail: str


@dataclass(frozen=True)
class ModelView:
    """One model as it is shown."""

    mark: str
    name: str
    title: str
    result: str
    reasons: tuple[ProblemView, ...]
    devices: tuple[tuple[str, str], ...]
    changes: Cut[str]
    adapted: Cut[str]
    editions: tuple[EditionRow, ...]
    operators_file: str
    warnings: Cut[str]
    notices: Cut[str]
    facts: tuple[tuple[str, str, bool], ...]
    square: Square | None
    pairs: tuple[PairRow, ...]
    findings: Cut[FindingRow]
    noise: Cut[NoiseRow]
    tried: Cut[TriedRow]
    builds_tried: str
    stages: tuple[StageRow, ...]
    asides: tuple[StageRow, ...]
    trials: Cut[str]
    outputs: Cut[str]
    card: Cut[str]
    code: tuple[tuple[str, str, str], ...]
    contents: str
    sections: tuple[tuple[str, str], ...]
    operators: Cut[str]
    growth: str
    against: tuple[FileDifferenceView, ...]
    gradle: tuple[str, ...]
    podfile: tuple[str, ...]
    runtime_notes: tuple[str, ...]
    size: str
    difference: str
    relative: str


@dataclass(frozen=True)
class ReportView:
    """The whole run as it is shown; ``models`` has the failed ones first, ``rows`` is the table over them."""

    mark: str
    headline: str
    remark: str
    models: tuple[ModelView, ...]
    rows: Cut[ModelView]
    problems: tuple[ProblemView, ...]
    baseline: tuple[str, ...]
    merged: str
    footer: str
    origin: Cut[OriginRow]
    downloads: tuple[Download, ...] = ()
    unpublished: tuple[ProblemView, ...] = ()


def view_of(report: Report) -> ReportView:
    """The view of a report."""
    models = tuple(map(_model, report.models))
    failed_first = tuple(sorted(models, key=lambda model: model.mark == PASSED))
    return ReportView(
        mark=MARKS[report.verdict],
        headline=_headline(report),
        remark=_remark(report),
        models=failed_first,
        rows=cut(models if len(models) <= MAX_ROWS else failed_first, MAX_ROWS),
        problems=tuple(map(_problem, report.problems)),
        baseline=baseline_lines(report),
        merged=_merged(report),
        footer=_footer(report),
        origin=cut(origin_rows(report), MAX_ORIGIN),
        downloads=downloads_of(report),
        unpublished=tuple(map(_problem, report.unpublished)),
    )


def cut(things: Sequence[T], limit: int) -> Cut[T]:
    """At most ``limit`` of them."""
    return Cut(tuple(things[:limit]), max(len(things) - limit, 0))


def _headline(report: Report) -> str:
    done, bad = len(report.models), sum(model.verdict.status == "failed" for model in report.models)
    if report.exit_code == ExitCode.CONFIGURATION and not done:
        return "nothing was run: the specification is wrong"
    if report.problems and report.merged:
        return f"the reports are not complete: {count(done, 'model')} merged, {bad} failed"
    if report.problems:
        return f"the run did not finish: {count(done, 'model')} done, {bad} failed" if done else "the run did not start"
    if done == 1:
        model = report.models[0]
        checked = model.result.mode == "check"
        return model.verdict.title if bad or checked else f"{model.spec.name} is verified"
    if bad:
        return f"{bad} of {done} models failed"
    return f"all {done} models are verified" if done else "there was nothing to do"


def _remark(report: Report) -> str:
    """Where the exit code is not what the verdict makes one expect."""
    if report.verdict == "failed" and not report.exit_code:
        return "The step does not fail, because `fail-on` is `never`."
    if report.exit_code == ExitCode.PUBLISH and report.unpublished:
        return "The step fails, because what should be handed over could not be."
    if report.verdict == "passed" and report.exit_code:
        return "The step fails, because there are warnings and `fail-on` is `warning`."
    return ""


def _merged(report: Report) -> str:
    """What a merged report was made of, and whether that is all there should be."""
    if report.merged is None:
        return ""
    what = f"Merged from {count(len(report.merged.reports), 'report')}"
    if report.merged.planned is None:
        return f"{what}. No matrix is given, so it is not known whether a model is missing."
    return f"{what}: {len(report.models):,} of {count(report.merged.planned, 'planned model')}."


def _footer(report: Report) -> str:
    environment = next((m.result.environment for m in report.models if m.result.environment), None)
    libraries = f", torch {environment.torch}, torchvision {environment.torchvision}" if environment else ""
    return f"{report.tool.name} {report.tool.version}{libraries}"


def _model(model: ModelReport) -> ModelView:
    result, file = model.result, model.file
    proof = _proof(model)
    absolute, relative = largest_difference(proof) if proof else (None, None)
    gradle, podfile = lines_for_apps(model)
    notes = (*runtime_notes(model), *page_notes(result))
    return ModelView(
        mark=MARKS[model.verdict.status],
        name=model.spec.name,
        title=model.verdict.title,
        result=_result(model),
        reasons=tuple(map(_problem, model.verdict.reasons)),
        devices=tuple((mark, shorten(text, _LINE)) for mark, text in device_rows(result)),
        changes=cut(changes(model), 30),
        adapted=cut(adapted(model), 20),
        editions=edition_rows(model, (PASSED, FAILED)),
        operators_file=operators_name(model, file) if file and file.method else "",
        warnings=cut([shorten(warning.message, _LINE) for warning in model.verdict.warnings], 20),
        notices=cut([shorten(n.message, _LINE) for n in result.notices if n.level == "notice"], 20),
        facts=tuple(_facts(model, proof)),
        square=square_of(result.comparisons, proof),
        pairs=tuple(map(pair_row, result.comparisons[:100])),
        findings=cut(finding_rows(result.comparisons), 20),
        noise=cut(noise_rows(result), 50),
        tried=cut(tried_rows(model, (PASSED, ASIDE)), 50),
        builds_tried=f"{len(result.attempts)} builds were tried",
        stages=tuple(map(_stage, _first(result.stages))),
        asides=tuple(_asides(model)),
        trials=cut(list(map(_trial, result.trials)), 20),
        outputs=cut(list(map(_output, result.outputs)), 50),
        card=cut(card_lines(model), 50),
        code=code_blocks(model),
        contents=count(len(file.content.operators), "operator") if file else "",
        sections=tuple((s.name, size(s.size_bytes)) for s in file.content.sections if s.size_bytes) if file else (),
        operators=cut([shorten(name, 120) for name in file.content.operators] if file else [], 300),
        growth=growth(model),
        against=difference_views(model),
        gradle=gradle,
        podfile=podfile,
        runtime_notes=tuple(dict.fromkeys(notes)),
        size=size(file.content.size_bytes) if file else "",
        difference=short(absolute),
        relative=short(relative),
    )


def max_abs_diff(model: ModelReport) -> float | None:
    """The largest absolute difference between the eager model and the file."""
    proof = _proof(model)
    return largest_difference(proof)[0] if proof else None


def _proof(model: ModelReport) -> Comparison | None:
    return proof_of(model.result) if model.file else None


def _result(model: ModelReport) -> str:
    """The verdict in two or three words, for the table over all models."""
    verdict, file = model.verdict, model.file
    if verdict.status == "failed":
        return _FAILURES.get(verdict.code, "failed")
    if model.result.mode == "check":
        return "checked" + (f", {count(len(verdict.warnings), 'warning')}" if verdict.warnings else "")
    how = f" ({file.method}{'' if file.optimised else ', not optimised'})" if file and file.method else ""
    warnings = f", {count(len(verdict.warnings), 'warning')}" if verdict.warnings else ""
    return f"verified{how}{warnings}"


def _problem(reason: Reason) -> ProblemView:
    lines = reason.message.strip().splitlines()
    if lines and lines[0].strip() == reason.title.strip():
        del lines[0]
    more = len(lines) - _LINES
    kept = [shorten(line, _LINE) for line in lines[:_LINES]] + ([f"{_POINT}… and {more} more"] if more > 0 else [])
    listed = all(line.startswith(_POINT) for line in kept)
    return ProblemView(
        title=reason.title,
        points=tuple(line.removeprefix(_POINT) for line in kept) if listed else (),
        lines=() if listed else tuple(kept),
        location=reason.location,
        advice=shorten(reason.advice, 2 * _LINE),
    )


def _stage(stage: Stage) -> StageRow:
    problem = shorten(f"{stage.problem.title}: {stage.problem.message}", _CELL) if stage.problem else ""
    return StageRow(MARKS[stage.status], stage.key, problem or seconds(stage.seconds))


def _first(stages: Sequence[Stage]) -> list[Stage]:
    """The first stages, and the last ones that stand for a whole comparison."""
    return [*stages[:_STAGES], *(stage for stage in stages[_STAGES:] if stage.name == "sensitive")]


def _asides(model: ModelReport) -> Iterator[StageRow]:
    """Stages that failed without failing the model: the other road came to its end. Further builds are told apart."""
    told = (*ASIDES, "sensitive")  # elsewhere
    others = {(tried.method, tried.target) for tried in model.result.attempts if tried.target}
    if model.verdict.status == "passed":
        for stage in _first(model.result.stages):
            other = (stage.method, stage.target) in others
            if stage.problem is not None and stage.name not in told and not other:
                line = next(iter(stage.problem.message.strip().splitlines()), "")
                yield StageRow(ASIDE, stage.key, shorten(f"{stage.problem.title}: {line}", _CELL))


def _facts(model: ModelReport, proof: Comparison | None) -> Iterator[tuple[str, str, bool]]:
    """Key, value, and whether the value is something to copy."""
    file, result = model.file, model.result
    if file is not None:
        kept = "File" if file.verified or not file.method else "File that did not verify"
        yield kept, file.path, True
        yield "Size", f"{size(file.content.size_bytes)} ({file.content.size_bytes:,} bytes)", False
        yield "SHA-256", file.content.sha256, True
        yield "Bytecode version", str(file.content.bytecode_version), False
        optimised = "optimised" if file.optimised else "not optimised"
        if file.method:
            yield "Conversion", shorten(f"{result.choice or file.method}, {optimised}", _CELL), False
    if proof is not None:
        reference = "the eager model" if proof.reference == "eager" else "the host's lite interpreter"
        yield f"Difference from {reference}", _difference(proof), False
    for key, value in meaning(result):
        yield key, value, False
    if model.packages is not None and model.packages.installed:
        names = ", ".join(f"{package.name} {package.version}" for package in model.packages.installed)
        yield "Packages", shorten(names, _CELL), False
    if model.repro:
        yield "To run it again", f"{model.repro}/replay.py", True
    if result.trials:
        drawn = any(trial.seed is not None for trial in result.trials)
        different = sum(trial.repeats is None for trial in result.trials)
        yield "Inputs compared on", f"{different}{f', from seed {model.spec.seed}' if drawn else ''}", False


def _difference(proof: Comparison) -> str:
    if proof.equal:
        return "none: equal bits"
    absolute, relative = largest_difference(proof)
    if absolute is None:
        return "in structure, or not finite"
    part = f", which is {short(relative)} of the output's largest value" if relative is not None else ""
    return f"{short(absolute)} at most{part}"


def _trial(trial: Trial) -> str:
    if trial.repeats is not None:
        return f"{trial.number}: input {trial.repeats} again"
    kind = f", {trial.distribution}" if trial.distribution else ""
    seed = "" if trial.seed is None else f", seed {trial.seed}"
    return shorten(f"{trial.number}: {', '.join(trial.arguments)}{kind}{seed}", _CELL)


def _output(card: OutputCard) -> str:
    shape = str(list(card.shape)) if card.dtype else ""
    return shorten(" ".join(part for part in (card.output, card.kind, card.dtype, shape) if part), _CELL)
