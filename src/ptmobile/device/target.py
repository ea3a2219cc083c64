"""Where a file is to be run: a prepared library of one release and ABI, as plain data that a worker is given."""

from __future__ import annotations

import msgspec


class DeviceTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One release on one ABI.

    ``found`` says where the release was named. ``kit`` and ``folder`` are the folders of the kit and of the prepared
    library. ``environment`` is what finding a Java VM and an emulator needs (``PATH``, ``PTMOBILE_JRE``).
    ``decides``: an app here declares the release, or it was asked for, so that its failure is the file's failure.
    ``obstacle`` is why the library cannot be run here; empty where it can.
    """

    release: str
    abi: str
    found: str = ""
    kit: str = ""
    folder: str = ""
    environment: dict[str, str] = {}
    obstacle: str = ""
    decides: bool = True

    @property
    def label(self) -> str:
        """Release and ABI, as in ``1.12.2 x86_64``."""
        return f"{self.release} {self.abi}"
