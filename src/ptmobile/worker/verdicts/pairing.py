"""The pairs that are compared in a job: each once, and what the first that failed means."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from pathlib import Path

from ptmobile.result import Comparison, Failure, Notice, OutputComparison, Problem, Trial
from ptmobile.worker.comparing import Policy, compare_pair
from ptmobile.worker.comparing.changed_inputs import with_changed_inputs
from ptmobile.worker.comparing.pairs import PairSpec, load_from
from ptmobile.worker.comparing.rows import ROUNDING
from ptmobile.worker.values.files import Read

EAGER = "eager"
TRACED = "traced"
LARGE = "large"
_MOST_CAUSES = 3
TRACED_ONCE = (
    "Tracing writes down the sizes and the branches that the first input takes; method script keeps them in the file."
)

NEAR_TIES = (
    "Scores that are nearly equal are ordered by rounding, in every library anew. Untrained weights give such scores; "
    "trained ones, fewer candidates (topk_candidates, detections_per_img) or a higher score_thresh part them."
)


class Pairing:
    """Compares variants by what was kept of what their processes left.

    ``passed``: whether the stage of a variant went well. ``read`` gives the bytes of a kept file.
    """

    def __init__(
        self, scratch: Path, policy: Policy, passed: Callable[[str], bool], read: Read = Path.read_bytes
    ) -> None:
        self._read = read
        self.policy = policy
        self._passed = passed
        self.load = load_from(scratch, read)
        self.trials: Sequence[int] = ()
        self.large: frozenset[int] = frozenset()
        self.comparisons: list[Comparison] = []
        self._scratch = scratch

    def run_on(self, trials: Sequence[Trial]) -> None:
        """Say what the variants have run on."""
        self.trials = [trial.number for trial in trials]
        self.large = frozenset(trial.number for trial in trials if trial.distribution == LARGE)

    def compare(self, reference: str, candidate: str, *, exact: bool) -> None:
        """Compare two variants on every trial, if both have run to the end."""
        if self._complete(reference) and self._complete(candidate):
            pair = PairSpec(reference, candidate, "exact" if exact else "close", decides=False)
            outputs = compare_pair(pair, self.load, self.trials, self.policy, self.large)
            if not candidate.startswith("device"):  # what a library does to its inputs is not brought back
                outputs = with_changed_inputs(
                    outputs,
                    self._scratch,
                    self.trials,
                    lambda load, trials: compare_pair(pair, load, trials, self.policy, self.large),
                    self._read,
                )
            self.comparisons.append(outputs)

    def on_other_sizes(self, candidate: str, trial: int) -> Comparison:
        """A variant against the eager model on one input of a size that nobody declared."""
        return compare_pair(PairSpec(EAGER, candidate, "close", decides=False), self.load, [trial], self.policy)

    def _complete(self, variant: str) -> bool:
        ran = bool(self.trials) and (self._scratch / variant / f"{self.trials[-1]}.json").exists()
        return ran and self._passed(variant)

    def difference(self, reference: str, candidate: str) -> tuple[OutputComparison, ...]:
        """How two variants differ in each output; empty if they were not compared."""
        found = (c for c in self.comparisons if (c.reference, c.candidate) == (reference, candidate))
        return next((comparison.outputs for comparison in found), ())

    def first_difference(self, variants: Set[str]) -> Comparison | None:
        """The first comparison among some variants that did not pass."""
        among = (c for c in self.comparisons if {c.reference, c.candidate} <= variants)
        return next((comparison for comparison in among if not comparison.passed), None)


def mismatch(comparison: Comparison, *, deterministic: bool, notices: Sequence[Notice] = ()) -> Failure:
    """What a comparison that did not pass says about the model; warnings of the tracer name the likely cause."""
    finding = next((f for f in comparison.findings if f.fails), None)
    detail = f"{finding.output} {finding.message}" if finding else "the outputs differ"
    rows = next((finding for finding in comparison.findings if finding.kind == "rows"), None)
    if not deterministic:
        problem = Problem(
            title="The model is not deterministic",
            message=f"Two eager runs on the same input differ, so no comparison can succeed ({detail}).",
            advice="Take randomness and state out of forward for inference (dropout, noise, counters).",
        )
        return Failure(kind="nondeterministic", stage=EAGER, problem=problem)
    advice = ""
    if comparison.candidate == TRACED:
        advice = TRACED_ONCE
    elif comparison.owed == "exact" and finding is not None and finding.kind == "value":
        advice = "Equal bits are owed here; if small differences are fine, set rtol or atol."
    if rows is not None:
        detail += f". {rows.output} {rows.message}"
        advice = NEAR_TIES if ROUNDING in rows.message else advice
    written_down = [notice.message for notice in notices if notice.code == "tracer-warning"]
    if written_down and (comparison.candidate == TRACED or comparison.candidate.endswith("(trace)")):
        detail += f". The likely cause, of which the tracer warned: {'; '.join(written_down[:_MOST_CAUSES])}"
    trial = "?" if finding is None or finding.trial is None else finding.trial
    problem = Problem(
        title=f"{comparison.candidate} does not compute what {comparison.reference} computes",
        message=f"In trial {trial}, {detail.removesuffix('.')}.",
        advice=advice,
    )
    return Failure(kind="mismatch", stage=comparison.candidate, problem=problem)
