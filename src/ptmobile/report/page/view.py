"""What the page shows: the view of the summary, and what only a page has room for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from ptmobile.report.cutting import Cut, cut
from ptmobile.report.model import ModelReport, Report
from ptmobile.report.model_view import ModelView
from ptmobile.report.numbers import NO_BREAK, seconds, size
from ptmobile.report.page.app import AppTable, app_tables
from ptmobile.report.page.devices import DeviceCard, device_cards
from ptmobile.report.page.files import FileCard, file_cards
from ptmobile.report.page.heat import HeatSquare, heat_squares, legend
from ptmobile.report.page.meaning import ChoiceRow, LatencyBar, choice_rows, latency_bars
from ptmobile.report.page.proof import ProofRow, proof_table
from ptmobile.report.page.stages import StageBar, stage_bars
from ptmobile.report.page.values import PairGroup, pair_groups
from ptmobile.report.page.variants import editions_by_variant
from ptmobile.report.view import ReportView, view_of
from ptmobile.result import OutputCard, Trial
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.visible import shorten

#: Models with a section of their own, the failed ones first; all others are in the table and in report.json.
MAX_SECTIONS = 300
_MAX_PAIRS, _MAX_TRIALS, _MAX_OUTPUTS = 150, 50, 200
_CELL, _SPEC = 300, 5_000


@dataclass(frozen=True)
class PageModel:
    """One model. ``index`` is its number in the order of the report, from which its anchor is made."""

    index: int
    status: str
    view: ModelView
    devices: tuple[DeviceCard, ...]
    files: tuple[FileCard, ...]
    squares: tuple[HeatSquare, ...]
    pairs: Cut[PairGroup]
    stages: tuple[StageBar, ...]
    trials: Cut[Trial]
    outputs: Cut[OutputCard]
    app: tuple[AppTable, ...]
    proof: Cut[ProofRow]
    proof_of: str
    no_floor: str
    notes_on_proof: bool
    choices: tuple[ChoiceRow, ...]
    latencies: tuple[LatencyBar, ...]
    spec: str
    machine: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """The whole page; ``models`` has the failed ones first, ``rows`` is the table over all of them."""

    status: str
    view: ReportView
    rows: Cut[PageModel]
    models: tuple[PageModel, ...]
    legend: tuple[tuple[int, str], ...]
    facts: tuple[tuple[str, str, str], ...]
    exit_code: int


def page_of(report: Report) -> Page:
    """The page of a report."""
    view = view_of(report)
    failed_first = sorted(enumerate(report.models), key=lambda pair: pair[1].verdict.status != "failed")
    models = [_model(index, model, shown) for (index, model), shown in zip(failed_first, view.models, strict=True)]
    return Page(
        status=report.verdict,
        view=view,
        rows=cut(sorted(models, key=lambda model: model.index), 10 * MAX_SECTIONS),
        models=tuple(models[:MAX_SECTIONS]),
        legend=legend(),
        facts=tuple(_run_facts(report)),
        exit_code=report.exit_code,
    )


def _model(index: int, model: ModelReport, view: ModelView) -> PageModel:
    result = model.result
    proof = proof_table(result)
    return PageModel(
        index=index,
        status=model.verdict.status,
        view=view,
        devices=device_cards(result),
        files=file_cards(model),
        squares=heat_squares(result.comparisons, editions_by_variant(result.stages)),
        pairs=cut(pair_groups(result.comparisons[:_MAX_PAIRS]), _MAX_PAIRS),
        stages=stage_bars(result.stages, passed=model.verdict.status == "passed"),
        trials=cut([_trial(trial) for trial in result.trials], _MAX_TRIALS),
        outputs=cut(result.outputs, _MAX_OUTPUTS),
        app=app_tables(result.app),
        proof=cut(proof.rows, _MAX_OUTPUTS),
        proof_of=proof.pair,
        no_floor=proof.reason,
        notes_on_proof=any(row.note for row in proof.rows),
        choices=choice_rows(result),
        latencies=latency_bars(result),
        spec=_spec(model.spec),
        machine=tuple(_machine(model)),
    )


def _trial(trial: Trial) -> Trial:
    return msgspec.structs.replace(trial, arguments=(shorten(", ".join(trial.arguments), _CELL),))


def _spec(spec: ConversionSpec) -> str:
    """What was asked for, as in ``ptmobile.yml``: everything that is not the default."""
    fields = msgspec.structs.fields(spec)
    values = ((field, getattr(spec, field.name)) for field in fields)
    asked = {field.encode_name: msgspec.to_builtins(value) for field, value in values if value != field.default}
    text = yaml.safe_dump(_given(asked), sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)
    return shorten(text, _SPEC)


def _given(value: Any) -> Any:
    """Without what was left open: None, and what is empty."""
    if isinstance(value, dict):
        return {key: _given(inner) for key, inner in value.items() if inner not in (None, {}, [], ())}
    return [_given(inner) for inner in value] if isinstance(value, list | tuple) else value


def _machine(model: ModelReport) -> Iterator[tuple[str, str]]:
    result, libraries = model.result, model.result.environment
    if libraries is not None:
        yield "torch", libraries.torch
        yield "torchvision", libraries.torchvision
        yield "numpy", libraries.numpy
        yield "Python", libraries.python
        yield "Machine", f"{libraries.machine}, {'with' if libraries.xnnpack else 'without'} XNNPACK"
    if result.seconds:
        yield "Time in all", seconds(result.seconds)
    if result.peak_memory_bytes is not None:
        yield "Memory of the largest process", size(result.peak_memory_bytes)
    if result.deterministic is not None:
        yield "Same answer twice", "yes" if result.deterministic else "no"


def _run_facts(report: Report) -> Iterator[tuple[str, str, str]]:
    """Key, value, and an address if there is one to go to."""
    source = report.source
    yield "Time of the run", report.created.replace("T", NO_BREAK).replace("+00:00", f"{NO_BREAK}UTC"), ""
    if source.repository:
        yield "Repository", source.repository, ""
    if source.sha:
        yield "Commit", source.sha, ""
    if source.ref:
        yield "Ref", source.ref, ""
    if source.run_url:
        link = source.run_url if source.run_url.startswith("https://") else ""
        yield "Workflow run", source.run_url, link
    if report.config:
        yield "Config file", report.config, ""
    yield "Exit code", str(report.exit_code), ""
    isolation = {"separate-user": "a user of its own", "same-user": "the user who started the program"}
    yield "Model code ran as", isolation[report.tool.isolation], ""
