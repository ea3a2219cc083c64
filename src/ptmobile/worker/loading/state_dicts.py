"""Finding the state dict in what a checkpoint holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from ptmobile.errors import LoadError
from ptmobile.spec.problems import suggestion
from ptmobile.worker.loading.pickle_records import Named, StoredTensor, Unread

# Where training loops put their weights, the most usual first.
USUAL_KEYS = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "params", "weights"),
    *("ema_state_dict", "model_ema", "ema", "params_ema"),
)
_DEPTH = 3
_SHOWN = 12


@dataclass(frozen=True)
class FoundStateDict:
    """A state dict and where it was. ``key`` is empty if it is the whole file."""

    entries: Mapping[str, object]
    metadata: Mapping[str, object]
    key: str = ""
    others: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def find_state_dict(contents: object, weights_key: str | None, shown: str) -> FoundStateDict:
    """The state dict under ``weights_key``, or the one under the first of the usual keys, or the file itself.

    Raises:
        LoadError: there is none; the message says what the file holds instead, and which keys would do.
    """
    if weights_key is not None:
        return _under_key(contents, weights_key, shown)
    nested = dict(_candidates(contents, USUAL_KEYS))
    if nested:
        key, *others = nested
        return _found(nested[key], key, tuple(others), _beside(contents, key))
    if _is_state_dict(contents):
        return _found(contents)
    unusual = dict(_candidates(contents, None))
    if unusual:
        listed = ", ".join(f"{key} ({_tensor_count(value)} tensors)" for key, value in list(unusual.items())[:_SHOWN])
        raise LoadError(
            f"{shown} holds weights under no usual key; found under: {listed}",
            advice=f"Choose with `weights-key`, for example `weights-key: {next(iter(unusual))}`.",
        )
    raise _no_state_dict(contents, shown)


def is_tensor(value: object) -> bool:
    """A tensor, or the record of one."""
    return isinstance(value, StoredTensor | torch.Tensor)


def summary(value: object) -> str:
    """What a value is, in a few words."""
    if isinstance(value, Unread):
        return f"a whole pickled module of the class {value.name}" if value.is_module else f"an object of {value.name}"
    if isinstance(value, Named):
        return value.name
    if isinstance(value, torch.nn.Module):
        return f"a whole pickled module of the class {type(value).__name__}"
    if is_tensor(value):
        return "a single tensor"
    if isinstance(value, Mapping):
        keys = ", ".join(str(key)[:60] for key in list(value)[:_SHOWN])
        return f"a dict with the keys {keys}" + ("…" if len(value) > _SHOWN else "") if value else "an empty dict"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _under_key(contents: object, weights_key: str, shown: str) -> FoundStateDict:
    value = _walk(contents, weights_key)
    if value is None:
        keys = [*dict(_candidates(contents, None)), *_children(contents)]
        there = ", ".join(dict.fromkeys(keys[:_SHOWN])) or summary(contents)
        near = suggestion(weights_key, keys)
        raise LoadError(f"{shown} has nothing under the weights-key {weights_key!r}{near}; there is: {there}")
    if isinstance(value, torch.nn.Module):
        value = value.state_dict()
    if not _is_state_dict(value):
        inner = dict(_candidates(value, None))
        hint = f"For example `weights-key: {weights_key}.{next(iter(inner))}`." if inner else _advice(value)
        raise LoadError(f"{shown} has {summary(value)} under {weights_key!r}, not a state dict", advice=hint)
    return _found(value, weights_key, (), _beside(contents, weights_key))


def _found(value: object, key: str = "", others: tuple[str, ...] = (), beside: tuple[str, ...] = ()) -> FoundStateDict:
    if isinstance(value, torch.nn.Module):
        value = value.state_dict()
    assert isinstance(value, Mapping)  # noqa: S101 - for the type checker: _is_state_dict has said so
    metadata = getattr(value, "_metadata", None)
    return FoundStateDict(value, metadata if isinstance(metadata, Mapping) else {}, key, others, beside)


def _is_state_dict(value: object) -> bool:
    if isinstance(value, torch.nn.Module):
        return True
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value) and _tensor_count(value) > 0


def _tensor_count(value: object) -> int:
    if isinstance(value, torch.nn.Module):
        value = value.state_dict()
    return sum(is_tensor(entry) for entry in value.values()) if isinstance(value, Mapping) else 0


def _children(value: object) -> dict[str, object]:
    """The entries of a container by the text that names them in ``weights-key``; lists count from 0."""
    if isinstance(value, Mapping):
        return {str(key): entry for key, entry in value.items() if isinstance(key, str | int)}
    if isinstance(value, list | tuple):
        return {str(index): entry for index, entry in enumerate(value)}
    return {}


def _candidates(value: object, keys: tuple[str, ...] | None, depth: int = _DEPTH) -> Iterator[tuple[str, object]]:
    """State dicts below the value with the path of keys that leads to each; of ``keys`` only, if given."""
    children = _children(value)
    if depth == 0 or isinstance(value, torch.nn.Module):
        return
    for key in keys if keys is not None else list(children)[:1000]:
        child = children.get(key)
        if _is_state_dict(child):
            yield key, child
        elif child is not None:
            yield from ((f"{key}.{rest}", found) for rest, found in _candidates(child, keys, depth - 1))


def _walk(value: object, key: str) -> object | None:
    """The entry under a key with dots. A key of the file may itself have dots, so every way to cut it is tried."""
    children = _children(value)
    if key in children:
        return children[key]
    parts = key.split(".")
    for count in range(1, len(parts)):
        head = ".".join(parts[:count])
        if head in children and (found := _walk(children[head], ".".join(parts[count:]))) is not None:
            return found
    return None


def _beside(contents: object, key: str) -> tuple[str, ...]:
    """Names of what lies beside the state dict at the top of the file."""
    return tuple(name for name in _children(contents) if name != key and not key.startswith(f"{name}."))


def _no_state_dict(contents: object, shown: str) -> LoadError:
    """For a pickled module, at the top or under a usual key, that is the news; else what there is."""
    whole = contents
    for key in USUAL_KEYS:
        child = _children(contents).get(key)
        if isinstance(child, Unread) and child.is_module:
            whole = child
            break
    return LoadError(f"{shown} holds {summary(whole)}, not a state dict", advice=_advice(whole))


def _advice(value: object) -> str:
    if isinstance(value, Unread) and value.is_module:
        return (
            "Loading it would run code from the file. Save the weights alone, torch.save(model.state_dict(), PATH), "
            "and name the class in `model`. If you trust the file, `allow-pickle: true` takes the weights out of it."
        )
    if isinstance(value, Unread):
        return "If you trust the file, `allow-pickle: true` reads it with the full pickle, which runs code it names."
    return "A state dict is what model.state_dict() returns: tensors by the names of parameters and buffers."
