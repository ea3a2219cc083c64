"""Writing into the workspace: whole files or none, owned by whoever owns the workspace."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ptmobile.errors import PublishError

_MODE = 0o644
#: The largest file that is taken over from a worker.
MAX_TAKEN_BYTES = 8 << 30


def no_scratch(error: OSError) -> str:
    """What is said where the folder for temporary files cannot be written."""
    return f"The folder for temporary files cannot be written: {error.strerror or error}"


class WorkspaceFiles:
    """Creates files and folders in the workspace.

    In a container everything is root's; what we create is given to the workspace's owner, or the next step of the job
    could not change it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        status = root.stat()
        self._owner = (status.st_uid, status.st_gid) if os.geteuid() == 0 else None

    def write(self, path: str, data: bytes) -> Path:
        """Write a file.

        Raises:
            PublishError: it cannot be written; the message says why.
        """
        with self._replacing(path) as stream:
            stream.write(data)
        return self.root / path

    def take(self, source: Path, path: str) -> Path:
        """Copy what a worker left behind. Only a plain file counts: a link could name anything that root can read.

        Raises:
            PublishError: it is no plain file, is too large, or cannot be copied.
        """
        with plain_file(source) as data, self._replacing(path) as stream:
            left = MAX_TAKEN_BYTES
            while piece := data.read(1 << 20):
                left -= len(piece)
                if left < 0:  # counted and not asked for: it may grow while it is read
                    raise PublishError(f"The worker's file {source.name} has more than {MAX_TAKEN_BYTES} bytes.")
                stream.write(piece)
        return self.root / path

    @contextmanager
    def writing(self, path: str) -> Iterator[IO[bytes]]:
        """A file to be written piece by piece; it is there when it is complete, and not if this ends badly.

        Raises:
            PublishError: it cannot be written.
        """
        with self._replacing(path) as stream:
            yield stream

    @contextmanager
    def _replacing(self, path: str) -> Iterator[IO[bytes]]:
        target = self.root / path
        try:
            self._folder(target.parent)
            self._check_inside(target.parent, path)
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".ptmobile-", delete=False) as stream:
                temporary = Path(stream.name)
                try:
                    yield stream
                    stream.flush()
                    self._settle(temporary)
                    temporary.replace(target)
                except BaseException:
                    temporary.unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise PublishError(
                f"{path} cannot be written: {error.strerror or error}",
                advice="Check that the disk has room and that the folder can be written to.",
            ) from error

    def _folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._folder(folder.parent)
        self._check_inside(folder.parent, folder.name)
        folder.mkdir(exist_ok=True)
        self._own(folder)

    def _check_inside(self, folder: Path, path: str) -> None:
        """Model code may have put a link in our way since the specification was checked."""
        if not folder.resolve().is_relative_to(self.root.resolve()):
            raise PublishError(f"{path} cannot be written: a link leads out of the workspace.")

    def _settle(self, file: Path) -> None:
        file.chmod(_MODE)
        self._own(file)

    def _own(self, path: Path) -> None:
        if self._owner is not None:
            os.chown(path, *self._owner)


@contextmanager
def plain_file(path: Path, folder: int | None = None) -> Iterator[IO[bytes]]:
    """A plain file that a worker left, to be read; ``folder`` is the descriptor of where a relative path begins.

    Raises:
        PublishError: it is something else, or cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        raise PublishError(f"The worker's file {path.name} cannot be opened: {error.strerror}") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(descriptor)
        raise PublishError(f"The worker left something else than a plain file as {path.name}.")
    with os.fdopen(descriptor, "rb") as stream:
        yield stream
