"""One variant against another: container, shape, dtype, memory format and values are separate findings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from ptmobile.result import Comparison, Finding, FindingKind, Located, OutputComparison
from ptmobile.worker.adapting.records import load_adaptation, method_of
from ptmobile.worker.comparing.metrics import Gathered, identical
from ptmobile.worker.comparing.rows import rows_of
from ptmobile.worker.comparing.scales import Loader, Scales, scales_of
from ptmobile.worker.comparing.tolerance import Owed, Policy, Tolerance
from ptmobile.worker.values.files import FLOAT, Read, StoredTree, as_tensor, load_tree
from ptmobile.worker.values.trees import SEEN_AS, describe

MAX_FINDINGS = 20


def load_from(scratch: Path, read: Read = Path.read_bytes) -> Loader:
    """Read the outputs of a variant in a trial from the folder where they were kept; ``read`` gives a file's bytes.

    What a road returns in another form than the eager model is brought back into that.
    """

    def load(variant: str, trial: int) -> StoredTree:
        tree = load_tree(scratch / variant / str(trial), read)
        method = method_of(variant)
        adaptation = load_adaptation(method, scratch, read) if method else None
        return adaptation.restored(tree) if adaptation else tree

    return load


@dataclass
class _Pair:
    """The state of one comparison: findings, and totals per output."""

    owed: Owed
    policy: Policy
    scales: Scales
    findings: list[Finding] = field(default_factory=list)
    gathered: dict[str, Gathered] = field(default_factory=dict)
    unequal: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    seen: dict[str, None] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def find(self, kind: FindingKind, output: str, trial: int, message: str, *, fails: bool = True) -> None:
        if fails:
            self.failed.add(output)
            self.unequal.add(output)
        if any((f.kind, f.output, f.message) == (kind, output, message) for f in self.findings):
            return  # the same in every trial: said once
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(kind=kind, output=output, trial=trial, message=message, fails=fails))

    def trial(self, number: int, expected: StoredTree, actual: StoredTree) -> None:
        self._containers(number, expected, actual)
        for path in expected.leaves:
            self.seen.setdefault(path)
            if path not in actual.leaves:
                self.find("container", path, number, "is missing")
                continue
            self._leaf(number, path, expected, actual)
        for path in actual.leaves:
            if path not in expected.leaves:
                self.seen.setdefault(path)
                self.find("container", path, number, "is there, but not in the reference")
        self._rows(number, expected, actual)

    def _rows(self, number: int, expected: StoredTree, actual: StoredTree) -> None:
        """Say of outputs that failed whether their rows are there in another order; once, of the first trial."""
        new = self.failed - self.told
        allowed = partial(self._tolerance, number, expected=expected)
        for rows in rows_of(expected, actual, new, allowed) if new else ():
            self.find("rows", rows.output, number, rows.message, fails=False)
        self.told |= new

    def _tolerance(self, number: int, path: str, expected: StoredTree) -> Tolerance:
        dtype, scale = expected.dtypes.get(path, FLOAT), self.scales.of(path, number)
        tolerance = self.policy.tolerance(self.owed, dtype, scale, expected.quanta.get(path))
        return self.policy.with_room(tolerance, self.owed, path, number, self.scales.own.get(path, {}).get(number, 0.0))

    def _containers(self, number: int, expected: StoredTree, actual: StoredTree) -> None:
        for path in sorted({*expected.containers, *actual.containers}):
            kinds = [_kind(tree, path) for tree in (expected, actual)]
            if _reordered(expected, actual, path):
                message = "has its keys in another order than the reference: take its items by their keys"
                self.find("container", path, number, message, fails=False)
            if kinds[0] == kinds[1]:
                continue
            same_to_an_app = SEEN_AS.get(kinds[0], kinds[0]) == SEEN_AS.get(kinds[1], kinds[1])
            message = f"is of kind {kinds[1]}, the reference of kind {kinds[0]}"
            self.find("container", path, number, message, fails=not same_to_an_app)

    def _leaf(self, number: int, path: str, expected: StoredTree, actual: StoredTree) -> None:
        e, a = expected.leaves[path], actual.leaves[path]
        if isinstance(e, float) and isinstance(a, float):
            self._values(number, path, as_tensor(e), as_tensor(a), expected)
            return
        if not (isinstance(e, torch.Tensor) and isinstance(a, torch.Tensor)):
            if type(e) is not type(a) or e != a:
                self.find("value", path, number, f"is {describe(a)}, the reference is {describe(e)}")
            return
        if expected.dtypes[path] != actual.dtypes[path]:
            self.find("dtype", path, number, f"is {actual.dtypes[path]}, the reference {expected.dtypes[path]}")
        if e.shape != a.shape:
            self.find("shape", path, number, f"is {list(a.shape)}, the reference {list(e.shape)}")
            return
        self._memory_format(number, path, expected.formats[path], actual.formats[path])
        self._values(number, path, e, a, expected)

    def _memory_format(self, number: int, path: str, expected: str, actual: str) -> None:
        if expected == actual or "either" in (expected, actual):
            return
        if "channels_last" in (expected, actual):
            message = f"is {actual}, the reference {expected}: an app that reads the raw data sees another order"
            self.find("memory-format", path, number, message, fails=False)

    def _values(self, number: int, path: str, e: torch.Tensor, a: torch.Tensor, expected: StoredTree) -> None:
        tolerance, scale = self._tolerance(number, path, expected), self.scales.of(path, number)
        trial = self.gathered.setdefault(path, Gathered()).add(e, a.to(e.dtype), tolerance, scale, number)
        if not identical(e, a.to(e.dtype)):
            self.unequal.add(path)
        if trial.one_sided_nan:
            self.find("nan", path, number, f"has {trial.one_sided_nan} NaN on one side only")
        elif trial.mismatched:
            if path not in self.failed:
                self.find("value", path, number, _difference(trial.max_abs, trial.at, self.owed))
            self.failed.add(path)


def _kind(tree: StoredTree, path: str) -> str:
    if path in tree.containers:
        return tree.containers[path][0]
    leaf = tree.leaves.get(path)
    return "tensor" if isinstance(leaf, torch.Tensor) else type(leaf).__name__ if path in tree.leaves else "nothing"


def _reordered(expected: StoredTree, actual: StoredTree, path: str) -> bool:
    """Whether both have the same keys in another order. Dictionaries in Java have none, so that is no failure."""
    kinds = {SEEN_AS.get(kind, kind) for kind in (_kind(expected, path), _kind(actual, path))}
    if kinds != {"dict"}:
        return False
    mine, theirs = (tree.containers[path][1] for tree in (expected, actual))
    return mine != theirs and sorted(mine) == sorted(theirs)


def _difference(max_abs: float, at: Located | None, owed: Owed) -> str:
    where = f" at {list(at.index)}: {at.actual}, expected {at.expected}" if at else ""
    limit = "exact equality is owed" if owed == "exact" else "beyond the tolerance"
    return f"differs by up to {max_abs:.3g}{where} ({limit})"


@dataclass(frozen=True)
class PairSpec:
    """Which two variants, what they owe each other, and whether the pair decides about the shipped file."""

    reference: str
    candidate: str
    owed: Owed
    decides: bool


def compare_pair(
    spec: PairSpec, load: Loader, trials: Sequence[int], policy: Policy, large: Collection[int] = ()
) -> Comparison:
    """Compare two variants over all trials. A comparison that itself fails is a failed comparison.

    ``large`` are the trials whose inputs are so, which say nothing about the size that an output has otherwise.
    """
    owed = policy.owed(spec.owed)
    pair = _Pair(owed, policy, Scales())
    try:
        pair.scales = scales_of(load, spec.reference, trials, large)
        for number in trials:
            pair.trial(number, load(spec.reference, number), load(spec.candidate, number))
    except Exception as error:  # noqa: BLE001 - whatever went wrong, equality has not been shown
        pair.find("error", "out", -1, f"could not be compared: {type(error).__name__}: {error}"[:2000])
        pair.seen.setdefault("out")
    outputs = tuple(
        OutputComparison(
            output=path,
            equal=path not in pair.unequal,
            passed=path not in pair.failed,
            values=pair.gathered[path].values() if path in pair.gathered else None,
        )
        for path in pair.seen
    )
    return Comparison(
        reference=spec.reference,
        candidate=spec.candidate,
        owed=owed,
        decides=spec.decides,
        passed=not pair.failed,
        equal=not pair.unequal,
        trials=len(trials),
        outputs=outputs,
        findings=tuple(pair.findings),
    )
