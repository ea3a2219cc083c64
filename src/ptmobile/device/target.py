"""Where a file is to be run: a prepared library of one release and ABI, as plain data that a worker is given."""

from __future__ import annotations

import msgspec


class DeviceTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One release on one ABI.

    ``artifact`` is the published release as ``artifact:version``, empty for a build of the user's own. ``library`` is
    what the ``.aar`` is called, and ``sha256`` its hash; both are empty where there is none. ``found`` says
    where the release was named. ``operators`` is the library with torchvision's operators that its apps ship beside it,
    as ``artifact:version``. ``kit`` and ``folder`` are the folders of the kit and of the prepared library; where
    ``aar`` and ``jars`` are given, nothing is prepared yet, and whoever runs the library does that. ``environment``
    is what finding a Java VM and an emulator needs (``PATH``, ``PTMOBILE_JRE``).
    ``decides``: an app here declares the release, or it was asked for, so that its failure is the file's failure.
    ``obstacle`` is why the library cannot be run here; empty where it can. ``page_bytes`` is the largest page size of a
    device that can load it, None where that is not known.
    """

    release: str
    abi: str
    artifact: str = ""
    library: str = ""
    sha256: str = ""
    found: str = ""
    operators: str = ""
    kit: str = ""
    folder: str = ""
    aar: str = ""
    jars: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    obstacle: str = ""
    page_bytes: int | None = None
    decides: bool = True

    @property
    def label(self) -> str:
        """Release and ABI, as in ``1.12.2 x86_64``."""
        return f"{self.release} {self.abi}"
