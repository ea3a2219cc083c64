"""The proof of the main file as a table: the error of each output beside the errors that the model has by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ptmobile.report.meaning import jitter_words
from ptmobile.report.numbers import short
from ptmobile.result import ModelResult, OutputNoise, OutputProof
from ptmobile.visible import shorten

_NAME, _NOTE = 120, 300
_NOTHING = OutputNoise(output="")


@dataclass(frozen=True)
class ProofRow:
    """One output. Errors are in its own unit, ``part`` is a part of its size, ``multiple`` of the model's own error.

    ``status`` is empty where no file was compared.
    """

    status: str
    output: str
    error: str
    part: str
    tolerance: str
    own: str
    multiple: str
    jitter: str
    note: str


@dataclass(frozen=True)
class ProofTable:
    """``pair`` says what was compared, empty if nothing was; ``reason`` why the model's own errors are not known."""

    pair: str
    rows: tuple[ProofRow, ...]
    reason: str


def proof_table(result: ModelResult) -> ProofTable:
    """Each output of the proof, and those of which only the model's own errors are known."""
    proof, noise = result.proof, result.noise
    pair = f"{proof.candidate} against {proof.reference}" if proof else ""
    return ProofTable(pair, tuple(_rows(result)), shorten(noise.reason, _NOTE) if noise else "")


def _rows(result: ModelResult) -> Iterator[ProofRow]:
    noise = {one.output: one for one in result.noise.outputs} if result.noise else {}
    for output in result.proof.outputs if result.proof else ():
        yield _row(output, noise.pop(output.output, _NOTHING))
    for left in noise.values():
        yield _of_model(left)


def _row(output: OutputProof, noise: OutputNoise) -> ProofRow:
    compared = output.rtol is not None
    part = output.max_abs / output.scale if output.max_abs is not None and output.scale else None
    error = "equal bits" if output.equal else short(output.max_abs) if compared else "differs in structure"
    return ProofRow(
        status="passed" if output.passed else "failed",
        output=shorten(output.output, _NAME),
        error=error,
        part="0" if output.equal else short(part),
        tolerance=f"{short(output.atol)} + {short(output.rtol)}·|e|" if compared else "-",
        own=short(output.own_error if output.own_error is not None else noise.max_abs),
        multiple=short(output.multiple),
        jitter=jitter_words(noise),
        note=shorten(noise.note, _NOTE),
    )


def _of_model(noise: OutputNoise) -> ProofRow:
    own, jitter, note = short(noise.max_abs), jitter_words(noise), shorten(noise.note, _NOTE)
    return ProofRow("", shorten(noise.output, _NAME), "-", "-", "-", own, "-", jitter, note)
