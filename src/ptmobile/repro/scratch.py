"""What a worker left in its scratch folder, read as data: plain files of bounded size, and nothing is believed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import msgspec

from ptmobile.files import plain_file
from ptmobile.repro.arrays import UntrustedDataError, check
from ptmobile.value_manifest import Manifest, Moved

MAX_MANIFEST_BYTES: Final = 8 << 20

T = TypeVar("T")


class Scratch:
    """Reads the folder of one worker, all of whose processes have ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def manifest(self, variant: str, trial: int) -> Manifest:
        """The tree of a variant in a trial; all its tensors are where it says.

        Raises:
            PtmobileError: it is not there, or not what it should be.
        """
        manifest = self._json(self._path(variant) / f"{trial}.json", Manifest)
        with self.data(variant, trial) as data:
            size = data.seek(0, 2)
        for tensor in manifest.tensors.values():
            check(tensor, size)
        return manifest

    @contextmanager
    def data(self, variant: str, trial: int) -> Iterator[IO[bytes]]:
        """The bytes of its tensors."""
        with plain_file(self._path(variant) / f"{trial}.bin") as stream:
            yield stream

    def moved(self, method: str) -> Moved:
        """How the outputs of a road differ in form from the model's."""
        return self._json(self._folder / f"adapted-{method}.json", Moved)

    def has(self, variant: str, trial: int) -> bool:
        """Whether a variant has left something for a trial."""
        return "/" not in variant and (self._folder / variant / f"{trial}.json").is_file()

    def _path(self, variant: str) -> Path:
        folder = self._folder / variant
        if "/" in variant or variant in ("", ".", "..") or folder.resolve() != folder:
            raise UntrustedDataError("a folder of the worker's is a link, or somewhere else")
        return folder

    def _json(self, path: Path, kind: type[T]) -> T:
        with plain_file(path) as stream:
            text = stream.read(MAX_MANIFEST_BYTES + 1)
        if len(text) > MAX_MANIFEST_BYTES:
            raise UntrustedDataError("a manifest is too large")
        try:
            return _decode(text, kind)
        except (msgspec.DecodeError, RecursionError) as error:
            raise UntrustedDataError(f"a manifest is damaged: {error}") from error


def _decode(text: bytes, kind: type[T]) -> T:
    decoder: Any = msgspec.json.Decoder(kind)
    decoded: T = decoder.decode(text)
    return decoded
