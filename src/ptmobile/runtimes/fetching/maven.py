"""The client of a Maven repository: jgo, which reads POMs and downloads in pure Python.

Chosen over maven-artifact, which does not read POMs, checks no download, sets no time limit and prints to standard
output (where GitHub's runner listens for commands). What jgo leaves open is closed here and in `store`: a wrong
SHA-1 is only a warning of its log, and files appear under their name before they are complete.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from ptmobile.runtimes.fetching.model import Coordinates

if TYPE_CHECKING:
    from jgo.maven import MavenContext

#: Seconds to wait for a connection, and for each piece of an answer.
TIMEOUT: Final = 60


class NotServedError(Exception):
    """The repository does not serve a file, or cannot be reached; the message says which."""


class MavenClient(Protocol):
    """What fetching needs of a Maven repository."""

    def download(self, wanted: Coordinates, folder: Path) -> Path:
        """Download a file to somewhere in `folder`.

        Raises:
            NotServedError: there is no such file, or it did not arrive whole.
        """

    def dependencies(self, wanted: Coordinates, folder: Path) -> dict[str, str]:
        """The direct dependencies that a file's POM declares: version by `group:name`.

        Raises:
            NotServedError: there is no POM, or it cannot be read.
        """


class JgoClient:
    """Downloads by jgo.

    `repositories` are base addresses, tried in turn; without any, jgo's default. Proxies and credentials come from the
    environment (`HTTPS_PROXY`, `~/.netrc`), certificates from `REQUESTS_CA_BUNDLE` or the system; Maven's
    `settings.xml` is not read.
    """

    def __init__(self, repositories: tuple[str, ...] = (), *, offline: bool = False) -> None:
        self._repositories = repositories
        self._offline = offline

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> JgoClient:
        """`PTMOBILE_MAVEN`: other repositories, separated by spaces; `PTMOBILE_OFFLINE=1`: none at all."""
        repositories = tuple(environment.get("PTMOBILE_MAVEN", "").split())
        return cls(repositories, offline=environment.get("PTMOBILE_OFFLINE", "") not in {"", "0", "false"})

    def download(self, wanted: Coordinates, folder: Path) -> Path:
        """See `MavenClient`."""
        with self._context(wanted, folder) as context:
            component = context.project(wanted.group, wanted.name).at_version(wanted.version)
            return component.artifact(packaging=wanted.extension).resolve()

    def dependencies(self, wanted: Coordinates, folder: Path) -> dict[str, str]:
        """See `MavenClient`. Not transitive: the POM of 1.9.0 leads to 28 Android libraries that no test here needs."""
        with self._context(wanted, folder) as context:
            component = context.project(wanted.group, wanted.name).at_version(wanted.version)
            found = context.pom_dependencies(component.pom())
            return {f"{one.groupId}:{one.artifactId}": one.version for one in found if one.version}

    @contextmanager
    def _context(self, wanted: Coordinates, folder: Path) -> Iterator[MavenContext]:
        if self._offline:
            raise NotServedError("PTMOBILE_OFFLINE is set")
        try:
            # Takes a third of a second, and most runs find everything in the cache.
            from jgo.maven import MavenContext  # noqa: PLC0415
        except ImportError as problem:
            raise NotServedError(f"the Python package jgo is not installed ({problem.name})") from None
        remote = {f"repository{number}": address for number, address in enumerate(self._repositories)}
        context = MavenContext(repo_cache=folder, remote_repos=remote or None, timeout=TIMEOUT)
        with _system_certificates(), _listening() as complaints:
            try:
                yield context
            except Exception as problem:
                raise NotServedError(_reason(wanted, problem)) from problem
        if complaints:
            raise NotServedError(f"{wanted} did not arrive whole: {complaints[0]}")


def _reason(wanted: Coordinates, problem: Exception) -> str:
    """Why a download failed, without addresses: they may hold a password."""
    if isinstance(problem, RuntimeError):
        return f"the Maven repository does not serve {wanted}"
    if isinstance(problem, OSError) and type(problem).__module__.partition(".")[0] != "requests":
        return f"{wanted} cannot be stored: {os.strerror(problem.errno) if problem.errno else problem}"
    return f"the Maven repository cannot be reached ({type(problem).__name__})"


@contextmanager
def _system_certificates() -> Iterator[None]:
    """Let jgo's HTTP library trust what the machine trusts, as Python does; by itself it brings a list of its own."""
    paths = ssl.get_default_verify_paths()
    store = next(filter(None, (paths.cafile, paths.capath)), "")
    if not store or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        yield
        return
    os.environ["REQUESTS_CA_BUNDLE"] = store
    try:
        yield
    finally:
        os.environ.pop("REQUESTS_CA_BUNDLE", None)


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect what jgo only warns of."""
    complaints: list[str] = []

    class _Ears(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            complaints.append(record.getMessage())

    ears = _Ears(logging.WARNING)
    logger = logging.getLogger("jgo")
    logger.addHandler(ears)
    try:
        yield complaints
    finally:
        logger.removeHandler(ears)
