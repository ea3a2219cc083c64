"""The unit of an absolute tolerance: how large an output is, in each trial for itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from ptmobile.worker.comparing.metrics import largest
from ptmobile.worker.values.files import StoredTree

Loader = Callable[[str, int], StoredTree]


@dataclass(frozen=True)
class Scales:
    """``own``: the largest finite absolute value of each output in each trial. ``usual``: that of an average trial."""

    own: dict[str, dict[int, float]] = field(default_factory=dict)
    usual: dict[str, float] = field(default_factory=dict)

    def of(self, output: str, trial: int) -> float:
        """The scale of an output in a trial: its own, but no less than the usual one.

        So an output that is near zero in one trial (of zeros, or by chance) is judged by the size that it has in
        others, and one that is huge in one trial excuses nothing in the others.
        """
        return max(self.own.get(output, {}).get(trial, 0.0), self.usual.get(output, 0.0))


def scales_of(load: Loader, reference: str, trials: Sequence[int], large: Collection[int] = ()) -> Scales:
    """The scales of a variant's outputs. Trials with ``large`` inputs do not count for what is usual."""
    own: dict[str, dict[int, float]] = defaultdict(dict)
    for number in trials:
        for path, tensor in load(reference, number).numbers().items():
            own[path][number] = largest(tensor)
    return Scales(dict(own), {path: _usual(sizes, large) for path, sizes in own.items()})


def _usual(sizes: dict[int, float], large: Collection[int]) -> float:
    """The median (of an even number the upper one) over the trials that are not large; 0 without such."""
    ordinary = sorted(size for trial, size in sizes.items() if trial not in large)
    return ordinary[len(ordinary) // 2] if ordinary else 0.0
