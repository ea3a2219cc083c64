"""From files to an artifact: announce it, upload its bytes, publish it."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

from ptmobile.github.artifact.access import ServiceAccess
from ptmobile.github.artifact.archive import BARE_TYPE, ZIP_TYPE, check_readable, write_bare, write_zip
from ptmobile.github.artifact.blocks import BlockUpload
from ptmobile.github.artifact.errors import ArtifactError, InvalidArtifactError
from ptmobile.github.artifact.names import check_artifact_name, check_file_names
from ptmobile.github.artifact.retention import clamp_retention, expires_at
from ptmobile.github.artifact.retry import Patience, Retrying
from ptmobile.github.artifact.secrets import Secrets
from ptmobile.github.artifact.service import ArtifactService, Content
from ptmobile.github.artifact.store import BlobStore
from ptmobile.github.artifact.twirp import TwirpClient
from ptmobile.github.artifact.web import Waits, Web, quiet

Archive: TypeAlias = Literal["raw", "zip"]
Files: TypeAlias = Sequence[tuple[str, Path]]
"""Names within the artifact, with `/`, and where the files are."""

THREADS = 5


@dataclass(frozen=True)
class Artifact:
    """What to publish.

    `raw` takes one file, which people then download as it is, under the artifact's name; so the name gets the file's
    ending if it lacks it, and an empty one is the file's. `retention_days` of 0 is the repository's default. With
    `overwrite` an artifact of the same name is removed first.
    """

    files: Files
    name: str
    archive: Archive = "zip"
    retention_days: int = 0
    overwrite: bool = False


@dataclass(frozen=True)
class UploadedArtifact:
    """An artifact that is published."""

    id: int
    name: str
    """As it is published: of a bare file, what it is saved as."""

    url: str
    """The page that downloads it; empty on act, which has none."""

    digest: str
    """SHA-256 of the bytes that were uploaded, in hexadecimal: of the archive, or of the bare file."""

    size_bytes: int
    archive: Archive
    notices: tuple[str, ...] = ()
    """What was done otherwise than asked for."""


@dataclass(frozen=True)
class Effort:
    """How hard to try; `sleep` waits between attempts (without it, a cancelled upload does not wait on)."""

    patience: Patience = field(default_factory=Patience)
    waits: Waits = field(default_factory=Waits)
    sleep: Callable[[float], object] | None = None


def upload(
    wanted: Artifact, service: ServiceAccess, mask: Callable[[str], None], effort: Effort | None = None
) -> UploadedArtifact:
    """Publish files as an artifact of the run; nothing of a failed upload is published.

    `mask` is told what the log must not show, before it is used.

    Raises:
        ArtifactError: it was not published; the class tells why.
    """
    artifact, notices = _adapt(wanted, service)
    ids = service.identify()
    check_readable(artifact.files)
    effort, stop, secrets = effort or Effort(), threading.Event(), Secrets(mask)
    secrets.add(service.runtime_token)
    retrying = Retrying(effort.patience, effort.sleep or stop.wait)
    with quiet(), closing(Web(service.proxies, effort.waits, THREADS, stop)) as web:
        client = TwirpClient(service.origin, service.runtime_token, web.send, secrets, retrying)
        backend = ArtifactService(client, ids, sizes_are_right=not service.on_act)
        # On act a new artifact takes the place of the old one anyway, and asking for a list may end its server.
        if artifact.overwrite and not service.on_act:
            notices += _remove(artifact.name, backend)
        url = _create(artifact, backend)
        secrets.add_signature(url)
        store = BlobStore(url, web.send, retrying, repeatable=not service.on_act)
        content = _send(artifact, BlockUpload(store, 1 if service.on_act else THREADS, stop))
        number = backend.finalize(artifact.name, content)
    link = service.artifact_url(number)
    return UploadedArtifact(number, artifact.name, link, content.sha256, content.size, artifact.archive, tuple(notices))


def published_name(name: str, file: str) -> str:
    """The name of an artifact that is one bare file: it is saved under it, so it has the file's ending."""
    path = PurePosixPath(file)
    if not name:
        return path.name
    return name if name.lower().endswith(path.suffix.lower()) else name + path.suffix


def _adapt(wanted: Artifact, service: ServiceAccess) -> tuple[Artifact, list[str]]:
    """Check what is asked for and fit it to what the service can do; also return notices about that."""
    check_file_names([file for file, _ in wanted.files])
    days, notice = clamp_retention(wanted.retention_days, service.retention_limit)
    artifact, notices = replace(wanted, retention_days=days), [notice] if notice else []
    if artifact.archive == "raw":
        if len(artifact.files) != 1:
            raise InvalidArtifactError(
                f"{len(artifact.files)} files cannot be uploaded without an archive.", advice="Set archive to zip."
            )
        artifact = replace(artifact, name=published_name(artifact.name, artifact.files[0][0]))
        if service.on_act:
            artifact = replace(artifact, archive="zip")
            notices.append("act keeps artifacts as zip archives only: the file was uploaded in one.")
    check_artifact_name(artifact.name)
    return artifact, notices


def _remove(name: str, backend: ArtifactService) -> list[str]:
    """Remove the artifact of this name, if there is one; return a notice if that cannot be done.

    The upload goes on: if the name is still taken, the service will say so.
    """
    try:
        for listed in backend.list(name)[:1]:
            backend.delete(listed)
    except ArtifactError as problem:
        return [f"The artifact of the same name was not removed: {problem.message}"]
    return []


def _create(artifact: Artifact, backend: ArtifactService) -> str:
    expires = expires_at(artifact.retention_days, dt.datetime.now(dt.UTC))
    return backend.create(artifact.name, mime_type="" if artifact.archive == "zip" else BARE_TYPE, expires_at=expires)


def _send(artifact: Artifact, blob: BlockUpload) -> Content:
    with blob:
        if artifact.archive == "raw":
            write_bare(artifact.files[0][1], blob)
        else:
            write_zip(artifact.files, blob)
        return blob.commit(ZIP_TYPE if artifact.archive == "zip" else BARE_TYPE)
