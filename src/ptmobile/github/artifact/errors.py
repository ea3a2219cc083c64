"""Why an artifact was not uploaded: one class per kind of failure, so that a caller can choose which are only a notice.

No message holds a token, a signature or a signed address.
"""

from __future__ import annotations

from typing import Final

from ptmobile.errors import PublishError

OTHER_WAY: Final = "The files are in the workspace: a later step with actions/upload-artifact can publish them."


class ArtifactError(PublishError):
    """The artifact was not published."""

    def __init__(self, message: str, *, advice: str = OTHER_WAY) -> None:
        super().__init__(message, advice=advice)


class NoServiceError(ArtifactError):
    """There is no artifact service, or no token for it: outside of a job, in a `run:` step, or on a plain act."""


class UnsupportedServerError(ArtifactError):
    """GitHub Enterprise Server: it does not speak this protocol."""


class InvalidArtifactError(ArtifactError):
    """What was asked for cannot be an artifact: its name, the names of its files, or its retention."""


class UnreadableFileError(ArtifactError):
    """A file that should go into the artifact cannot be read."""


class NameTakenError(ArtifactError):
    """The run already has an artifact of this name."""


class QuotaError(ArtifactError):
    """The account's storage for artifacts is full."""


class RateLimitError(ArtifactError):
    """The service, or the store, wants fewer requests, and still did after all attempts."""


class RefusedError(ArtifactError):
    """The service, or the store, understood a request and will not carry it out."""


class ServiceFaultError(ArtifactError):
    """The service, or the store, failed at every attempt."""


class UnreachableError(ArtifactError):
    """No answer came, at any attempt."""
