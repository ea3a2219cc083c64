"""The kit where there is none: built natively if a C compiler and a JDK are there, once per version of its sources."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import native_abi

#: Where the image has its kit.
IMAGE_KIT: Final = Path("/opt/ptmobile/device")
NATIVE: Final = Path(__file__).parent / "native"
_NEEDS: Final = (
    "It needs a C compiler and a JDK of version 11 or later; on Debian: apt-get install gcc libc6-dev "
    "openjdk-17-jdk-headless. The image has everything."
)


def provide_kit(cache: Path, environment: Mapping[str, str]) -> Path:
    """The kit to use: what ``PTMOBILE_DEVICE_KIT`` names, the image's, or one in the cache, built if need be.

    Raises:
        CannotRunError: there is none, and it cannot be built here.
    """
    if named := environment.get("PTMOBILE_DEVICE_KIT"):
        return Path(named)
    if IMAGE_KIT.is_dir():
        return IMAGE_KIT
    abi = native_abi()
    if abi is None:
        raise CannotRunError("Libraries for Android cannot be run on this kind of machine.")
    kit = cache / f"kit-{sources_digest()}"
    if not kit.is_dir():
        build_kit(kit, [abi, *_foreign_abis(abi, environment)], environment)
    return kit


def build_kit(kit: Path, abis: Sequence[str], environment: Mapping[str, str]) -> None:
    """Build stand-ins, launchers and the runner. The folder appears complete or not at all.

    Raises:
        CannotRunError: a tool is missing, or fails.
    """
    try:
        kit.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=kit.parent, prefix=f".{kit.name}-"))
    except OSError as error:
        raise CannotRunError(f"The kit for running the phone's library cannot be built: {error}") from error
    try:
        command = ["/bin/sh", str(NATIVE / "build.sh"), str(temporary), *abis]
        done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or ["it says nothing"]
            raise CannotRunError(f"The kit for running the phone's library cannot be built: {reason[0]}", advice=_NEEDS)
        temporary.chmod(0o755)  # a worker of another user is to read it
        temporary.rename(kit)
    except OSError as error:
        # Somebody else's build may have been quicker: theirs is as good.
        if not kit.is_dir():
            raise CannotRunError(f"The kit for running the phone's library cannot be built: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sources_digest() -> str:
    """A short name for this version of the kit's sources."""
    digest = hashlib.sha256()
    for path in sorted(path for path in NATIVE.rglob("*") if path.is_file()):
        digest.update(os.fsencode(path.relative_to(NATIVE)) + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _foreign_abis(abi: str, environment: Mapping[str, str]) -> list[str]:
    """What can be compiled besides: on x86-64, for phones, where the cross compiler is there."""
    compiler = environment.get("CC_arm64_v8a", "aarch64-linux-gnu-gcc")
    return ["arm64-v8a"] if abi == "x86_64" and shutil.which(compiler, path=environment.get("PATH")) else []
