"""How the files of a model differ from those of the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ptmobile.baseline.model import Baseline, FileDifference, FileMeasures
from ptmobile.proving import proof_of
from ptmobile.report.comparisons import largest_difference
from ptmobile.report.model import ShippedFile
from ptmobile.result import ModelResult


def measures_of(file: ShippedFile, result: ModelResult) -> FileMeasures:
    """What is compared of a file of this run; the largest difference is known of the main file only."""
    proof = None if file.edition else proof_of(result)
    absolute, relative = largest_difference(proof) if proof else (None, None)
    return FileMeasures(
        size_bytes=file.content.size_bytes,
        sha256=file.content.sha256,
        bytecode_version=file.content.bytecode_version,
        operators=file.content.operators,
        max_abs=absolute,
        relative=relative,
        latency_ratio=result.timing.ratio if result.timing and not file.edition else None,
    )


def differences(
    name: str, files: Sequence[ShippedFile], result: ModelResult, baseline: Baseline
) -> tuple[FileDifference, ...]:
    """One for each verified file of which the baseline has one too, the main file first."""
    known = baseline.models[name].files if name in baseline.models else {}
    return tuple(
        FileDifference(edition=file.edition, before=known[file.edition], now=measures_of(file, result))
        for file in files
        if file.verified and file.edition in known
    )


def gone(baseline: Baseline, names: Iterable[str]) -> tuple[str, ...]:
    """Models that only the baseline has."""
    return tuple(sorted(set(baseline.models) - set(names)))
