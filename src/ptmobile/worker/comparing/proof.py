"""What agreement proves: nothing, where the output is zero, or does not react to the input."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch

from ptmobile.result import Notice, OutputCard, Trial
from ptmobile.worker.comparing.metrics import largest, real
from ptmobile.worker.comparing.scales import Loader
from ptmobile.worker.comparing.tolerance import Policy
from ptmobile.worker.values.files import FLOAT, StoredTree

EAGER, LARGE = "eager", "large"
# A file that ignored its input would be off by the output's reaction; below this many tolerances that could pass.
MARGIN = 10.0


def proof_notices(load: Loader, trials: Sequence[Trial], policy: Policy) -> list[Notice]:
    """Warnings about outputs of the eager model on which a comparison proves little.

    Trials with large inputs do not count, if there are others: what reacts only to those hides errors all the same.
    """
    different = [trial for trial in trials if trial.repeats is None]
    ordinary = [trial for trial in different if trial.distribution != LARGE] or different
    varied = any(trial.seed is not None for trial in ordinary)
    outputs: dict[str, dict[torch.Size, list[torch.Tensor]]] = defaultdict(lambda: defaultdict(list))
    dtypes: dict[str, str] = {}
    for trial in ordinary:
        tree = load(EAGER, trial.number)
        for path, tensor in tree.numbers().items():
            outputs[path][tensor.shape].append(tensor)
            dtypes[path] = tree.dtypes.get(path, FLOAT)
    if not outputs:
        return [_warning("no-tensor", "The model returns no tensor, so there are no values to compare.")]
    notices = [_zero_or_still(path, groups, dtypes[path], policy, varied=varied) for path, groups in outputs.items()]
    return [notice for notice in notices if notice is not None]


def not_finite(load: Loader, trials: Sequence[Trial]) -> list[Notice]:
    """Where the eager model itself gives infinities or NaN for inputs of one kind, and none for the first."""
    told: dict[str, Notice] = {}
    for trial in trials[1:]:
        for path, tensor in load(EAGER, trial.number).numbers().items():
            first = load(EAGER, trials[0].number).numbers().get(path)
            count = int((~torch.isfinite(real(tensor))).sum())
            if count and trial.distribution and first is not None and bool(torch.isfinite(real(first)).all()):
                message = (
                    f"{path} of the eager model has {count} values that are infinite or NaN in trial {trial.number} "
                    f"({trial.distribution}); the file must have them too. Where such inputs make no sense, leave them "
                    "out of `distributions`."
                )
                told.setdefault(f"{path} {trial.distribution}", _notice("not-finite", message))
    return list(told.values())


def _zero_or_still(
    path: str, groups: dict[torch.Size, list[torch.Tensor]], dtype: str, policy: Policy, *, varied: bool
) -> Notice | None:
    tensors = [tensor for group in groups.values() for tensor in group]
    if not any(tensor.numel() for tensor in tensors):
        return _warning("empty-output", f"{path} is empty in every trial, so its comparison proves nothing.")
    if all(bool(torch.isnan(real(tensor)).all()) for tensor in tensors):
        return _warning("nan-output", f"{path} is NaN in every element, so its comparison proves nothing.")
    scale = max(largest(tensor) for tensor in tensors)
    if scale == 0.0 and not any(bool(torch.isinf(real(tensor)).any()) for tensor in tensors):
        return _warning(
            "zero-output", f"{path} is zero in every element of every trial (but the large ones): that proves nothing."
        )
    reaction = max((_reaction(group) for group in groups.values()), default=0.0)
    if not varied or all(len(group) < 2 for group in groups.values()):
        return None
    tolerance = policy.tolerance("close", dtype, scale, None)
    if reaction == 0.0:
        return _warning(
            "still-output", f"{path} is the same for every input: a file that ignores its input would pass too."
        )
    if reaction <= MARGIN * (tolerance.atol + tolerance.rtol * scale):
        return _warning(
            "still-output",
            f"{path} hardly reacts to the input (by {reaction / scale:.1e} of its size, little more than the "
            "tolerance): a file that ignores its input could pass. Untrained weights are the usual reason.",
        )
    return None


def _reaction(group: list[torch.Tensor]) -> float:
    """How far an output moves when the input is replaced: the largest change of an element between two trials."""
    first = real(group[0])
    changes = [(real(other) - first).abs() for other in group[1:]]
    return max((float(change.nan_to_num(nan=0.0).max()) for change in changes if change.numel()), default=0.0)


def _notice(code: str, message: str) -> Notice:
    return Notice(level="notice", code=code, message=message)


def _warning(code: str, message: str) -> Notice:
    return Notice(level="warning", code=code, message=message)


def output_cards(tree: StoredTree) -> tuple[OutputCard, ...]:
    """What the eager model returns, in a form that an app developer can use."""
    cards = [OutputCard(output=path, kind=kind) for path, (kind, _) in tree.containers.items()]
    for path, leaf in tree.leaves.items():
        if isinstance(leaf, torch.Tensor):
            cards.append(
                OutputCard(
                    output=path,
                    kind="tensor",
                    dtype=tree.dtypes[path],
                    shape=tuple(leaf.shape),
                    memory_format=tree.formats[path],
                )
            )
        else:
            cards.append(OutputCard(output=path, kind=type(leaf).__name__))
    return tuple(cards)
