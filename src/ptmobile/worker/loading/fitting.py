"""Putting a state dict into a module: wrappers' prefixes, differences named all at once, conversions told."""

from __future__ import annotations

import difflib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import torch

from ptmobile.errors import LoadError
from ptmobile.result import Notice
from ptmobile.worker.loading.state_dicts import is_tensor, summary

# Names that wrappers put into the path of a module: DataParallel and DistributedDataParallel; torch.compile.
WRAPPERS = {"module": "DataParallel", "_orig_mod": "torch.compile"}
# The attribute in which a LightningModule usually keeps the model.
LIGHTNING_PREFIX = "model."
_LISTED = 10
_TRACKED = ".num_batches_tracked"


@dataclass
class StateDict:
    """Entries by key, and the versions of the modules that wrote them (``_metadata``) by path."""

    entries: dict[str, object]
    metadata: dict[str, object] = field(default_factory=dict)

    def renamed(self, rename: Callable[[str], str]) -> StateDict:
        """The same with other keys; paths in the metadata are keys without their last dot."""
        return StateDict(
            {rename(key): value for key, value in self.entries.items()},
            {rename(f"{path}.").removesuffix(".") if path else "": value for path, value in self.metadata.items()},
        )


def fit_keys(state: StateDict, expected: Iterable[str]) -> tuple[StateDict, list[Notice]]:
    """Take wrappers' names out of the keys where the model has none of them."""
    notices: list[Notice] = []
    wanted = set(expected)
    for component, wrapper in WRAPPERS.items():
        if any(component in key.split(".") for key in wanted):
            continue
        affected = sum(component in key.split(".") for key in state.entries)
        fitted = state.renamed(_without(component))
        if affected and len(fitted.entries) == len(state.entries):
            state = fitted
            notices.append(_prefix_notice(f"{component}.", wrapper, affected))
    if all(key.startswith(LIGHTNING_PREFIX) for key in state.entries):
        fitted = state.renamed(lambda key: key.removeprefix(LIGHTNING_PREFIX))
        if not set(fitted.entries) ^ wanted:
            state = fitted
            notices.append(_prefix_notice(LIGHTNING_PREFIX, "a LightningModule", len(state.entries)))
    return state, notices


def _without(component: str) -> Callable[[str], str]:
    return lambda key: ".".join(part for part in key.split(".") if part != component)


def _prefix_notice(prefix: str, wrapper: str, count: int) -> Notice:
    message = f"{prefix!r}, which {wrapper} puts before names, was taken out of {count} of the checkpoint's keys."
    return Notice(level="notice", code="weights-prefix", message=message)


def load_into(module: torch.nn.Module, state: StateDict, shown: str) -> list[Notice]:
    """Load tensors by ``load_state_dict``, strictly.

    Raises:
        LoadError: keys are missing or unexpected or have another shape: all of them in one message.
    """
    own: dict[str, object] = dict(module.state_dict())
    mapping: OrderedDict[str, object] = OrderedDict(state.entries)
    if state.metadata:
        vars(mapping)["_metadata"] = OrderedDict(state.metadata)
    conversions = _conversions(own, state.entries)
    # load_state_dict decides, not our comparison: modules may rename keys of their older versions while loading.
    try:
        module.load_state_dict(mapping, strict=True)
    except Exception as error:
        raise _misfit(own, state.entries, shown, error) from error
    return [*conversions, *_not_finite(module)]


def _conversions(own: Mapping[str, object], entries: Mapping[str, object]) -> list[Notice]:
    changed: Counter[str] = Counter()
    for key, value in entries.items():
        mine = own.get(key)
        if isinstance(value, torch.Tensor) and isinstance(mine, torch.Tensor) and value.dtype != mine.dtype:
            changed[f"from {_short(value.dtype)} to {_short(mine.dtype)}"] += 1
    return [
        Notice(
            level="notice", code="weights-dtype", message=f"{count} tensors were converted {what}, the model's type."
        )
        for what, count in changed.items()
    ]


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _not_finite(module: torch.nn.Module) -> list[Notice]:
    bad = [
        key
        for key, value in module.state_dict().items()
        if isinstance(value, torch.Tensor) and value.is_floating_point() and not bool(torch.isfinite(value).all())
    ]
    if not bad:
        return []
    message = f"The weights hold NaN or infinity in {_listed(bad)}: the training has probably diverged."
    return [Notice(level="warning", code="weights-not-finite", message=message)]


