"""What became of a model's inputs and outputs in the file: told to people, kept in the file, undone for comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from ptmobile.result import METHODS, Adaptation, AdaptedInput, AdaptedOutput, Method
from ptmobile.worker.adapting.arguments import Layout
from ptmobile.worker.adapting.forms import Form, Group, containers, form_of, positions
from ptmobile.worker.values.files import Read, StoredTree
from ptmobile.worker.values.trees import SEEN_AS, Tree, describe

#: The record in the file, and the version of its form.
EXTRA_FILE: Final = "ptmobile/outputs.json"
EXTRA_FORMAT: Final = 1
_TEXT: Final = 250

Containers = dict[str, tuple[str, tuple[str, ...]]]


class StoredAdaptation(msgspec.Struct, frozen=True, kw_only=True):
    """An adaptation with what is needed to undo it.

    ``places`` are the leaves of the eager model in their order, each with its path in what the file returns; it is
    empty for what the file does not return because it was None. Without ``places`` nothing was moved.
    """

    adaptation: Adaptation
    places: tuple[tuple[str, str], ...] = ()
    eager_containers: Containers = {}
    file_containers: Containers = {}

    def extra_file(self) -> str:
        """The record in the file: how its inputs and outputs differ from the model's."""
        told = {"format": EXTRA_FORMAT, **msgspec.to_builtins(self.adaptation)}
        return msgspec.json.encode(told).decode()

    def restored(self, tree: StoredTree) -> StoredTree:
        """What the file returned as the eager model would have; as it is where it is not of the expected form."""
        if not self.places or _seen(tree.containers) != _seen(self.file_containers):
            return tree
        names = {file: eager for eager, file in self.places if file}
        return StoredTree(
            containers=dict(self.eager_containers),
            leaves={eager: tree.leaves[file] if file else None for eager, file in self.places},
            formats={names[path]: value for path, value in tree.formats.items()},
            dtypes={names[path]: value for path, value in tree.dtypes.items()},
            quanta={names[path]: value for path, value in tree.quanta.items()},
        )


def _seen(found: Containers) -> dict[str, tuple[str, frozenset[str]]]:
    """Containers as an app sees them: dictionaries have no order."""
    return {path: (SEEN_AS.get(kind, kind), frozenset(keys)) for path, (kind, keys) in found.items()}


def adaptation_of(
    tree: Tree | None,
    layout: Layout,
    method: Method,
    notes: tuple[str, ...] = (),
    traced: tuple[str, ...] = (),
) -> StoredAdaptation | None:
    """How what a road takes and returns differs from what the eager model does; None if it does not.

    ``tree`` is what the eager model returned, where the road returns the form that belongs to it. ``traced`` are the
    values that a trace computes; all others it has written down.
    """
    inputs = _inputs(layout)
    if tree is None:
        adaptation = Adaptation(method=method, inputs=inputs, notes=notes)
        return StoredAdaptation(adaptation=adaptation) if inputs or notes else None
    form = form_of(tree)
    placed = {value.path: position for value, position in positions(form)}
    in_file = dict(containers(form))
    moved = any(path != placed.get(path) for path in tree.leaves) or _seen(in_file) != _seen(tree.containers)
    fixed = set(tree.leaves) - set(traced) if method == "trace" else set()
    outputs = tuple(_outputs(tree, placed, fixed, moved=moved))
    if not (inputs or notes or outputs):
        return None
    adaptation = Adaptation(method=method, returns=_in_words(form), inputs=inputs, outputs=outputs, notes=notes)
    if not moved:
        return StoredAdaptation(adaptation=adaptation)
    return StoredAdaptation(
        adaptation=adaptation,
        places=tuple((path, placed.get(path, "")) for path in tree.leaves),
        eager_containers=tree.containers,
        file_containers=in_file,
    )


def follows_from(stored: StoredAdaptation, tree: Tree) -> bool:
    """Whether what is said to have moved is what must move, given what the eager model returned."""
    if not stored.places:
        return True
    own = adaptation_of(tree, (), stored.adaptation.method)
    return own is not None and all(
        getattr(own, name) == getattr(stored, name) for name in ("places", "eager_containers", "file_containers")
    )


def _inputs(layout: Layout) -> tuple[AdaptedInput, ...]:
    found, position = [], 0
    for argument, count in enumerate(layout):
        if count is not None:
            found.append(AdaptedInput(argument=argument, positions=tuple(range(position, position + count))))
        position += count or 1
    return tuple(found)


def _outputs(tree: Tree, placed: dict[str, str], fixed: set[str], *, moved: bool) -> list[AdaptedOutput]:
    found = []
    for path, leaf in tree.leaves.items():
        note = ""
        if path not in placed:
            note = "left out: it is None"
        elif path in fixed and leaf is not None:
            note = f"always {describe(leaf)[:_TEXT]}, as on the first input"
        if moved or note:
            found.append(AdaptedOutput(output=path, position=placed.get(path, ""), note=note))
    left_out = [
        AdaptedOutput(output=path, note=f"left out: of type {kind[:_TEXT]}") for path, kind in tree.left_out.items()
    ]
    return [*found, *left_out]


def _in_words(form: Form) -> str:
    if not isinstance(form, Group):
        return "a tensor"
    words = {"tuple": "a tuple of {}", "list": "a list of {}", "dict": "a dictionary of {}"}
    return words[form.kind].format(len(form.items))


def save_adaptation(stored: StoredAdaptation | None, method: Method, scratch: Path) -> None:
    """Leave it for those who compare, if there is any."""
    if stored is not None:
        _path(scratch, method).write_bytes(msgspec.json.encode(stored))


def load_adaptation(method: Method, scratch: Path, read: Read = Path.read_bytes) -> StoredAdaptation | None:
    """What a road has left; None if it adapted nothing.

    Raises:
        msgspec.DecodeError: the file is damaged.
    """
    path = _path(scratch, method)
    return msgspec.json.decode(read(path), type=StoredAdaptation) if path.exists() else None


def extra_files(stored: StoredAdaptation | None) -> dict[str, str]:
    """The records for the file, by name."""
    return {} if stored is None else {EXTRA_FILE: stored.extra_file()}


def method_of(variant: str) -> Method | None:
    """The road that a variant is on, by its name; None for the eager model."""
    captured: dict[str, Method] = {"traced": "trace", "scripted": "script"}
    return captured.get(variant) or next((method for method in METHODS if variant.endswith(f"({method})")), None)


def _path(scratch: Path, method: Method) -> Path:
    return scratch / f"adapted-{method}.json"
