"""Which release a user means, and what to say if it cannot be had."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ptmobile.errors import ConfigurationError, ExitCode, PtmobileError
from ptmobile.runtimes.choosing import find_release
from ptmobile.runtimes.fetching import NotAvailable
from ptmobile.runtimes.releases import load_releases
from ptmobile.spec.problems import shown, suggestion
from ptmobile.visible import visible

_ARTIFACT: Final = "org.pytorch:pytorch_android_lite"
_VERSION: Final = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}[A-Za-z0-9._-]{0,60}")


class NotObtainedError(PtmobileError):
    """A release cannot be had."""

    code = ExitCode.RUNTIME_INCOMPATIBLE


def wanted_version(text: str) -> str:
    """The version of `pytorch_android_lite` that is meant, also one that we do not know.

    Raises:
        NotObtainedError: it is a release for iOS.
        ConfigurationError: it is no release at all.
    """
    release = find_release(text)
    if release is not None and release.platform == "android":
        return release.version
    if release is not None:
        raise NotObtainedError(
            f"{release.label} is a release for iOS: its library cannot be fetched or run here.",
            advice=f"Those for Android are {', '.join(_published())}.",
        )
    name, _, version = text.strip().rpartition(":")
    if name not in {"", _ARTIFACT, _ARTIFACT.rpartition(":")[2]} or not _VERSION.fullmatch(version):
        raise ConfigurationError(
            f"RELEASE: given {shown(text)}, which is no release of {_ARTIFACT}; allowed: {', '.join(_published())}"
            f"{suggestion(text, _published())}"
        )
    return version


def not_obtained(version: str, why: NotAvailable) -> NotObtainedError:
    """What to say of a release that cannot be had."""
    published = list(_published())
    if version in published:
        advice = f"{why.advice} PTMOBILE_MAVEN names other repositories; `ptmobile runtimes list` shows what is known."
        return NotObtainedError(f"{why.reason}.", advice=advice.strip())
    advice = f"No such release is known to us; those are {', '.join(published)}{suggestion(version, published)}"
    return NotObtainedError(visible(f"{why.reason}."), advice=advice)


def _published() -> Iterator[str]:
    yield from (release.version for release in load_releases() if release.platform == "android")
