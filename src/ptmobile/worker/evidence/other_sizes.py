"""Inputs of sizes that nobody declared: what the eager model takes, and a capture does not, is written down in it.

They decide nothing, since a file for one size is what was asked for; but who uses it should know.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from ptmobile.result import Comparison, Notice
from ptmobile.worker.inputs.examples import TrialInputs
from ptmobile.worker.processes.children import die_with_parent, fork
from ptmobile.worker.stages.running import Variant, run_once
from ptmobile.worker.values.files import save_tree
from ptmobile.worker.values.trees import describe

#: Their numbers as trials, far from those of any declared input.
BATCH, IMAGE = 100_000, 100_001
EAGER = "eager"
_WORDS = {BATCH: "batch size", IMAGE: "image size"}
_SMALLEST_IMAGE, _MORE_PIXELS = 8, 32
_ADVICE = (
    "Inputs of another size need method script, or a model whose sizes are computed by torch; declare the sizes that "
    "the app uses under `shapes` to have each verified."
)


def size_file(number: int) -> str:
    """The name of the file that holds the sizes of one of them in words."""
    return f"{number}.size"


def other_sizes(trials: Sequence[TrialInputs]) -> list[TrialInputs]:
    """The first trial with one more in the batch, and with larger images; none where several sizes are declared."""
    first = trials[0]
    if first.seed is None or len({tuple(a.shape for a in trial.arguments) for trial in trials}) > 1:
        return []
    changed = {BATCH: _one_more(first), IMAGE: tuple(map(_larger, first.arguments))}
    return [
        TrialInputs(number, first.seed, arguments, first.layout, first.distribution)
        for number, arguments in changed.items()
        if arguments and any(a.shape != b.shape for a, b in zip(arguments, first.arguments, strict=True))
    ]


def _one_more(trial: TrialInputs) -> tuple[torch.Tensor, ...]:
    """One more row for all tensors that have as many as the first; none where images are given as lists."""
    if not trial.arguments or any(trial.layout) or trial.arguments[0].dim() == 0:
        return ()
    count = trial.arguments[0].shape[0]
    return tuple(
        torch.cat([a, a[:1].flip(-1)]) if count and a.dim() > 1 and a.shape[0] == count else a for a in trial.arguments
    )


def _larger(image: torch.Tensor) -> torch.Tensor:
    """A tensor that may be of images (rank 3 or 4, at least 8x8) with more rows and columns."""
    if image.dim() not in (3, 4) or min(image.shape[-2:]) < _SMALLEST_IMAGE or not image.is_floating_point():
        return image
    for axis in (-1, -2):
        more = min(_MORE_PIXELS, image.shape[axis])
        image = torch.cat([image, image.narrow(axis, 0, more).flip(axis)], axis)
    return image


def run_other_sizes(variant: Variant, others: Sequence[TrialInputs], folder: Path) -> None:
    """Run a variant on each, in a process of its own whose crash is no matter; leave outputs, or what was raised."""

    def main() -> None:
        die_with_parent()
        for trial in others:
            stem = folder / str(trial.number)
            try:
                save_tree(run_once(variant, trial), stem)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is not an answer
                stem.with_suffix(".error").write_text(_first_line(error), encoding="utf-8", errors="replace")

    folder.mkdir(parents=True, exist_ok=True)
    if others:
        os.waitpid(fork(main), 0)


def taken(others: Sequence[TrialInputs], folder: Path) -> list[TrialInputs]:
    """Those on which a variant has given an answer."""
    return [trial for trial in others if (folder / f"{trial.number}.json").exists()]


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]


def size_notices(
    scratch: Path, variants: Sequence[str], compare: Callable[[str, int], Comparison], *, shipped: str
) -> Iterator[Notice]:
    """What the captures make of sizes that the eager model takes: a warning where it is the one that is shipped.

    ``compare`` compares a variant with the eager model on one of them.
    """
    for number, words in _WORDS.items():
        if not (scratch / EAGER / f"{number}.json").exists():
            continue
        for variant in variants:
            wrong = _wrong(scratch / variant / str(number), lambda: compare(variant, number))  # noqa: B023
            if wrong:
                told = (scratch / size_file(number)).read_text(encoding="utf-8")
                message = (
                    f"The {variant} model has a fixed {words}: on {told} it {wrong}, and the eager model does not."
                )
                warns = variant == shipped
                text = f"{message} {_ADVICE}"[:2000]
                yield Notice(level="warning" if warns else "notice", code="fixed-size", message=text)


def _wrong(stem: Path, compare: Callable[[], Comparison]) -> str:
    with contextlib.suppress(OSError):
        return f"fails ({stem.with_suffix('.error').read_text(encoding='utf-8')})"
    if not stem.with_suffix(".json").exists():
        return "crashes"
    comparison = compare()
    finding = next((finding for finding in comparison.findings if finding.fails), None)
    return "" if finding is None else f"gives something else ({finding.output} {finding.message})"


def run_eager_on_other_sizes(module: Variant, trials: Sequence[TrialInputs], scratch: Path) -> None:
    """Run the eager model on other sizes, and leave what they are in words for the notices."""
    others = other_sizes(trials)
    run_other_sizes(module, others, scratch / EAGER)
    for trial in others:
        words = ", ".join(map(describe, trial.arguments))
        (scratch / size_file(trial.number)).write_text(words, encoding="utf-8")
