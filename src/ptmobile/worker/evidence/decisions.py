"""Outputs that look like scores of classes: whether the files choose the classes that the eager model chooses.

Numbers may agree within any tolerance while the highest score is another one, where two scores are nearly equal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import torch

from ptmobile.result import Decision, Notice
from ptmobile.worker.comparing.scales import Loader
from ptmobile.worker.values.files import StoredTree

_SCORES: Final = ("float16", "bfloat16", "float32", "float64")
#: Names of outputs that are places and not scores.
_PLACES: Final = re.compile(r"box|keypoint|point|coord|mask|landmark|offset", re.IGNORECASE)
_TOP: Final = 5
#: An image has up to four channels; fewer classes than that in a dense output are not told from colours.
_COLOURS: Final = 4
#: Values of one output that are looked at in one trial.
_MOST_VALUES: Final = 30_000_000
#: A dense output may differ at so many of its positions before it is more than a notice: edges move by a pixel.
_DENSE_SHARE: Final = 1e-3


def decisions(load: Loader, trials: Sequence[int], eager: str, candidates: Iterable[str]) -> tuple[Decision, ...]:
    """The choices of each candidate against those of eager, over all trials, for every output that has some."""
    if not trials or not any(_is_score(*output) for output in _outputs(load(eager, trials[0]))):
        return ()
    return tuple(decision for candidate in candidates for decision in _of(load, trials, eager, candidate))


def _outputs(tree: StoredTree) -> list[tuple[str, torch.Tensor, str]]:
    return [(path, tensor, tree.dtypes[path]) for path, tensor in tree.tensors().items()]


def _is_score(path: str, tensor: torch.Tensor, dtype: str) -> bool:
    """Whether an output can be read as scores: vectors, also in batches; dense ones with more classes than colours."""
    if dtype not in _SCORES or not tensor.numel() or _PLACES.search(path) or tensor.dim() not in (1, 2, 3, 4):
        return False
    return _classes(tensor) > (_COLOURS if tensor.dim() > 2 else 1)


def _classes(tensor: torch.Tensor) -> int:
    return tensor.shape[1 if tensor.dim() == 4 else -1]


def _of(load: Loader, trials: Sequence[int], eager: str, candidate: str) -> Iterator[Decision]:
    found: dict[str, Choices] = {}
    for number in trials:
        reference, other = load(eager, number), load(candidate, number).tensors()
        for path, expected, dtype in _outputs(reference):
            actual = other.get(path)
            if not _is_score(path, expected, dtype) or actual is None or actual.shape != expected.shape:
                continue
            choices = found.setdefault(path, Choices(_classes(expected), dense=expected.dim() > 2))
            if choices.classes == _classes(expected):
                choices.add(_rows(expected), _rows(actual))
    for path, choices in found.items():
        yield choices.decision(path, candidate)


def _rows(scores: torch.Tensor) -> torch.Tensor:
    """Scores as ``[rows, classes]`` in float64."""
    last = scores.movedim(1, -1) if scores.dim() == 4 else scores
    rows = last.reshape(-1, last.shape[-1])
    return rows[: _MOST_VALUES // rows.shape[1]].to(torch.float64)


@dataclass
class Choices:
    """Running totals over trials; :meth:`add` rows, then read :meth:`decision`."""

    classes: int
    dense: bool = False
    rows: int = 0
    ties: int = 0
    top1: int = 0
    top5: int = 0
    unstable: int = 0
    margin: float = math.inf
    difference: float = 0.0
    _worst: tuple[float, float] = field(default=(math.inf, math.inf), repr=False)

    def add(self, expected: torch.Tensor, actual: torch.Tensor) -> None:
        """Take in rows of scores, ``[rows, classes]`` in float64. Rows in which eager has NaN choose nothing."""
        known = ~torch.isnan(expected).any(1)
        expected, actual = expected[known], actual[known]
        if not expected.numel() or self.classes < 2:
            return
        best = expected.topk(2).values
        margin = (best[:, 0] - best[:, 1]).nan_to_num(nan=0.0, posinf=math.inf)  # infinities of one sign tie
        decided = margin > 0
        self.ties += int((~decided).sum())
        expected, actual, margin = expected[decided], actual[decided], margin[decided]
        if expected.numel():
            self._count(expected, actual, margin)

    def _count(self, expected: torch.Tensor, actual: torch.Tensor, margin: torch.Tensor) -> None:
        off = (actual - expected).abs()
        off[actual == expected] = 0.0  # equal infinities differ by NaN otherwise
        off = off.nan_to_num(nan=math.inf, posinf=math.inf).amax(1)
        self.rows += len(expected)
        self.top1 += int(_within(expected, actual, 1).sum())
        self.top5 += int(_within(expected, actual, _TOP).sum()) if self.classes > _TOP else 0
        self.unstable += int((margin <= 2 * off).sum())
        safety = (margin / off).nan_to_num(nan=0.0, posinf=math.inf)  # infinite where nothing differs
        row = int(safety.argmin() if bool((off > 0).any()) else margin.argmin())
        if (worst := (float(safety[row]), float(margin[row]))) <= self._worst:
            self._worst = worst
            self.margin, self.difference = float(margin[row]), float(off[row])

    def decision(self, output: str, candidate: str) -> Decision:
        """The totals as plain data."""
        return Decision(
            output=output,
            candidate=candidate,
            classes=self.classes,
            rows=self.rows,
            ties=self.ties,
            top1=self.top1,
            top5=self.top5 if self.classes > _TOP else None,
            margin=self.margin if math.isfinite(self.margin) else None,
            difference=self.difference if math.isfinite(self.difference) else None,
            unstable=self.unstable,
            dense=self.dense,
        )


def _within(expected: torch.Tensor, actual: torch.Tensor, count: int) -> torch.Tensor:
    """For each row, whether the candidate's highest scores are among eager's, of which those that tie are as good."""
    lowest = expected.topk(count).values[:, -1:]
    return (expected.gather(1, actual.topk(count).indices) >= lowest).all(1)


def decision_notices(found: Sequence[Decision], agreeing: set[str]) -> Iterator[Notice]:
    """What is to be said of choices; ``agreeing`` are the candidates whose numbers are within the tolerance.

    Each output is said of once, with the candidate in which it is worst.
    """
    told = [decision for decision in found if decision.candidate in agreeing]
    for output in dict.fromkeys(decision.output for decision in told):
        worst = max((d for d in told if d.output == output), key=lambda d: (d.rows - d.top1, d.unstable))
        if not worst.rows and worst.ties:
            rows = f"In each of the {worst.ties:,} rows of {output} several classes share the highest score"
            yield _notice("notice", f"{rows}: that the file chooses the same class proves nothing.")
        elif worst.top1 < worst.rows:
            yield _changed(worst)
        elif worst.unstable:
            yield _notice("notice", f"{_unstable(worst)}; here it comes out the same.")


def _changed(worst: Decision) -> Notice:
    changed = worst.rows - worst.top1
    few = worst.dense and changed <= _DENSE_SHARE * worst.rows
    message = (
        f"{_unstable(worst)}; {worst.candidate} chooses another class than eager in {changed:,} of {worst.rows:,}."
    )
    return _notice("notice" if few else "warning", message)


def _unstable(worst: Decision) -> str:
    margin, difference = (
        f"{value:.2g}" if value is not None else "not finite" for value in (worst.margin, worst.difference)
    )
    return (
        f"Numerically equal, decision unstable: where {worst.output} is read as scores of {worst.classes:,} classes, "
        f"the highest is ahead by a margin of {margin} in a row whose scores differ by up to {difference}"
    )


def _notice(level: Literal["notice", "warning"], message: str) -> Notice:
    return Notice(level=level, code="decision", message=message)
