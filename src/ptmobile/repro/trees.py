"""A tree of the worker's as JSON for a bundle: containers and values as they are, tensors by the names of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ptmobile.repro.arrays import UntrustedDataError, stored_dtype
from ptmobile.value_manifest import Manifest

_MAX_PARTS: Final = 20_000
_MAX_DEPTH: Final = 100


def tree_of(manifest: Manifest, root: str, arrays: Mapping[str, str]) -> dict[str, Any]:
    """The tree; ``arrays`` are the names of the tensors' arrays by path.

    A part is ``{"kind": "tensor", "array", "dtype", "stored", "memory_format", "quantum"}``, ``{"kind": "float",
    "hex"}``, ``{"kind": "value", "value"}``, or a container ``{"kind", "items": [[key, part], …]}`` whose keys are
    those of :class:`Manifest`.

    Raises:
        UntrustedDataError: it is no tree, or one too large.
    """
    left = [_MAX_PARTS]

    def part(path: str, depth: int) -> dict[str, Any]:
        left[0] -= 1
        if left[0] < 0 or depth > _MAX_DEPTH:
            raise UntrustedDataError("a tree has too many parts")
        if path in manifest.containers:
            kind, keys = manifest.containers[path]
            paths = [(key, f"{path}{key}" if key.startswith(".") else f"{path}[{key}]") for key in keys]
            return {"kind": kind, "items": [[key, part(inner, depth + 1)] for key, inner in paths]}
        if path in manifest.tensors:
            tensor = manifest.tensors[path]
            told = {"dtype": tensor.dtype, "stored": stored_dtype(tensor), "memory_format": tensor.memory_format}
            return {"kind": "tensor", "array": arrays[path], **told, "quantum": tensor.quantum}
        if path in manifest.floats:
            return {"kind": "float", "hex": manifest.floats[path]}
        if path in manifest.plain:
            return {"kind": "value", "value": manifest.plain[path]}
        raise UntrustedDataError(f"a tree has no part {path[:200]}")

    return part(root, 0)
