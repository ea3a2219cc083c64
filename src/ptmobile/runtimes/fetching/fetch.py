"""`fetch_runtime` and `given_runtime`: from a version, or a file, to a runtime library with its Java dependencies."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from ptmobile.digests import sha256_of
from ptmobile.runtimes.fetching.folders import Folders
from ptmobile.runtimes.fetching.hashes import known_hashes
from ptmobile.runtimes.fetching.keeping import NoArchiveError
from ptmobile.runtimes.fetching.maven import MavenClient, NotServedError
from ptmobile.runtimes.fetching.model import Coordinates, LibraryFile, NotAvailable, RuntimeLibrary
from ptmobile.runtimes.fetching.store import BusyError, Download, Found, Store
from ptmobile.visible import visible

GROUP: Final = "org.pytorch"
LITE: Final = "pytorch_android_lite"
#: What the library's Java side needs, in the versions with which every release we tried runs.
JAVA_DEPENDENCIES: Final = (
    Coordinates("com.facebook.fbjni", "fbjni-java-only", "0.2.2"),
    Coordinates("com.facebook.soloader", "nativeloader", "0.10.1"),
)
_ADVICE: Final = "Keep the cache of a run that had a network, bake the release into the image, or give runtime-library."
_CUSTOM: Final = "java-dependencies"


def fetch_runtime(
    version: str, folders: Folders, client: MavenClient, *, artifact: str = LITE
) -> RuntimeLibrary | NotAvailable:
    """Get a published release: baked in, from the cache, or downloaded into the cache.

    Raises:
        TamperedError: a file is not the published one.
    """
    try:
        wanted = Coordinates(GROUP, artifact, version, "aar")
    except ValueError:
        return NotAvailable(visible(f"{version[:100]!r} is no version of a published library"))

    def download(folder: Path) -> tuple[list[tuple[Coordinates, Path]], tuple[str, ...]]:
        aar = client.download(wanted, folder)
        jars, notices = _java_dependencies(wanted, client, folder)
        return [(wanted, aar), *jars], notices

    found = _obtain(f"{artifact}-{version}", folders, download)
    if isinstance(found, NotAvailable):
        return found
    files, notices = found
    return RuntimeLibrary(version, files[0], files[1:], (*notices, *_unknown(files)))


def given_runtime(path: Path, folders: Folders, client: MavenClient) -> RuntimeLibrary | NotAvailable:
    """Take an AAR of the user's own as it is; its Java dependencies are the usual ones.

    Raises:
        TamperedError: a dependency is not the published file.
    """
    problem = _no_aar(path)
    if problem:
        return NotAvailable(visible(f"{path.name} {problem}"), advice="Give the .aar that the app is built with.")
    digest = sha256_of(path)
    published = next((name for name, known in known_hashes().items() if known == digest), "")

    def download(folder: Path) -> tuple[list[tuple[Coordinates, Path]], tuple[str, ...]]:
        return [(wanted, client.download(wanted, folder)) for wanted in JAVA_DEPENDENCIES], ()

    found = _obtain(_CUSTOM, folders, download)
    if isinstance(found, NotAvailable):
        return found
    files, notices = found
    aar = LibraryFile(path.name, path, digest, "given", bool(published))
    said = f"{path.name} is {published}" if published else f"{path.name} has the SHA-256 {digest}"
    version = Coordinates.parse(published).version if published else ""
    return RuntimeLibrary(version, aar, files, (visible(said), *notices, *_unknown(files)))


def _obtain(key: str, folders: Folders, download: Download) -> Found | NotAvailable:
    if folders.baked is not None:
        found = Store(folders.baked, "baked").find(key)
        if found is not None:
            return found
    cache = Store(folders.cache, "cache")
    found = cache.find(key)
    if found is not None:
        return found
    try:
        return cache.fill(key, download)
    except (NotServedError, BusyError) as problem:
        return NotAvailable(f"{key} is not available: {problem}", advice=_ADVICE)
    except NoArchiveError as problem:
        return NotAvailable(visible(f"{key} is not available: what is served is no .aar: {problem}"), advice=_ADVICE)
    except OSError as problem:
        return NotAvailable(f"{key} is not available: the cache cannot be written: {problem.strerror}", advice=_ADVICE)


def _java_dependencies(
    wanted: Coordinates, client: MavenClient, folder: Path
) -> tuple[list[tuple[Coordinates, Path]], tuple[str, ...]]:
    """The versions that the POM declares, since the app gets those; the usual ones where they are not served."""
    notices: list[str] = []
    try:
        declared = client.dependencies(wanted, folder)
    except NotServedError as problem:
        declared = {}
        notices.append(f"the POM of {wanted} was not read ({problem}); the usual Java dependencies are taken")
    found: list[tuple[Coordinates, Path]] = []
    for usual in JAVA_DEPENDENCIES:
        version = declared.get(f"{usual.group}:{usual.name}", usual.version)
        try:
            chosen = Coordinates(usual.group, usual.name, version)
            path = client.download(chosen, folder)
        except (NotServedError, ValueError):
            if version == usual.version:
                raise
            notices.append(visible(f"{usual.name} {version[:40]} is not served; {usual.version} is taken"))
            chosen, path = usual, client.download(usual, folder)
        found.append((chosen, path))
    return found, tuple(notices)


def _unknown(files: tuple[LibraryFile, ...]) -> tuple[str, ...]:
    """Files whose hash we have not seen before, with their hash, so that a user can compare it."""
    return tuple(f"{file.name} has the SHA-256 {file.sha256}, unknown to us" for file in files if not file.known)


def _no_aar(path: Path) -> str:
    """Why a file is no AAR with a PyTorch library; empty if it is one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError) as problem:
        return f"cannot be read as an .aar: {problem.strerror if isinstance(problem, OSError) else problem}"
    if "classes.jar" not in names:
        return "has no classes.jar, so it is no .aar"
    if not any(name.startswith("jni/") and name.endswith("/libpytorch_jni_lite.so") for name in names):
        return "has no libpytorch_jni_lite.so for any processor"
    return ""
