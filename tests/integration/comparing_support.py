"""Comparing values as a run does: by the files in which the processes of a worker leave their outputs."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ptmobile.protocol import Finished, decode, encode
from ptmobile.result import Comparison, ModelResult, Values
from ptmobile.worker.comparing import Policy, compare_pair
from ptmobile.worker.comparing.pairs import PairSpec
from ptmobile.worker.comparing.tolerance import Owed
from ptmobile.worker.values.files import StoredTree, load_tree, save_tree
from ptmobile.worker.values.trees import flatten

NAN, INF = math.nan, math.inf
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
COMPLEX = (torch.complex64, torch.complex128)


def stored(value: Any) -> StoredTree:
    """A value as the supervisor of a job reads it back."""
    with tempfile.TemporaryDirectory() as folder:
        save_tree(flatten(value), Path(folder, "0"))
        return load_tree(Path(folder, "0"))


def compare_trials(
    expected: Sequence[Any], actual: Sequence[Any], owed: Owed = "close", policy: Policy | None = None
) -> Comparison:
    """Compare the outputs of several trials."""
    trees = {("a", n): stored(v) for n, v in enumerate(expected)} | {("b", n): stored(v) for n, v in enumerate(actual)}
    pair = PairSpec("a", "b", owed, decides=True)
    comparison = compare_pair(pair, lambda name, n: trees[name, n], range(len(expected)), policy or Policy())
    travels(comparison)
    return comparison


def compare(expected: Any, actual: Any, owed: Owed = "close", policy: Policy | None = None) -> Comparison:
    """Compare the outputs of one trial."""
    return compare_trials([expected], [actual], owed, policy)


def tensors(*numbers: float, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.tensor(numbers, dtype=dtype)


def values_of(comparison: Comparison, output: str = "out") -> Values:
    (values,) = [found.values for found in comparison.outputs if found.output == output]
    assert values is not None
    return values


def kinds(comparison: Comparison) -> list[tuple[str, str, bool]]:
    """Every finding: what differs, where, and whether that fails."""
    return [(finding.kind, finding.output, finding.fails) for finding in comparison.findings]


def travels(comparison: Comparison) -> None:
    """Whatever is found must pass the strict reading on the host's side."""
    message = Finished(result=ModelResult(comparisons=(comparison,)))
    assert decode(encode(message)) == message
