"""What is found in build files: plain data, and the artifacts that are looked for."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from ptmobile.runtimes.releases import Platform

#: What an artifact is: the lite interpreter, the full one, torchvision's Java or Objective-C helpers (images to
#: tensors), or torchvision's operators (nms and the like).
Role = Literal["lite", "full", "torchvision", "operators"]
#: How sure the version is. `resolved`: a lockfile or a forced version says what is built; `exact`: a fixed version in a
#: build file; `range`: several versions fit; `dynamic`: whatever is newest on the day; `unknown`: not found out.
Certainty = Literal["resolved", "exact", "range", "dynamic", "unknown"]

GROUP: Final = "org.pytorch"
ANDROID_ARTIFACTS: Final[dict[str, Role]] = {
    "pytorch_android_lite": "lite",
    "pytorch_android": "full",
    "pytorch_android_torchvision_lite": "torchvision",
    "pytorch_android_torchvision": "torchvision",
    "torchvision_ops": "operators",
}
PODS: Final[dict[str, Role]] = {
    "LibTorch-Lite": "lite",
    "LibTorch-Lite-Nightly": "lite",
    "LibTorch": "full",
    "LibTorchvision": "operators",
}


class DeclaredRuntime(msgspec.Struct, frozen=True, kw_only=True):
    """One artifact of PyTorch Mobile that one app declares.

    `app` is the app's folder, `file` a path, both relative to the workspace (`.` is the workspace itself). `version` is
    the one that is built, as far as that is sure: None for a range without a preferred version, a dynamic or an unknown
    one. `declared` is what the file says. `version_from` is the place (`file:line`) where the version is written if
    that is not where the artifact is named. `also` are further places of this app that name the artifact.
    """

    app: str
    platform: Platform
    role: Role
    artifact: str
    version: str | None
    declared: str
    certainty: Certainty
    file: str
    line: int
    version_from: str = ""
    also: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it is declared, as editors and compilers write it."""
        return f"{self.file}:{self.line}"


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found, in the order of apps, files and lines; `notices` say what could not be read."""

    found: tuple[DeclaredRuntime, ...]
    notices: tuple[str, ...]


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """One artifact in one file, before files of an app are put together; `folder` is where the file lies."""

    folder: str
    platform: Platform
    role: Role
    artifact: str
    version: str | None
    declared: str
    certainty: Certainty
    file: str
    line: int
    version_from: str = ""

    @property
    def place(self) -> str:
        """`file:line`."""
        return f"{self.file}:{self.line}"
