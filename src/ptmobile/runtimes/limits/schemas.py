"""The operators of PyTorch's desktop builds with their argument counts, each release packed as a change of the last.

They come from `torch._C._jit_get_all_schemas()` in the official wheels. A desktop build has more operators than the
phone's library of the same number: what is missing here is missing there, what is here may be missing there.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping

import msgspec


class _Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    line: str
    torch: str
    set: dict[str, int]
    gone: tuple[str, ...]


class _Packed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    origin: str
    changes: tuple[_Change, ...]


def pack(origin: str, builds: Mapping[str, tuple[str, Mapping[str, int]]]) -> bytes:
    """Pack builds, by line (`1.9`) in ascending order: exact version of torch, and operators with argument counts."""
    changes = []
    before: Mapping[str, int] = {}
    for line, (torch, schemas) in builds.items():
        new = {name: schemas[name] for name in sorted(schemas) if before.get(name) != schemas[name]}
        changes.append(_Change(line, torch, new, tuple(sorted(before.keys() - schemas.keys()))))
        before = schemas
    # Without a time, so that the same tables make the same file.
    return gzip.compress(msgspec.json.encode(_Packed(origin, tuple(changes))), 9, mtime=0)


def unpack(data: bytes) -> dict[str, tuple[str, dict[str, int]]]:
    """The inverse of `pack`."""
    builds: dict[str, tuple[str, dict[str, int]]] = {}
    schemas: dict[str, int] = {}
    for change in msgspec.json.decode(gzip.decompress(data), type=_Packed).changes:
        schemas = {name: count for name, count in schemas.items() if name not in change.gone} | change.set
        builds[change.line] = (change.torch, schemas)
    return builds
