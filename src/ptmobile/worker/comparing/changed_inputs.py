"""Inputs that a variant has written to: what an app finds in its own tensors after a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from msgspec.structs import replace

from ptmobile.result import Comparison, Finding
from ptmobile.worker.comparing.metrics import identical
from ptmobile.worker.comparing.scales import Loader
from ptmobile.worker.values import trees as values
from ptmobile.worker.values.files import Read, StoredTree, load_tree, save_tree

INPUTS = "inputs"


def keep_changed(given: Sequence[torch.Tensor], after: Sequence[torch.Tensor], stem: Path) -> None:
    """Leave the arguments of a call beside its outputs (``stem``), if the call has changed one of them."""
    same = all(a.shape == b.shape and a.dtype == b.dtype and identical(a, b) for a, b in zip(given, after, strict=True))
    if not same:
        save_tree(values.flatten(list(after), "input"), _beside(stem))


def changes_inputs(folder: Path, trials: Sequence[int]) -> bool:
    """Whether a variant, which has left its outputs in a folder, changes its inputs in any trial."""
    return any(_changed(folder, number) for number in trials)


def with_changed_inputs(
    comparison: Comparison,
    scratch: Path,
    trials: Sequence[int],
    compare: Callable[[Loader, Sequence[int]], Comparison],
    read: Read = Path.read_bytes,
) -> Comparison:
    """A comparison of outputs, with what is to be said of the inputs after the calls, which ``compare`` compares.

    A variant that leaves alone what its reference changes is no worse for it; one that changes what the reference
    leaves alone, or changes it otherwise, fails.
    """
    folders = {name: scratch / name for name in (comparison.reference, comparison.candidate)}
    touched = [number for number in trials if any(_changed(folder, number) for folder in folders.values())]
    if not touched:
        return comparison

    def load(variant: str, number: int) -> StoredTree:
        stem = folders[variant] / str(number)
        changed = _changed(folders[variant], number)
        return load_tree(_beside(stem) if changed else scratch / INPUTS / str(number), read)

    after = compare(load, touched)
    findings = tuple(_finding(f, folders[comparison.candidate]) for f in after.findings if f.fails)
    return replace(
        comparison,
        passed=comparison.passed and not any(finding.fails for finding in findings),
        equal=comparison.equal and after.equal,
        findings=(*comparison.findings, *findings),
    )


def _finding(found: Finding, candidate: Path) -> Finding:
    if found.trial is not None and not _changed(candidate, found.trial):
        return replace(found, message="is left alone, where the reference changes it in place", fails=False)
    return replace(found, message=f"after the call {found.message}")


def _changed(folder: Path, number: int) -> bool:
    return _beside(folder / str(number)).with_suffix(".json").exists()


def _beside(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}-inputs")
