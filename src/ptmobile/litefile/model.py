"""What is known about a `.ptl` after reading it: plain data, and the error for files that are none."""

from __future__ import annotations

import msgspec

from ptmobile.errors import LoadError


class LiteFileError(LoadError):
    """The file is not a readable `.ptl`; the message says what it is instead, or where it is damaged."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the file and the room it takes on disk.

    `name` is one of `weights` (tensor storages), `values` (attributes and constants other than tensors), `bytecode`,
    `code` (TorchScript source, which the lite interpreter never reads), `debug`, `extra`, `other` and `container`
    (zip headers, alignment padding, directory; it has no records). The sections add up to the size of the file.
    """

    name: str
    records: int
    size_bytes: int


class LiteFile(msgspec.Struct, frozen=True, kw_only=True):
    """A `.ptl` as data.

    `file` is the bare file name. `bytecode_version` decides which interpreter reads the instructions;
    `archive_version` (the `version` record) rises with operators whose meaning changed, and no backport lowers it.
    `methods` are the root module's own, without the pair that (un)pickles it. `operators` are the root operators as
    `namespace::name.overload`, sorted; `operator_arguments` has, for each that says so (bytecode 6 and newer), the
    largest number of arguments it is called with. `conditional` are those that `forward` need not call: they are in a
    branch, in a loop, or in another method. `types` are the atomic types and classes of the type tables.
    """

    file: str
    size_bytes: int
    sha256: str
    bytecode_version: int
    archive_version: int
    methods: tuple[str, ...]
    operators: tuple[str, ...]
    operator_arguments: dict[str, int]
    types: tuple[str, ...]
    sections: tuple[Section, ...]
    extra_files: tuple[str, ...]
    conditional: tuple[str, ...] = ()


def printable(text: str, what: str, *, limit: int = 1000) -> str:
    """Return `text` unchanged if it can be shown on a terminal and in a log.

    Raises:
        LiteFileError: it is longer than `limit` characters or holds control or invisible characters.
    """
    if len(text) > limit:
        raise LiteFileError(f"A {what} in the file is {len(text)} characters long; PyTorch writes none like it.")
    if not text.isprintable():
        raise LiteFileError(f"A {what} in the file holds unprintable characters: {text[:80]!a}.")
    return text
