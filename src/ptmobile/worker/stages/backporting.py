"""Backporting a `.ptl` to an older bytecode so that the result loads, is no larger than need be, and is reproducible.

What torch's own function gives is none of that: it names tensor storages after memory addresses, writes the constants
of optimised models twice, keeps debug records on which the runtimes 1.9 to 1.11 abort (pytorch/pytorch issue 82312),
loses extra files in subfolders, and where it fails leaves a broken file behind without an exception.
"""

from __future__ import annotations

import hashlib
import pickletools
import re
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from torch.jit.mobile import _backport_for_mobile

from ptmobile.errors import ConvertError
from ptmobile.litefile import LiteFile, read_lite_file, strip_records
from ptmobile.litefile.container import Record, read_record, stored_chunks
from ptmobile.litefile.pickled import MAX_PICKLE_BYTES
from ptmobile.litefile.reading import open_lite_file

#: Below, torch has no step (torch/csrc/jit/mobile/compatibility/backport_manager.cpp).
OLDEST: Final = 4
#: The folder inside the archive is named after the file that torch writes.
_RAW_NAME: Final = "model.ptl"
#: The pickles that refer to storages in `constants/`, in the order in which storages are numbered.
_PICKLES: Final[tuple[str, ...]] = ("constants.pkl", "bytecode.pkl")
_STORAGE: Final = re.compile(r"\d+\.storage")


@dataclass(frozen=True)
class Backported:
    """A backported file. ``growth_bytes`` may be negative; ``growth_ratio`` is the new size divided by the old one.

    ``restored_files`` are extra files that torch's function had lost; ``shared_bytes`` is what it had written twice.
    """

    file: Path
    bytecode_version: int
    archive_version: int
    size_bytes: int
    growth_bytes: int
    growth_ratio: float
    restored_files: tuple[str, ...]
    shared_bytes: int


def backport(file: Path, target: Path, bytecode_version: int) -> Backported:
    """Write ``file``, which must still have its source code, to ``target`` as a file of an older bytecode.

    ``target`` appears only when it is complete and has been read again. The same file gives the same bytes.

    Raises:
        ConvertError: the version is no older one, torch cannot reach it from this file, or what it wrote is not it.
        LiteFileError: ``file`` is no readable `.ptl`.
        PublishError: ``target`` cannot be written.
    """
    before = read_lite_file(file)
    _check_request(before, bytecode_version)
    with tempfile.TemporaryDirectory(prefix=".backport-", dir=target.parent) as folder:
        raw, packed, final = (Path(folder) / name for name in (_RAW_NAME, "packed.ptl", "final.ptl"))
        _run_torch(file, raw, bytecode_version)
        restored, shared = _repack(file, raw, packed)
        raw.unlink()  # room for the next copy
        strip_records(packed, final)
        after = read_lite_file(final)
        _check_result(before, after, bytecode_version)
        final.replace(target)
    return Backported(
        file=target,
        bytecode_version=after.bytecode_version,
        archive_version=after.archive_version,
        size_bytes=after.size_bytes,
        growth_bytes=after.size_bytes - before.size_bytes,
        growth_ratio=after.size_bytes / before.size_bytes,
        restored_files=restored,
        shared_bytes=shared,
    )


def _check_request(before: LiteFile, version: int) -> None:
    if version < OLDEST:
        raise ConvertError(
            f"Bytecode {version} cannot be written: torch backports to {OLDEST} and newer.",
            advice=f"The oldest lite runtime, 1.9.0, reads bytecode 5; ask for a version from {OLDEST} on.",
        )
    if version >= before.bytecode_version:
        raise ConvertError(
            f"{before.file} has bytecode {before.bytecode_version} already; backporting leads to older ones, "
            f"not to {version}.",
            advice="Ship the file as it is: a runtime that reads newer bytecode reads older ones down to its minimum.",
        )
    if not any(section.name == "code" and section.records for section in before.sections):
        raise ConvertError(
            f"{before.file} has no source code (code/), from which torch makes older bytecode.",
            advice="Backport first and strip the result.",
        )


def _run_torch(file: Path, raw: Path, version: int) -> None:
    try:
        done = _backport_for_mobile(str(file), str(raw), version)
    except RuntimeError as problem:
        reason = str(problem).strip().partition("\n")[0]
        raise ConvertError(f"{file.name} could not be backported to bytecode {version}: {reason}") from problem
    if not done:
        raise ConvertError(f"{file.name} could not be backported to bytecode {version}: torch knows no way.")


def _check_result(before: LiteFile, after: LiteFile, version: int) -> None:
    wrong = []
    if after.bytecode_version != version:
        wrong.append(f"bytecode {after.bytecode_version}")
    if after.archive_version > before.archive_version:  # lower where torch has left out a branch that is never taken
        wrong.append(f"archive version {after.archive_version} instead of {before.archive_version}")
    if after.methods != before.methods:
        wrong.append(f"the methods {', '.join(after.methods)} instead of {', '.join(before.methods)}")
    if after.extra_files != before.extra_files:
        wrong.append("other extra files")
    if wrong:
        raise ConvertError(f"Asked for bytecode {version} of {before.file}, torch wrote {', '.join(wrong)}.")


