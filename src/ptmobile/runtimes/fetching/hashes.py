"""The SHA-256 of the published files that we have seen, and of the copies that we keep of them."""

from __future__ import annotations

from functools import cache
from importlib import resources

import msgspec


class _Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    origin: str
    sha256: dict[str, str]
    kept: dict[str, str]


@cache
def _known() -> _Known:
    data = resources.files("ptmobile.runtimes.fetching").joinpath("known_hashes.json").read_bytes()
    return msgspec.json.decode(data, type=_Known)


def known_hashes() -> dict[str, str]:
    """SHA-256 by coordinates (`group:name:version@extension`)."""
    return _known().sha256


def known_copies() -> dict[str, str]:
    """SHA-256 of what `keep_needed` makes of these files, for all AARs among them."""
    return _known().kept