def _misfit(own: Mapping[str, object], entries: Mapping[str, object], shown: str, error: Exception) -> LoadError:
    missing = [key for key in own if key not in entries and not key.endswith(_TRACKED)]
    unexpected = [key for key in entries if key not in own]
    common = [(key, own[key], value) for key, value in entries.items() if key in own]
    no_tensors = [
        f"{key} is {summary(value)}" for key, mine, value in common if is_tensor(mine) and not is_tensor(value)
    ]
    shapes = [
        f"{key} is {list(value.shape)} in the file, {list(mine.shape)} in the model"
        for key, mine, value in common
        if isinstance(mine, torch.Tensor) and isinstance(value, torch.Tensor) and mine.shape != value.shape
    ]
    parts = {
        "missing (in the model, not in the file)": missing,
        "unexpected (in the file, not in the model)": unexpected,
        "of another shape": shapes,
        "no tensors": no_tensors,
    }
    found = {title: keys for title, keys in parts.items() if keys}
    if not found:  # a module's own code has refused
        return LoadError(f"{shown} does not fit the model: {str(error).strip()[:2000]}")
    counts = ", ".join(f"{len(keys)} {title.partition(' (')[0]}" for title, keys in found.items())
    lines = [f"{shown} does not fit the model: {counts}"]
    lines += [f"{title}: {_listed(keys)}" for title, keys in found.items()]
    return LoadError("\n".join(lines), advice=_advice(own, entries, missing, unexpected, shapes))


def _advice(
    own: Mapping[str, object],
    entries: Mapping[str, object],
    missing: list[str],
    unexpected: list[str],
    shapes: list[str],
) -> str:
    if not own:
        return "The model has no weights to load: none were registered, or it is a frozen TorchScript model."
    if unexpected and missing:
        if hint := _prefix_hint(set(own), set(entries)):
            return hint
        if not set(own) & set(entries):
            return "No key fits: is this the checkpoint of this model? `weights-key` chooses another part of the file."
        near = [(key, difflib.get_close_matches(key, missing[:500], n=1, cutoff=0.7)) for key in unexpected[:5]]
        pairs = ", ".join(f"{key} ~ {match[0]}" for key, match in near if match)
        if pairs:
            return f"Nearest names (file ~ model): {pairs}."
    if shapes and not missing and not unexpected:
        return (
            "The model was built with other sizes than the one that was trained; give the sizes of the training in "
            "`model-args`, for example the number of classes."
        )
    if missing and not unexpected:
        return "The file holds only a part of the model's weights, or of an older version of its class."
    return "The file belongs to another version of the model's class, or to a larger model around it."


def _prefix_hint(own: set[str], entries: set[str]) -> str:
    """Whether one more or one less name at the front of all keys would make most of them fit."""
    for longer, shorter, where in ((entries, own, "the file's keys"), (own, entries, "the model's keys")):
        prefix = min(longer).partition(".")[0] + "."
        if all(key.startswith(prefix) for key in longer):
            fitting = sum(key.removeprefix(prefix) in shorter for key in longer)
            if fitting * 2 > len(longer):
                return (
                    f"{fitting} of {len(longer)} keys would fit without the {prefix!r} that begins all of {where}: "
                    "is `model` the class that was trained, or one around it or inside it?"
                )
    return ""


def _listed(keys: list[str]) -> str:
    more = len(keys) - _LISTED
    # Names need no more than a comma; a shape has commas of its own.
    between = "; " if any(" is " in key for key in keys) else ", "
    return between.join(key[:200] for key in keys[:_LISTED]) + (f" and {more} more" if more > 0 else "")
