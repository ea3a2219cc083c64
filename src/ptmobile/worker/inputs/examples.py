"""The inputs of every trial, drawn from the specification with a seed that the report names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ptmobile.errors import LoadError
from ptmobile.result import Trial
from ptmobile.spec.conversion import ConversionSpec, Distribution, ExampleInput
from ptmobile.worker.adapting.arguments import Layout
from ptmobile.worker.inputs.drawing import draw
from ptmobile.worker.loading.checkpoints import open_tensor_file
from ptmobile.worker.loading.state_dicts import summary
from ptmobile.worker.values.trees import describe

#: Every variant runs as often at least on each shape.
FEWEST_RUNS = 3
_NUMPY_FORMATS = (b"\x93NUMPY", b"PK")
_ADVICE = "It must be a .npy or .npz of numbers (numpy.save, numpy.savez), or a .pt of tensors (torch.save)."


@dataclass(frozen=True)
class TrialInputs:
    """The arguments of one trial, ready to be cloned for each run.

    ``layout`` says which of them make up lists; it is known before the model is loaded back from a file only.
    ``distribution`` and ``repeats`` are those of :class:`ptmobile.result.Trial`.
    """

    number: int
    seed: int | None
    arguments: tuple[torch.Tensor, ...]
    layout: Layout = ()
    distribution: str = ""
    repeats: int | None = None

    def described(self) -> Trial:
        """The trial as the report shows it."""
        return Trial(
            number=self.number,
            seed=self.seed,
            arguments=tuple(describe(a) for a in self.arguments),
            distribution=self.distribution,
            repeats=self.repeats,
        )


def make_trials(spec: ConversionSpec, entries: tuple[ExampleInput, ...], workspace: Path) -> list[TrialInputs]:
    """``spec.trials`` trials for each alternative of shapes; trial ``n`` is drawn with the seed ``spec.seed + n``.

    They take the distributions in turn. Data files alone make one trial. The first trial of an alternative is repeated
    until there are three, since some broken files fail at their third run only.

    Raises:
        LoadError: a data file cannot be read, or holds something that is no tensor.
    """
    data = {entry.file: read_data_file(workspace / entry.file, entry.key) for entry in entries if entry.file}
    drawn = any(not entry.file for entry in entries)
    trials: list[TrialInputs] = []
    for alternative in range(max((len(entry.alternatives()) for entry in entries), default=1) or 1):
        first = len(trials)
        for turn in range(spec.trials if drawn else 1):
            number, kind = len(trials), spec.distributions[turn % len(spec.distributions)]
            generator = torch.Generator().manual_seed(spec.seed + number)
            given = [
                data[entry.file] if entry.file else _drawn(entry, alternative, kind, generator) for entry in entries
            ]
            layout = tuple(chain.from_iterable(map(_layout, entries, given)))
            arguments = tuple(chain.from_iterable(given))
            seed = spec.seed + number if drawn else None
            trials.append(TrialInputs(number, seed, arguments, layout, kind if drawn else ""))
        while len(trials) < first + FEWEST_RUNS:
            trials.append(replace(trials[first], number=len(trials), repeats=first))
    return trials


def _drawn(entry: ExampleInput, alternative: int, kind: Distribution, generator: torch.Generator) -> list[torch.Tensor]:
    shapes = entry.alternatives()
    shape = shapes[min(alternative, len(shapes) - 1)]
    return [draw(entry, shape, kind, generator) for _ in range(entry.list_of or 1)]


def _layout(entry: ExampleInput, tensors: list[torch.Tensor]) -> Layout:
    """What the tensors of an entry are to the model: arguments, or the list that one argument is."""
    if entry.list_of is None:
        return (None,) * len(tensors)
    if len(tensors) != entry.list_of:
        raise LoadError(
            f"The data file {entry.file} gives {len(tensors)} tensors, where list-of says {entry.list_of}.",
            advice="Give list-of as many as it holds, or name one by key.",
        )
    return (entry.list_of,)


def read_data_file(path: Path, key: str | None) -> list[torch.Tensor]:
    """The tensors of a data file: one of ``.npy``; all (or the one named by ``key``) of ``.npz`` and ``.pt``.

    Nothing in the file can run code: NumPy reads without pickle, ``.pt`` files go through the restricted unpickler.

    Raises:
        LoadError: the file cannot be read as that; the message says why.
    """
    try:
        values = _read_torch(path) if path.suffix.lower() in (".pt", ".pth") else _read_numpy(path)
    except LoadError:
        raise
    except Exception as error:
        reason = "it holds Python objects" if "allow_pickle" in str(error) else str(error)
        raise LoadError(f"The data file {path.name} cannot be read: {reason}", advice=_ADVICE) from error
    if isinstance(values, dict):
        values = _select(values, key, path.name)
    elif key is not None:
        raise LoadError(f"The data file {path.name} holds no named arrays, but the key {key!r} is asked for.")
    return [_tensor(value, path.name) for value in values]


def _read_numpy(path: Path) -> Any:
    with path.open("rb") as file:
        head = file.read(max(map(len, _NUMPY_FORMATS)))
    if not head.startswith(_NUMPY_FORMATS):
        what = "is not in NumPy's format" if head else "is empty"
        raise LoadError(f"The data file {path.name} {what}", advice=_ADVICE)
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return [loaded]
    with loaded:
        return {name: loaded[name] for name in loaded.files}


def _read_torch(path: Path) -> Any:
    """Tensors saved by ``torch.save``: one, a list or tuple of them, or a dict."""
    with open_tensor_file(path, path.name) as file:
        contents = file.contents
        if isinstance(contents, dict):
            return {str(key): file.materialise(value) for key, value in contents.items()}
        return [file.materialise(value) for value in (contents if isinstance(contents, list | tuple) else [contents])]


def _select(values: dict[str, Any], key: str | None, name: str) -> list[Any]:
    if key is None:
        return list(values.values())
    if key not in values:
        listed = ", ".join(str(known) for known in list(values)[:20])
        raise LoadError(f"The data file {name} has no key {key!r}.", advice=f"It holds: {listed}.")
    return [values[key]]


def _tensor(value: Any, name: str) -> torch.Tensor:
    if isinstance(value, np.ndarray):
        if not value.flags.writeable or not value.flags.c_contiguous or value.dtype.byteorder == ">":
            value = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")
        try:
            return torch.from_numpy(value)
        except TypeError as error:
            raise LoadError(
                f"The data file {name} holds values of type {value.dtype}, which no tensor has",
                advice="Convert them before saving, for example by array.astype('int64').",
            ) from error
    if isinstance(value, torch.Tensor) and not value.is_quantized and value.layout == torch.strided:
        return value.detach().cpu().contiguous()
    what = "a quantised or sparse tensor" if isinstance(value, torch.Tensor) else summary(value)
    raise LoadError(f"The data file {name} holds {what}, where a plain tensor is needed", advice=_ADVICE)
