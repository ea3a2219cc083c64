"""What was installed for a model, as the report has it."""

from __future__ import annotations

import msgspec


class RequirementsSource(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the workspace that said what to install: the file of ``requirements``, one that it names, a wheel."""

    path: str
    sha256: str


class InstalledPackage(msgspec.Struct, frozen=True, kw_only=True):
    """One package, by the archive that it came from; ``sha256`` is empty where pip did not tell."""

    name: str
    version: str
    sha256: str = ""


class Packages(msgspec.Struct, frozen=True, kw_only=True):
    """What was installed for a model. ``source_builds``: code of packages was allowed to run for it."""

    sources: tuple[RequirementsSource, ...]
    installed: tuple[InstalledPackage, ...]
    source_builds: bool = False
