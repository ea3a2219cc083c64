"""Which comparison says how far a file is from the model."""

from __future__ import annotations

from ptmobile.report.model import ShippedFile
from ptmobile.result import Comparison, ModelResult


def proof_of(file: ShippedFile, result: ModelResult) -> Comparison | None:
    """The comparison that matters in the end: the main file against the eager model."""
    if result.mode == "check":
        return next(iter(result.comparisons), None)
    finals = [f"backported ({file.method})", f"lite ({file.method})"]  # the last step that this machine ran
    compared = {pair.candidate: pair for pair in result.comparisons if pair.reference == "eager"}
    return next((compared[name] for name in finals if name in compared), None)
