"""Which files are made of a model, and how each is built: plain data that host and worker share.

An edition is one file for one bytecode version. The main edition, without a name, is the file that ``output`` names;
others are for apps on older releases. A build is one attempt at an edition on one road.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from ptmobile.device.target import DeviceTarget
from ptmobile.result import Method, variant_key
from ptmobile.spec.conversion import OptimizerPass

#: What the pinned torch writes (torch/csrc/jit/serialization/versions.h: kProducedBytecodeVersion).
PRODUCED_BYTECODE: Final = 8
# The stem becomes the name of the folder inside the archive, so it is the same for every model.
STEM: Final = "model"


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a model.

    ``releases`` are those that it is made for, as ``artifact:version``: what they lack is rewritten. ``shipping`` are
    those of them whose apps also ship the library with torchvision's operators. ``devices`` are the libraries that it
    is run in; ``spares`` are asked only where one of ``devices`` gives other numbers.
    """

    name: str = ""
    bytecode_version: int = PRODUCED_BYTECODE
    releases: tuple[str, ...] = ()
    shipping: tuple[str, ...] = ()
    devices: tuple[DeviceTarget, ...] = ()
    spares: tuple[DeviceTarget, ...] = ()


class Recipe(msgspec.Struct, frozen=True):
    """What is done to a model on the way to a file; the fields are those of :class:`Build`."""

    method: Method
    lower: bool
    optimise: bool
    freeze: bool
    blocklist: tuple[OptimizerPass, ...]


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at an edition's file: the road it is on, and what is done to the captured module.

    ``freeze``: before optimising also what was scripted just now; all else is frozen anyway. ``blocklist``: passes of
    ``optimize_for_mobile`` to leave out. ``remedy`` says in words what is different from what was asked for; it is
    empty for the first attempt.
    """

    method: Method
    edition: Edition
    attempt: int = 0
    lower: bool = False
    optimise: bool = True
    freeze: bool = False
    blocklist: tuple[OptimizerPass, ...] = ()
    remedy: str = ""

    @property
    def recipe(self) -> Recipe:
        """What it does, whatever for; equal in two builds that do the same."""
        return Recipe(self.method, self.lower, self.optimise, self.freeze, tuple(sorted(self.blocklist)))

    @property
    def target(self) -> str:
        """What tells its stages from those of other builds on the road; empty for the first one of the main edition."""
        words = [self.edition.name, f"attempt {self.attempt + 1}" if self.attempt else ""]
        return ", ".join(filter(None, words))

    @property
    def backported(self) -> bool:
        """Whether the file is written in an older bytecode than torch's own."""
        return self.edition.bytecode_version < PRODUCED_BYTECODE

    @property
    def final(self) -> str:
        """The last variant of its file that this machine runs."""
        return self.key("backported" if self.backported else "lite")

    def key(self, stage: str, device: str = "") -> str:
        """Name of one of its variants, such as ``lite (script)`` or ``device 1.9.0 x86_64 bytecode 5 (script)``."""
        return variant_key(stage, self.method, self.target_of(device))

    def target_of(self, device: str) -> str:
        """The target of a stage that runs in a library: its label before that of the build."""
        return ", ".join(filter(None, (device, self.target)))

    def saved_file(self, scratch: Path) -> Path:
        """The file as torch writes it."""
        return self._folder(scratch) / f"{STEM}.ptl"

    def file(self, scratch: Path) -> Path:
        """The file that is shipped."""
        folder = self._folder(scratch)
        return folder / "backported" / f"{STEM}.ptl" if self.backported else folder / f"{STEM}.ptl"

    def _folder(self, scratch: Path) -> Path:
        return scratch / f"files-{self.method}" / f"{self.edition.name or 'main'}-{self.attempt}"
