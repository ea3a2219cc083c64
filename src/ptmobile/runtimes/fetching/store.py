"""A folder of downloaded libraries that several runs may use at once.

It has the layout of a Maven repository, and beside it a record for each release: which files belong to it, with their
hashes. The record is written last, so a release without one is incomplete and is fetched anew. Of an AAR only what is
used is kept, in the published file's place, once that was found to be the published one; the record has both hashes.
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

from ptmobile.digests import sha256_of
from ptmobile.runtimes.fetching.hashes import known_copies, known_hashes
from ptmobile.runtimes.fetching.keeping import keep_needed
from ptmobile.runtimes.fetching.model import Coordinates, KeptCopy, LibraryFile, Origin, TamperedError

#: Seconds to wait for another process that fetches the same release.
PATIENCE: Final = 900.0
#: 1 kept whole AARs.
FORMAT: Final = 2


class Stored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hash and size of a file as it was published, and of what is kept of it if that is less."""

    sha256: str
    size_bytes: int
    kept: KeptCopy | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The files of a release by coordinates, the main file first; `notices` of the download."""

    format: int
    files: dict[str, Stored]
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
            TamperedError: the record fits a file whose hash is not that of the published one, or of its copy.
        """
        try:
            record = msgspec.json.decode(self._record(key).read_bytes(), type=Record)
            if record.format != FORMAT or not record.files:
                return None
            files = tuple(self._checked(Coordinates.parse(name), stored) for name, stored in record.files.items())
        except (OSError, ValueError, msgspec.MsgspecError):
            return None
        return None if None in files else (tuple(file for file in files if file is not None), record.notices)

    def fill(self, key: str, download: Download) -> Found:
        """Download a release, unless another process did in the meantime.

        `download` gets an empty folder and returns the files in it. Whatever it raises passes through, and leaves
        nothing behind.

        Raises:
            TamperedError: a file is not the published one.
            NoArchiveError: an AAR is none.
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
                downloaded, notices = download(Path(folder))
                files = {name: _keep(name, path) for name, path in downloaded}
                for name, (source, _) in files.items():
                    self._move(source, self._root / name.path)
                stored = {name: file for name, (_, file) in files.items()}
                by_name = {str(name): file for name, file in stored.items()}
                self._write(key, Path(folder), Record(format=FORMAT, files=by_name, notices=notices))
        return tuple(_library_file(self._root, name, file, "download") for name, file in stored.items()), notices

    def _record(self, key: str) -> Path:
        return self._root / "releases" / f"{key}.json"

    def _checked(self, name: Coordinates, stored: Stored) -> LibraryFile | None:
        digest = sha256_of(self._root / name.path)
        if digest != (stored.kept or stored).sha256:
            return None  # cut short by a crash or a full disk
        _check_published(name, stored.sha256)
        if stored.kept is not None:
            _check_published(name, digest, copy=True)
        return _library_file(self._root, name, stored, self._origin)

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


def _keep(name: Coordinates, path: Path) -> tuple[Path, Stored]:
    """Check a file that was downloaded; what is to be kept of it, and what to record."""
    digest, size = sha256_of(path), path.stat().st_size
    _check_published(name, digest)
    if name.extension != "aar":
        return path, Stored(sha256=digest, size_bytes=size)
    copy = path.with_name(f"{path.name}.kept")
    keep_needed(path, copy)
    kept = KeptCopy(sha256=sha256_of(copy), size_bytes=copy.stat().st_size)
    return copy, Stored(sha256=digest, size_bytes=size, kept=kept)


def _check_published(name: Coordinates, digest: str, *, copy: bool = False) -> None:
    expected = (known_copies() if copy else known_hashes()).get(str(name), digest)
    if digest != expected:
        what = f"The copy of {name}" if copy else f"{name}"
        published = f"that of the published file has {expected}" if copy else f"{expected} was published"
        raise TamperedError(
            f"{what} has the SHA-256 {digest}, but {published}.",
            advice="Somebody changed it on the way or in the cache. Delete the cache and check where it comes from.",
        )


def _library_file(root: Path, name: Coordinates, stored: Stored, origin: Origin) -> LibraryFile:
    known = str(name) in known_hashes()
    return LibraryFile(str(name), root / name.path, stored.sha256, origin, known, stored.size_bytes, stored.kept)
