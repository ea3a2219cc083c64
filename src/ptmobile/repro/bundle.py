"""Writing a bundle: ``NAME.repro/`` with a manifest, array files of the inputs and of each stage, and the script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from ptmobile import __version__
from ptmobile.errors import PtmobileError
from ptmobile.files import WorkspaceFiles
from ptmobile.report.files import slug
from ptmobile.repro.arrays import array_file
from ptmobile.repro.replay_script import SCRIPT
from ptmobile.repro.scratch import Scratch
from ptmobile.repro.trees import tree_of
from ptmobile.result import ModelResult
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.value_manifest import Manifest, Moved, in_file_form

FORMAT: Final = 1
#: Of all arrays of one bundle together, in bytes.
MAX_BYTES: Final = 64 << 20
_MAX_TRIALS: Final = 1000
_MAX_STAGES: Final = 100
_INPUTS, _EAGER = "inputs", "eager"


@dataclass(frozen=True)
class Bundler:
    """Writes bundles into the report's folder; ``created`` is the time of the run."""

    files: WorkspaceFiles
    report_dir: str
    created: str

    def write(self, spec: ConversionSpec, result: ModelResult, scratch: Path, file: str) -> str | None:
        """Write one, if it is asked for and the worker left inputs; returns its folder.

        ``file`` is the path of the model's file in the workspace, empty if there is none. A stage that cannot be read
        is left out, and the manifest says so.

        Raises:
            PublishError: it cannot be written.
        """
        wanted = spec.repro == "always" or (spec.repro == "on-failure" and result.failure is not None)
        left = Scratch(scratch)
        # Not from the result: a worker that was ended has none.
        numbers = [number for number in range(_MAX_TRIALS) if left.has(_INPUTS, number)]
        if not wanted or not numbers:
            return None
        folder = f"{self.report_dir}/{spec.name}.repro"
        parts = _Parts(self.files, folder, left, _moved(left, result))
        inputs = parts.write("inputs.npz", _INPUTS, numbers)
        stages = {}
        for index, key in enumerate(_stages(result)):
            present = [number for number in numbers if left.has(key, number)]
            name = f"outputs-{index:02}-{slug(key).strip('-')}.npz"
            written = parts.write(name, key, present) if present else None
            if written is not None:
                stages[key] = written
        told = {
            **_head(spec, result, self.created),
            "file": _from(folder, file) if file else "",
            "inputs": inputs,
            "stages": stages,
            "left_out": parts.left_out,
        }
        self.files.write(f"{folder}/manifest.json", msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n")
        self.files.write(f"{folder}/replay.py", SCRIPT.encode())
        return folder


@dataclass
class _Parts:
    """The array files of one bundle. ``room`` is what is left for arrays, in bytes; ``left_out`` what found none."""

    files: WorkspaceFiles
    folder: str
    left: Scratch
    moved: Moved | None
    room: int = MAX_BYTES
    left_out: list[str] = field(default_factory=list)

    def write(self, name: str, variant: str, numbers: Sequence[int]) -> dict[str, Any] | None:
        """One array file, with its trees by trial; None if nothing of it could be kept."""
        try:
            kept = self._fitting(variant, numbers)
            trees = {number: self._trees(variant, *found) for number, found in kept.items()}
            with self.files.writing(f"{self.folder}/{name}") as stream, array_file(stream) as archive:
                for number, (manifest, arrays) in kept.items():
                    with self.left.data(variant, number) as data:
                        for path, tensor in manifest.tensors.items():
                            archive.add(arrays[path], tensor, data)
        except (PtmobileError, KeyError) as error:
            self.left_out.append(f"{variant}: {error}"[:300])
            return None
        return {
            "file": name,
            "trees": {str(number): tree for number, (tree, _) in trees.items()},
            "file_trees": {str(number): tree for number, (_, tree) in trees.items() if tree is not None},
        }

    def _fitting(self, variant: str, numbers: Sequence[int]) -> dict[int, tuple[Manifest, dict[str, str]]]:
        """The trials that there is room for, each with the names of its arrays."""
        kept: dict[int, tuple[Manifest, dict[str, str]]] = {}
        for number in numbers:
            manifest = self.left.manifest(variant, number)
            size = sum(tensor.size for tensor in manifest.tensors.values())
            if size > self.room:
                self.left_out.append(f"{variant}, from trial {number} on: more than {MAX_BYTES >> 20} MiB")
                break
            self.room -= size
            kept[number] = (manifest, {path: f"{number}-{index}" for index, path in enumerate(manifest.tensors)})
        return kept

    def _trees(self, variant: str, manifest: Manifest, arrays: dict[str, str]) -> tuple[Any, Any]:
        """A tree as it is and, of the eager model where it differs, in the form of the file."""
        tree = tree_of(manifest, "input" if variant == _INPUTS else "out", arrays)
        if variant != _EAGER or self.moved is None or not self.moved.places:
            return tree, None
        return tree, _file_tree(manifest, self.moved, arrays)


def _file_tree(manifest: Manifest, moved: Moved, arrays: Mapping[str, str]) -> dict[str, Any]:
    """What the eager model gave, in the form of the file."""
    names = dict(moved.places)
    return tree_of(in_file_form(manifest, moved), "out", {names.get(path, ""): name for path, name in arrays.items()})


def _moved(left: Scratch, result: ModelResult) -> Moved | None:
    return left.moved(result.adapted.method) if result.adapted is not None else None


def _stages(result: ModelResult) -> list[str]:
    """The stages that ran something, eager first, then that which failed: there may not be room for all."""
    keys = [stage.key for stage in result.stages if stage.key != _INPUTS]
    first = [_EAGER, *([result.failure.stage] if result.failure is not None else [])]
    known = [key for key in first if key in keys or key == _EAGER]
    return list(dict.fromkeys([*known, *keys]))[:_MAX_STAGES]


def _from(folder: str, file: str) -> str:
    """A path of the workspace as seen from the bundle."""
    return str(PurePosixPath(*[".."] * len(PurePosixPath(folder).parts), file))


def _head(spec: ConversionSpec, result: ModelResult, created: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "tool": f"ptmobile-action {__version__}",
        "created": created,
        "name": spec.name,
        "seed": spec.seed,
        "rtol": spec.rtol,
        "atol": spec.atol,
        "environment": msgspec.to_builtins(result.environment),
        "failure": msgspec.to_builtins(result.failure),
        "trials": msgspec.to_builtins(result.trials),
        "spec": msgspec.to_builtins(spec),
    }
