"""What a difference means, in words: beside the model's own rounding error, for the classes chosen, for the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ptmobile.report.numbers import NO_BREAK, short
from ptmobile.result import Decision, ModelResult, NoiseFloor, OutputNoise, RepairCost, Timing
from ptmobile.visible import shorten

_MAX_DECISIONS: Final = 3
_NAME, _LINE = 80, 300
_UNITS: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


@dataclass(frozen=True)
class NoiseRow:
    """The errors of one output that the model has by itself, beside that of the file."""

    output: str
    own: str
    of_scale: str
    conversion: str
    multiple: str
    jitter: str
    note: str


def meaning(result: ModelResult) -> Iterator[tuple[str, str]]:
    """Keys and values that stand beside the largest difference."""
    if result.noise is not None:
        yield "The model's own rounding error", shorten(_own_error(result.noise), _LINE)
    yield from _choices(result.decisions)
    if result.timing is not None and (latency := latency_words(result.timing)):
        yield "Latency on this machine", latency


def noise_rows(result: ModelResult) -> tuple[NoiseRow, ...]:
    """A row for each output, where there is more than one: of one output everything is said already."""
    outputs = result.noise.outputs if result.noise else ()
    return tuple(map(_row, outputs)) if len(outputs) > 1 else ()


def _row(noise: OutputNoise) -> NoiseRow:
    return NoiseRow(
        output=shorten(noise.output, _NAME),
        own=short(noise.max_abs),
        of_scale=short(noise.relative),
        conversion=short(noise.conversion),
        multiple=short(noise.multiple),
        jitter=jitter_words(noise),
        note=shorten(noise.note, _LINE),
    )


def _own_error(floor: NoiseFloor) -> str:
    jitter = ""
    if floor.jitter:
        jitter = f"; two runs of the same input with the same random state differ by {short(floor.jitter)}"
        multiples = [one.jitter_multiple for one in floor.outputs if one.jitter_multiple is not None]
        jitter += f", at most {short(max(multiples))} times the model's own error" if multiples else ""
    if floor.reason:
        return f"not measured: {floor.reason.removesuffix('.')}{jitter}"
    measured = [noise for noise in floor.outputs if noise.max_abs is not None]
    if not measured:
        return f"not measured: {floor.outputs[0].note or 'no output can be compared'}{jitter}"
    worst = max(measured, key=_closeness)
    of = f" of {shorten(worst.output, _NAME)}" if len(floor.outputs) > 1 else ""
    part = f", {short(worst.relative)} of the largest value" if worst.relative else ""
    return f"{short(worst.max_abs)} in float32 against float64{of}{part}{_beside(worst)}{jitter}"


def jitter_words(noise: OutputNoise) -> str:
    """How far two runs that should be one differ, and how many times the model's own error that is."""
    multiple = f" ({short(noise.jitter_multiple)} times own)" if noise.jitter_multiple else ""
    return f"{short(noise.jitter)}{multiple}"


def _closeness(noise: OutputNoise) -> tuple[float, float]:
    """By how much the file is further off than the model itself; where nothing is known of a file, by the error."""
    return noise.multiple or 0.0, noise.relative or 0.0


def _beside(noise: OutputNoise) -> str:
    if noise.conversion is None:
        return ""
    if not noise.conversion:
        return "; the conversion adds none"
    if noise.multiple is None:
        return f"; the conversion error is {short(noise.conversion)}"
    return f"; the conversion error is {noise.multiple:.2g} times that"


def _choices(decisions: Sequence[Decision]) -> Iterator[tuple[str, str]]:
    """The choices of the last variant that this machine runs, for each output; those of libraries are notices."""
    hosts = [d for d in decisions if d.rows and not d.candidate.startswith("device ")]
    finals = {decision.output: decision for decision in hosts if "bytecode" not in decision.candidate}
    for decision in list(finals.values())[:_MAX_DECISIONS]:
        name = "Same class chosen" + (f", {shorten(decision.output, _NAME)}" if len(finals) > 1 else "")
        yield name, shorten(_choice(decision), _LINE)


def _choice(decision: Decision) -> str:
    top5 = f", the first five in {decision.top5:,}" if decision.top5 is not None else ""
    ties = f" ({decision.ties:,} more tie)" if decision.ties else ""
    margin = f"; the margin of the least safe row is {short(decision.margin)}" if decision.margin is not None else ""
    if decision.margin is not None and decision.difference:
        margin += f", {decision.margin / decision.difference:.2g} times its difference"
    scores = f"read as scores of {decision.classes:,} classes: "
    return f"{scores}in {decision.top1:,} of {decision.rows:,} rows{top5}{ties}{margin}"


def latency_words(timing: Timing) -> str:
    """``1.2 ms, 0.61 times the eager model's 1.9 ms (…)``; empty where the file was not timed."""
    if len(timing.latencies) < 2:
        return ""
    eager, main = timing.latencies[:2]
    times = f"{timing.ratio:.2f} times" if timing.ratio is not None else "beside"
    how = "one thread, side by side" if timing.warm else "one thread, run once"
    words = f"{time_words(main.seconds)}, {times} the eager model's {time_words(eager.seconds)}"
    return f"{words} ({how}; it says nothing about a device)"


def time_words(seconds: float) -> str:
    """``1.23 ms``: three digits, in the unit that fits."""
    unit, name = next(((unit, name) for unit, name in _UNITS if seconds >= unit), _UNITS[-1])
    return f"{seconds / unit:.3g}{NO_BREAK}{name}"


def cost_words(cost: RepairCost | None) -> str:
    """What a repair costs, in a sentence; empty where nothing is known."""
    if cost is None:
        return ""
    parts = []
    if cost.latency_ratio is not None:
        parts.append(f"{cost.latency_ratio:.2f} times the latency on this machine")
    if cost.size_ratio is not None:
        parts.append(f"{cost.size_ratio:.2f} times the size")
    return f"It costs {' and '.join(parts)} of the file as asked for, which did not verify." if parts else ""
