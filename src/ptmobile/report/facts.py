"""What is told of a model in a line each: its file, how far that is from the model, what both were run on."""

from __future__ import annotations

from collections.abc import Iterator

from ptmobile.proving import proof_of
from ptmobile.report.comparisons import largest_difference
from ptmobile.report.cutting import CELL
from ptmobile.report.meaning import meaning
from ptmobile.report.model import ModelReport
from ptmobile.report.numbers import short, size
from ptmobile.result import Comparison, OutputCard, Trial
from ptmobile.visible import shorten


def max_abs_diff(model: ModelReport) -> float | None:
    """The largest absolute difference between the eager model and the file."""
    proof = shown_proof(model)
    return largest_difference(proof)[0] if proof else None


def shown_proof(model: ModelReport) -> Comparison | None:
    """The comparison that proves the file, if there is a file."""
    return proof_of(model.result) if model.file else None


def facts_of(model: ModelReport) -> Iterator[tuple[str, str, bool]]:
    """Key, value, and whether the value is something to copy."""
    file, result, proof = model.file, model.result, shown_proof(model)
    if file is not None:
        kept = "File" if file.verified or not file.method else "File that did not verify"
        yield kept, file.path, True
        yield "Size", f"{size(file.content.size_bytes)} ({file.content.size_bytes:,} bytes)", False
        yield "SHA-256", file.content.sha256, True
        yield "Bytecode version", str(file.content.bytecode_version), False
        optimised = "optimised" if file.optimised else "not optimised"
        if file.method:
            yield "Conversion", shorten(f"{result.choice or file.method}, {optimised}", CELL), False
    if proof is not None:
        reference = "the eager model" if proof.reference == "eager" else "the host's lite interpreter"
        yield f"Difference from {reference}", _difference(proof), False
    for key, value in meaning(result):
        yield key, value, False
    if model.packages is not None and model.packages.installed:
        names = ", ".join(f"{package.name} {package.version}" for package in model.packages.installed)
        yield "Packages", shorten(names, CELL), False
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


def trial_line(trial: Trial) -> str:
    """The inputs of one trial: each argument, how they were drawn, and from which seed."""
    if trial.repeats is not None:
        return f"{trial.number}: input {trial.repeats} again"
    kind = f", {trial.distribution}" if trial.distribution else ""
    seed = "" if trial.seed is None else f", seed {trial.seed}"
    return shorten(f"{trial.number}: {', '.join(trial.arguments)}{kind}{seed}", CELL)


def output_line(card: OutputCard) -> str:
    """One output of the eager model: its place, kind, data type and shape."""
    shape = str(list(card.shape)) if card.dtype else ""
    return shorten(" ".join(part for part in (card.output, card.kind, card.dtype, shape) if part), CELL)
