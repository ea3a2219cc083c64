"""Where the processes of a job leave their files, and how their supervisor takes these out of their reach.

Each process that runs a model's code, or a file that was made of one, has a *desk*: a folder of its own, the only one
that it can write to where the kernel has Landlock. When a stage is over, the supervisor copies what it left to a folder
in which nobody else can write anything. What is compared, run by the next process and shipped is always that copy; what
happens to the original afterwards is of no consequence, and what was kept once is never replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from ptmobile.errors import PtmobileError
from ptmobile.files import MAX_TAKEN_BYTES, plain_file
from ptmobile.protocol import KEPT_FOLDER
from ptmobile.result import Stage, StageName
from ptmobile.worker.evidence.golden import GOLDEN
from ptmobile.worker.evidence.noise.process import FLOAT64
from ptmobile.worker.evidence.other_sizes import BATCH, IMAGE, size_file
from ptmobile.worker.evidence.sensitive_weights import SENSITISED
from ptmobile.worker.evidence.timing import TIMED
from ptmobile.worker.stages.model_process import EAGER, EAGER_AGAIN, INPUTS

#: What a stage leaves, if it is not one folder of its own name; what is not there was not left.
_LEFT: Final[dict[StageName, tuple[str, ...]]] = {
    "inputs": (INPUTS,),
    "eager": (EAGER, EAGER_AGAIN, GOLDEN, f"{GOLDEN}.json", SENSITISED, *map(size_file, (BATCH, IMAGE))),
    "traced": ("traced", "adapted-trace.json"),
    "scripted": ("scripted", "adapted-script.json"),
    "float64": (FLOAT64,),
    "timed": (f"{TIMED}.json",),
}
#: What the model's processes still read themselves, and so is not taken off their desk.
_READ_AGAIN: Final = (EAGER, GOLDEN, f"{GOLDEN}.json", "adapted-trace.json", "adapted-script.json")
_MOST_FILES: Final = 10_000
_PIECE: Final = 1 << 20
_ZEROS: Final = bytes(_PIECE)
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotKeptError(PtmobileError):
    """What a process left cannot be taken."""


class ChangedError(PtmobileError):
    """What was kept is no longer what it was."""


class Desks:
    """The desks of one job, and what was kept of them.

    ``guarded``: the kernel keeps models from changing what was kept. Where it does not, what is read is held against
    the SHA-256 that it had.
    """

    def __init__(self, scratch: Path, *, guarded: bool) -> None:
        self.kept = scratch / KEPT_FOLDER
        self.kept.mkdir()
        self._scratch = scratch
        self._guarded = guarded
        self._left = dict(_LEFT)
        self._files: dict[str, list[Path]] = {}
        self._sources: dict[str, Path] = {}
        self._digests: dict[Path, str] = {}

    def new(self) -> Path:
        """A fresh desk, with a home folder in it."""
        desk = Path(tempfile.mkdtemp(prefix="desk-", dir=self._scratch))
        (desk / "home").mkdir()
        return desk

    def clear(self, desk: Path) -> None:
        """Remove a desk whose process has ended."""
        shutil.rmtree(desk, ignore_errors=True)

    def expect(self, key: str, file: Path) -> None:
        """Say that a stage leaves a file, named by its place among what is kept, beside its outputs."""
        self._files.setdefault(key, []).append(file.relative_to(self.kept))

    def expect_also(self, stage: StageName, name: str) -> None:
        """Say that a stage of this job may leave one thing more.

        It must not be what a later stage of the same process leaves: that may be half done when this one is taken.
        """
        self._left[stage] = (*self._left.get(stage, (stage,)), name)

    def replace_source(self, name: str, desk: Path) -> None:
        """Have what goes by a name taken from this desk, whatever the process of the stage has left."""
        self._sources[name] = desk

    def take(self, stage: Stage, desk: Path) -> None:
        """Keep what a stage has left on a desk. What was kept before stays as it is.

        Raises:
            NotKeptError, PublishError: it is something else than plain files, or too much.
            OSError: it cannot be read, or there is no room.
        """
        if "/" in stage.key:
            raise NotKeptError(f"A stage is called {stage.key!r}, which is no name of a folder.")
        for name in self._left.get(stage.name, (stage.key,)):
            self._take(self._sources.get(name, desk), Path(name), remove=name not in _READ_AGAIN)
            if name in self._sources and not (self.kept / name).exists():
                raise NotKeptError(f"Nothing was left as {name} by the process that was to do it.")
        for file in self._files.get(stage.key, ()):
            self._take(desk, file, remove=True)
            if not (self.kept / file).exists():
                raise NotKeptError(f"The stage has left no {file.name}.")

    def take_folder(self, name: str, desk: Path) -> None:
        """Keep one folder of a desk, if it is there; raises what ``take`` does."""
        self._take(desk, Path(name), remove=True)

    def sha256(self, file: Path) -> str:
        """The SHA-256 that a kept file had when it was taken."""
        return self._digests[file]

    def read(self, file: Path) -> bytes:
        """The bytes of a kept file.

        Raises:
            OSError: there is no such file.
            ChangedError: it was changed since it was taken.
        """
        data = file.read_bytes()
        if not self._guarded and hashlib.sha256(data).hexdigest() != self._digests.get(file):
            raise ChangedError(f"{file.name} was changed by somebody else after it was taken")
        return data

    def _take(self, desk: Path, name: Path, *, remove: bool) -> None:
        target = self.kept / name
        if target.exists():
            return
        with contextlib.suppress(FileNotFoundError), _folder(desk, name.parent) as parent:
            if stat.S_ISDIR(os.stat(name.name, dir_fd=parent, follow_symlinks=False).st_mode):
                self._copy_all(parent, name.name, target)
            else:
                self._copy(parent, name.name, target)
            if remove:
                _remove(desk / name)

    def _copy_all(self, parent: int, name: str, target: Path) -> None:
        """A folder of plain files."""
        descriptor = os.open(name, _FOLDER, dir_fd=parent)
        try:
            names = sorted(itertools.islice((entry.name for entry in os.scandir(descriptor)), _MOST_FILES + 1))
            if len(names) > _MOST_FILES:
                raise NotKeptError(f"A stage left more than {_MOST_FILES:,} files.")
            target.mkdir()
            for file in names:
                self._copy(descriptor, file, target / file)
        finally:
            os.close(descriptor)

    def _copy(self, folder: int, name: str, target: Path) -> None:
        with plain_file(Path(name), folder) as source:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as copy:
                self._digests[target] = _copied(source, copy)


def _copied(source: IO[bytes], copy: IO[bytes]) -> str:
    """Copy as much as there is now, leaving holes for zeros; returns the SHA-256."""
    left = os.fstat(source.fileno()).st_size
    if left > MAX_TAKEN_BYTES:
        raise NotKeptError(f"A stage left a file of more than {MAX_TAKEN_BYTES} bytes.")
    digest = hashlib.sha256()
    while left > 0 and (piece := source.read(min(_PIECE, left))):
        digest.update(piece)
        left -= len(piece)
        if piece == _ZEROS:
            copy.seek(_PIECE, os.SEEK_CUR)
        else:
            copy.write(piece)
    copy.truncate()
    return digest.hexdigest()


@contextlib.contextmanager
def _folder(desk: Path, inner: Path) -> Iterator[int]:
    """A folder on a desk, reached without following links."""
    descriptor = os.open(desk, _FOLDER)
    try:
        for part in inner.parts:
            outer = descriptor
            descriptor = os.open(part, _FOLDER, dir_fd=outer)
            os.close(outer)
        yield descriptor
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Give room back; that it is not possible is no matter."""
    with contextlib.suppress(OSError):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)
