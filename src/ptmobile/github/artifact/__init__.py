"""Publishes files as an artifact of a workflow run, from inside an action.

`upload` does it; `ServiceAccess` is what it must know of the job. Whatever cannot be done is an `ArtifactError`.
"""

from ptmobile.github.artifact.access import ServiceAccess
from ptmobile.github.artifact.errors import (
    ArtifactError,
    InvalidArtifactError,
    NameTakenError,
    NoServiceError,
    QuotaError,
    RateLimitError,
    RefusedError,
    ServiceFaultError,
    UnreachableError,
    UnreadableFileError,
    UnsupportedServerError,
)
from ptmobile.github.artifact.names import name_problem
from ptmobile.github.artifact.proxies import Proxies
from ptmobile.github.artifact.retry import Patience
from ptmobile.github.artifact.upload import Archive, Artifact, Effort, UploadedArtifact, published_name, upload
from ptmobile.github.artifact.web import Waits

__all__ = [
    "Archive",
    "Artifact",
    "ArtifactError",
    "Effort",
    "InvalidArtifactError",
    "NameTakenError",
    "NoServiceError",
    "Patience",
    "Proxies",
    "QuotaError",
    "RateLimitError",
    "RefusedError",
    "ServiceAccess",
    "ServiceFaultError",
    "UnreachableError",
    "UnreadableFileError",
    "UnsupportedServerError",
    "UploadedArtifact",
    "Waits",
    "name_problem",
    "published_name",
    "upload",
]