def _repack(source: Path, raw: Path, packed: Path) -> tuple[tuple[str, ...], int]:
    """Copy what torch wrote, with storages numbered and shared, and the extra files that it lost.

    Returns the names of those files and the number of bytes that need not be there twice.
    """
    with (
        open_lite_file(source) as (old_stream, old),
        open_lite_file(raw) as (stream, container),
        zipfile.ZipFile(packed, "x") as archive,
    ):
        records = {record.name: record for record in container.records}
        pickles = {name: read_record(stream, records[name], MAX_PICKLE_BYTES) for name in _PICKLES if name in records}
        names = _new_names(stream, records, pickles)
        sink = _Sink(archive, container.folder)
        shared = 0
        for record in container.records:
            name = names.get(record.name, record.name)
            if record.name in pickles:
                sink.put(name, _renamed(pickles[record.name], names))
            elif not sink.copy(name, stream, record):
                shared += record.size_bytes
        lost = [record for record in old.records if record.name.startswith("extra/") and record.name not in records]
        for record in lost:
            sink.copy(record.name, old_stream, record)
    return tuple(sorted(record.name.removeprefix("extra/") for record in lost)), shared


class _Sink:
    """Writes records to a zip archive, each name once. ``strip_records`` sees to order, dates and alignment."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        self._archive = archive
        self._folder = folder
        self._written: set[str] = set()

    def put(self, name: str, data: bytes) -> None:
        """Write a record."""
        self._written.add(name)
        self._archive.writestr(zipfile.ZipInfo(f"{self._folder}/{name}"), data)

    def copy(self, name: str, stream: BinaryIO, record: Record) -> bool:
        """Copy a record; says whether it was the first of its name."""
        if name in self._written:
            return False
        if record.deflated:
            self.put(name, read_record(stream, record, record.size_bytes))
            return True
        self._written.add(name)
        info = zipfile.ZipInfo(f"{self._folder}/{name}")
        info.file_size = record.size_bytes  # so that zipfile knows whether it needs 64-bit fields
        with self._archive.open(info, "w") as sink:
            for chunk in stored_chunks(stream, record):
                sink.write(chunk)
        return True


def _new_names(stream: BinaryIO, records: dict[str, Record], pickles: dict[str, bytes]) -> dict[str, str]:
    """A number for every storage, in the order in which they are referred to.

    The bytecode's storages get the numbers of equal ones in the table of constants, one for one, as in files that were
    not backported: two constants of one table that happen to be equal stay two.
    """
    names: dict[str, str] = {}
    free: dict[bytes, list[str]] = {}
    for pickle in _PICKLES:
        mine: dict[bytes, list[str]] = {}
        for key in dict.fromkeys(key for _, key in _storage_keys(pickles.get(pickle, b""))):
            record = f"constants/{key}"
            if record not in records or record in names:
                continue
            content = _digest(stream, records[record])
            twins = free.get(content)
            names[record] = twins.pop(0) if twins else f"constants/{len(set(names.values()))}.storage"
            mine.setdefault(content, []).append(names[record])
        free = mine
    return names


def _digest(stream: BinaryIO, record: Record) -> bytes:
    digest = hashlib.sha256()
    for chunk in stored_chunks(stream, record):
        digest.update(chunk)
    return digest.digest()


def _storage_keys(pickle: bytes) -> Iterator[tuple[int, str]]:
    """Where in a pickle the name of a storage is put, and the name; repetitions refer to the first by the memo.

    A storage is `('storage', type, name, device, count)`, made a tuple and then a persistent id; a string of the model
    that looks alike is not followed by these.
    """
    if not pickle:
        return
    operations = list(pickletools.genops(pickle))
    for index, (operation, argument, position) in enumerate(operations):
        if operation.name == "BINUNICODE" and isinstance(argument, str) and _STORAGE.fullmatch(argument):
            following = (
                later.name for later, _, _ in operations[index + 1 : index + 9] if not later.name.endswith("BINPUT")
            )
            if tuple(islice(following, 2, 4)) == ("TUPLE", "BINPERSID"):  # after device and count
                yield position or 0, argument


def _renamed(pickle: bytes, names: dict[str, str]) -> bytes:
    """The pickle with storages called by their new names; it holds no offsets, so nothing else changes."""
    parts: list[bytes] = []
    done = 0
    for position, key in _storage_keys(pickle):
        if (record := f"constants/{key}") in names:
            new = names[record].removeprefix("constants/").encode()
            parts += [pickle[done:position], b"X", len(new).to_bytes(4, "little"), new]
            done = position + 5 + len(key.encode())
    return b"".join([*parts, pickle[done:]])
