"""What is needed to run an ABI's libraries: the kit (see ``native/build.sh``), a Java VM, qemu for a foreign ABI."""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ptmobile.device.errors import CannotRunError
from ptmobile.device.prepared import STAND_INS

#: The ABI of phones; x86-64 machines run it by qemu.
ARM64: Final = "arm64-v8a"
QEMU: Final = "qemu-aarch64-static"
#: Which ABI this machine runs by itself.
NATIVE_ABIS: Final = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": ARM64, "arm64": ARM64}
TRIPLETS: Final = {"x86_64": "x86_64-linux-gnu", ARM64: "aarch64-linux-gnu"}
MINIMAL_JAVA: Final = 11
_LIBJVM: Final = Path("lib/server/libjvm.so")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """How programs of one ABI are started here. ``root`` is where its C library is: ``/``, or qemu's folder."""

    abi: str
    emulator: tuple[str, ...]
    root: Path
    launcher: Path
    stand_ins: tuple[Path, ...]
    runner: Path
    libjvm: Path

    @property
    def emulated(self) -> bool:
        """Whether the CPU is emulated."""
        return bool(self.emulator)


def native_abi() -> str | None:
    """The ABI that this machine runs by itself, if there is one."""
    return NATIVE_ABIS.get(platform.machine().lower())


def find_machine(kit: Path, abi: str, environment: Mapping[str, str]) -> Machine:
    """Find everything that is needed to run an ABI.

    Raises:
        CannotRunError: something is missing; says what, and how to get it.
    """
    folder = kit / abi
    parts = [kit / "runner.jar", folder / "launcher", *(folder / name for name in STAND_INS)]
    missing = [part for part in parts if not part.is_file()]
    if missing:
        needs = "gcc" if abi == native_abi() else "gcc-aarch64-linux-gnu, libc6-dev-arm64-cross"
        raise CannotRunError(
            f"The kit for running {abi} libraries is not built: {missing[0]} is missing.",
            advice=f"Its build needs a C compiler and a JDK of version 11 or later ({needs}, openjdk-17-jdk-headless).",
        )
    emulator, root = ((), Path("/")) if abi == native_abi() else _emulator(folder, abi, environment)
    return Machine(
        abi=abi,
        emulator=emulator,
        root=root,
        launcher=folder / "launcher",
        stand_ins=tuple(folder / name for name in STAND_INS),
        runner=kit / "runner.jar",
        libjvm=_find_jvm(folder, environment, emulated=bool(emulator)),
    )


def _emulator(folder: Path, abi: str, environment: Mapping[str, str]) -> tuple[tuple[str, ...], Path]:
    if abi != ARM64 or native_abi() != "x86_64":
        raise CannotRunError(f"{abi} libraries cannot be run on {platform.machine()}.")
    own, root = folder / QEMU, folder / "root"
    program = str(own) if own.is_file() else shutil.which(QEMU, path=environment.get("PATH", ""))
    if program is None:
        raise CannotRunError(
            f"Running {abi} libraries here needs {QEMU}.", advice="It is in Debian's package qemu-user-static."
        )
    if not root.is_dir():
        raise CannotRunError(
            f"Running {abi} libraries here needs a root folder with an {abi} C library: {root} is missing.",
            advice="device/native/arm64-root.sh makes it.",
        )
    return (program, "-L", str(root)), root


def _find_jvm(folder: Path, environment: Mapping[str, str], *, emulated: bool) -> Path:
    """The Java VM: that of the kit; for this machine's own ABI also what ``PTMOBILE_JRE`` or ``java`` names.

    Not one in a folder with a colon in its path: the VM takes its own path for a list of paths.
    """
    homes = [folder / "jre"]
    if not emulated:
        if chosen := environment.get("PTMOBILE_JRE"):
            homes.insert(0, Path(chosen))
        if command := shutil.which("java", path=environment.get("PATH", "")):
            homes.append(Path(command).resolve().parent.parent)
    found = [home for home in homes if (home / _LIBJVM).is_file() and _java_version(home) >= MINIMAL_JAVA]
    for home in found:
        if ":" not in str(home.resolve()):
            return home / _LIBJVM
    if found:
        raise CannotRunError(
            f"No Java VM can run from {found[0].resolve()}: the path has a colon.",
            advice="Keep the kit (PTMOBILE_CACHE, PTMOBILE_DEVICE_KIT) or the VM (PTMOBILE_JRE) in another folder.",
        )
    raise CannotRunError(
        f"Running {folder.name} libraries needs a Java VM of version {MINIMAL_JAVA} or later, and there is none.",
        advice="device/native/make-jre.sh makes a small one from a JDK; a java command of that version will do as well."
        if not emulated
        else "device/native/arm64-root.sh makes one beside the root folder.",
    )


def _java_version(home: Path) -> int:
    """The major version that a Java installation says it has; 0 if it does not say."""
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    match = re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE)
    return int(match[1]) if match else 0
