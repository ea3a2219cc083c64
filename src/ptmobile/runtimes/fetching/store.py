"""A folder of downloaded libraries that several runs may use at once.

It has the layout of a Maven repository, and beside it a record for each release: which files belong to it, with their
hashes. The record is written last, so a release without one is incomplete and is fetched anew.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from ptmobile.runtimes.fetching.hashes import known_hashes, sha256_of
from ptmobile.runtimes.fetching.model import Coordinates, LibraryFile, Origin, TamperedError

#: Seconds to wait for another process that fetches the same release.
PATIENCE: Final = 900.0
FORMAT: Final = 1


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The files of a release: SHA-256 by coordinates, the main file first; `notices` of the download."""

    format: int
    files: dict[str, str]
    notices: tuple[str, ...] = ()


Found = tuple[tuple[LibraryFile, ...], tuple[str, ...]]
Download = Callable[[Path], tuple[list[tuple[Coordinates, Path]], tuple[str, ...]]]


class BusyError(Exception):
    """Another process kept the release locked for too long."""


class Store:
    """One such folder."""

    def __init__(self, root: Path, origin: Origin) -> None:
        self._root = root
        self._origin = origin
        self._owner = _owner_around(root) if os.geteuid() == 0 else None

    def find(self, key: str) -> Found | None:
        """The files of a release, checked; None if they are not all there, or not as they were stored.

        Raises:
            TamperedError: the record fits a file whose hash is not the published one.
        """
        try:
            record = msgspec.json.decode(self._record(key).read_bytes(), type=Record)
            if record.format != FORMAT or not record.files:
                return None
            files = tuple(self._checked(Coordinates.parse(name), digest) for name, digest in record.files.items())
        except (OSError, ValueError, msgspec.MsgspecError):
            return None
        return None if None in files else (tuple(file for file in files if file is not None), record.notices)

    def fill(self, key: str, download: Download) -> Found:
        """Download a release, unless another process did in the meantime.

        `download` gets an empty folder and returns the files in it. Whatever it raises passes through, and leaves
        nothing behind.

        Raises:
            TamperedError: a file is not the published one.
            BusyError: another process is at it, for too long.
            OSError: the folder cannot be written to.
        """
        self._make_folder(self._root)
        with self._locked(key):
            found = self.find(key)
            if found is not None:
                return found
            prefix = f".download-{key}-"
            for abandoned in self._root.glob(f"{prefix}*"):  # by a process that was killed, since we hold the lock
                shutil.rmtree(abandoned, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=self._root, prefix=prefix) as folder:
                files, notices = download(Path(folder))
                kept = tuple(
                    _with_hash(name, self._root / name.path, sha256_of(path), "download") for name, path in files
                )
                for (_, source), file in zip(files, kept, strict=True):
                    self._move(source, file.path)
                digests = {str(name): file.sha256 for (name, _), file in zip(files, kept, strict=True)}
                self._write(key, Path(folder), Record(format=FORMAT, files=digests, notices=notices))
        return kept, notices

    def _record(self, key: str) -> Path:
        return self._root / "releases" / f"{key}.json"

    def _checked(self, name: Coordinates, recorded: str) -> LibraryFile | None:
        path = self._root / name.path
        digest = sha256_of(path)
        if digest != recorded:
            return None  # cut short by a crash or a full disk
        return _with_hash(name, path, digest, self._origin)

    def _write(self, key: str, folder: Path, record: Record) -> None:
        partial = folder / "record.json"
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
        self._move(partial, self._record(key))

    def _move(self, source: Path, target: Path) -> None:
        self._make_folder(target.parent)
        source.chmod(0o644)
        self._give_away(source)
        source.replace(target)

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            self._give_away(folder)

    def _give_away(self, path: Path) -> None:
        """In a container we are root, and a later step of the job, on the host, must be able to clean up."""
        if self._owner is not None:
            os.chown(path, *self._owner)

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        path = self._root / f".{key}.lock"
        with path.open("ab") as stream:
            self._give_away(path)
            until = time.monotonic() + PATIENCE
            while not _lock(stream.fileno()):
                if time.monotonic() > until:
                    raise BusyError(f"another process has been fetching it for {PATIENCE:.0f} s")
                time.sleep(0.1)
            yield


def _owner_around(folder: Path) -> tuple[int, int] | None:
    """User and group of a folder, or of the nearest one around it that exists."""
    for around in (folder, *folder.parents):
        with suppress(OSError):
            status = around.stat()
            return status.st_uid, status.st_gid
    return None


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Some network file systems know no locks; files are put in place whole, so two downloads do no harm.
        return True
    return True


def _with_hash(name: Coordinates, path: Path, digest: str, origin: Origin) -> LibraryFile:
    published = known_hashes().get(str(name))
    if published not in {None, digest}:
        raise TamperedError(
            f"{name} has the SHA-256 {digest}, but {published} was published.",
            advice="Somebody changed it on the way or in the cache. Delete the cache and check where it comes from.",
        )
    return LibraryFile(str(name), path, digest, origin, published is not None)
