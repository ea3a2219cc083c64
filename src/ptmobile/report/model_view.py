"""What a reader is shown of a model: one view model, from which every rendering is made. No escaping here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ptmobile.errors import ExitCode
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
from ptmobile.report.cutting import CELL, LINE, Cut, cut
from ptmobile.report.devices import device_rows, page_notes
from ptmobile.report.differences import FileDifferenceView, difference_views, growth
from ptmobile.report.facts import facts_of, output_line, shown_proof, trial_line
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
from ptmobile.report.meaning import NoiseRow, noise_rows
from ptmobile.report.model import ModelReport
from ptmobile.report.numbers import count, seconds, short, size
from ptmobile.report.problems import ProblemView, problem_view
from ptmobile.result import ASIDES, Stage
from ptmobile.visible import shorten

MARKS = {"passed": PASSED, "failed": FAILED, "crashed": "💥", "skipped": ASIDE}
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


def model_view(model: ModelReport) -> ModelView:
    """The view of a model."""
    result, file = model.result, model.file
    proof = shown_proof(model)
    absolute, relative = largest_difference(proof) if proof else (None, None)
    gradle, podfile = lines_for_apps(model)
    notes = (*runtime_notes(model), *page_notes(result))
    return ModelView(
        mark=MARKS[model.verdict.status],
        name=model.spec.name,
        title=model.verdict.title,
        result=_result(model),
        reasons=tuple(map(problem_view, model.verdict.reasons)),
        devices=tuple((mark, shorten(text, LINE)) for mark, text in device_rows(result)),
        changes=cut(changes(model), 30),
        adapted=cut(adapted(model), 20),
        editions=edition_rows(model, (PASSED, FAILED)),
        operators_file=operators_name(model, file) if file and file.method else "",
        warnings=cut([shorten(warning.message, LINE) for warning in model.verdict.warnings], 20),
        notices=cut([shorten(n.message, LINE) for n in result.notices if n.level == "notice"], 20),
        facts=tuple(facts_of(model)),
        square=square_of(result.comparisons, proof),
        pairs=tuple(map(pair_row, result.comparisons[:100])),
        findings=cut(finding_rows(result.comparisons), 20),
        noise=cut(noise_rows(result), 50),
        tried=cut(tried_rows(model, (PASSED, ASIDE)), 50),
        builds_tried=f"{len(result.attempts)} builds were tried",
        stages=tuple(map(_stage, _first(result.stages))),
        asides=tuple(_asides(model)),
        trials=cut(list(map(trial_line, result.trials)), 20),
        outputs=cut(list(map(output_line, result.outputs)), 50),
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


def _stage(stage: Stage) -> StageRow:
    problem = shorten(f"{stage.problem.title}: {stage.problem.message}", CELL) if stage.problem else ""
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
                yield StageRow(ASIDE, stage.key, shorten(f"{stage.problem.title}: {line}", CELL))
