"""What pip has left, made fit for models to read: plain files that none of them can change."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name

from ptmobile.errors import PtmobileError
from ptmobile.files import plain_file
from ptmobile.packages.failures import PackagesError
from ptmobile.packages.model import InstalledPackage
from ptmobile.sandbox.account import Account
from ptmobile.visible import shorten, visible

_MAX_REPORT_BYTES = 16 << 20
_MAX_PACKAGES = 1000


class _Archive(msgspec.Struct):
    hashes: dict[str, str] = {}
    hash: str = ""


class _Download(msgspec.Struct):
    archive_info: _Archive = msgspec.field(default_factory=_Archive)


class _Metadata(msgspec.Struct):
    name: str
    version: str


class _Item(msgspec.Struct):
    metadata: _Metadata
    download_info: _Download = msgspec.field(default_factory=_Download)


class _PipReport(msgspec.Struct):
    install: list[_Item] = []


def seal(folder: Path, account: Account) -> None:
    """Give the folder to the host's user, where that is another one. Nothing may run any more that could change it.

    Raises:
        PackagesError: there is something in it that is neither a folder nor a plain file with one name.
    """
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(place, name)
            status = path.lstat()
            plain = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
            if not plain and not stat.S_ISDIR(status.st_mode):
                shown = shorten(visible(str(path.relative_to(folder))), 200)
                raise PackagesError(f"The packages have left something else than a plain file: {shown}.")
            _give(path, stat.S_ISDIR(status.st_mode), account)
    _give(folder, True, account)


def _give(path: Path, is_folder: bool, account: Account) -> None:
    if account.separate:
        os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
        path.chmod(0o755 if is_folder else 0o644)


def remove_leftovers(folder: Path, metadata_folders: list[str]) -> None:
    """Remove what stands for packages that are here already, and programs, which nobody starts."""
    for name in ("bin", *metadata_folders):
        shutil.rmtree(folder / name, ignore_errors=True)


def installed(report: Path, but: set[str]) -> tuple[InstalledPackage, ...]:
    """What pip says that it has installed, without these. Its report is data from the other side of the wall.

    Raises:
        PackagesError: it is no such report.
    """
    try:
        with plain_file(report) as stream:
            data = stream.read(_MAX_REPORT_BYTES)
        items = msgspec.json.decode(data, type=_PipReport).install
    except (PtmobileError, msgspec.DecodeError) as error:
        raise PackagesError("pip has left no report of what it has installed.") from error
    found = [_package(item) for item in items[:_MAX_PACKAGES]]
    return tuple(sorted((item for item in found if item.name not in but), key=lambda item: item.name))


def _package(item: _Item) -> InstalledPackage:
    archive = item.download_info.archive_info
    digest = archive.hashes.get("sha256", "") or archive.hash.removeprefix("sha256=")
    name = canonicalize_name(item.metadata.name)
    return InstalledPackage(name=name[:200], version=item.metadata.version[:100], sha256=digest[:64])
