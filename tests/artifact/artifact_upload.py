"""Uploads in tests: files of any content, no real waiting, and everything noted that must not be lost or shown."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

from artifact_service import ResultsService

from ptmobile.github.artifact import Artifact, Effort, ServiceAccess, UploadedArtifact, Waits, upload

PLENTY = Waits(send=20.0, answer=20.0)


def content_of(size: int, seed: str = "") -> bytes:
    """Bytes that cannot be compressed, the same for the same seed."""
    return random.Random(seed).randbytes(size)


class Uploader:
    """Calls `upload` with files that it makes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.waits: list[float] = []
        self.masked: list[str] = []
        self._lock = threading.Lock()

    def file(self, name: str, content: bytes) -> tuple[str, Path]:
        """A file of the workspace, under its own name."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return name, path

    def raw(self, service: ResultsService, content: bytes = b"weights", **fields: Any) -> UploadedArtifact:
        """Upload one bare file."""
        return self.upload(service.access(), [self.file("net.ptl", content)], archive="raw", **fields)

    def zip(self, service: ResultsService, content: bytes = b"weights", **fields: Any) -> UploadedArtifact:
        """Upload one file in an archive."""
        return self.upload(service.access(), [self.file("net.ptl", content)], **fields)

    def upload(
        self, access: ServiceAccess, files: list[tuple[str, Path]], name: str = "net", **fields: Any
    ) -> UploadedArtifact:
        """Upload anything."""
        effort = Effort(waits=fields.pop("waits", PLENTY), sleep=self._sleep)
        return upload(Artifact(files, name, **fields), access, self.masked.append, effort)

    def _sleep(self, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)
