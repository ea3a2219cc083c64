"""The kit where there is none: built natively if a C compiler and a JDK are there, once per version of its sources."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import ARM64, QEMU, native_abi

#: Where the image has its kit.
IMAGE_KIT: Final = Path("/opt/ptmobile/device")
NATIVE: Final = Path(__file__).parent / "native"
_NEEDS: Final = (
    "It needs a C compiler and a JDK of version 11 or later; on Debian: apt-get install gcc libc6-dev "
    "openjdk-17-jdk-headless. The image has everything."
)
_COMPILER: Final = "aarch64-linux-gnu-gcc"
# What making and running the arm64 part takes, and the Debian packages that it is in.
_TOOLS: Final = {
    _COMPILER: "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    QEMU: "qemu-user-static",
    "jlink": "openjdk-17-jdk-headless",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
}
_NEEDS_ARM64: Final = (
    f"It needs a network, and on Debian: apt-get install {' '.join(_TOOLS.values())}. The image has everything."
)
_ROOT_SCRIPTS: Final = ("arm64-root.sh", "make-jre.sh")


def provide_kit(cache: Path, environment: Mapping[str, str]) -> Path:
    """The kit to use: what ``PTMOBILE_DEVICE_KIT`` names, the image's, or one in the cache, built if need be.

    What is built runs this machine's own ABI; :func:`provide_arm64` adds the other one.

    Raises:
        CannotRunError: there is none, and it cannot be built here.
    """
    if named := environment.get("PTMOBILE_DEVICE_KIT"):
        return Path(named).absolute()
    if IMAGE_KIT.is_dir():
        return IMAGE_KIT
    abi = native_abi()
    if abi is None:
        raise CannotRunError("Libraries for Android cannot be run on this kind of machine.")
    kit = cache / f"kit-{sources_digest()}"
    if not kit.is_dir():
        build_kit(kit, [abi], environment)
    return kit


def provide_kit_for(abi: str, cache: Path, environment: Mapping[str, str]) -> Path:
    """The kit to use for an ABI, with what that needs on this machine.

    Raises:
        CannotRunError: as :func:`provide_kit` and :func:`provide_arm64`.
    """
    kit = provide_kit(cache, environment)
    if abi == ARM64:
        provide_arm64(kit, environment)
    return kit


def provide_arm64(kit: Path, environment: Mapping[str, str]) -> None:
    """Add to a kit what an x86-64 machine needs to run arm64-v8a libraries; the first time takes about a minute.

    A kit that was given (by ``PTMOBILE_DEVICE_KIT``, or in the image) is left as it is, and so is one on another kind
    of machine: :func:`ptmobile.device.kit.find_machine` says what it lacks. The C library and the Java VM do not depend
    on the kit's own sources: they are made once beside it, and linked.

    Raises:
        CannotRunError: it cannot be made here; says what is missing, and where to get it.
    """
    part = kit / ARM64
    given = kit in {IMAGE_KIT, Path(environment.get("PTMOBILE_DEVICE_KIT") or IMAGE_KIT).absolute()}
    if native_abi() != "x86_64" or given or part.is_dir():
        return
    _check_tools(environment)
    what = "What runs arm64-v8a libraries cannot be made"
    root = kit.parent / f"arm64-{sources_digest(_ROOT_SCRIPTS)}"
    if not root.is_dir():
        with _whole(root, what) as folder:
            _run([str(NATIVE / "arm64-root.sh"), str(folder)], environment, what, _NEEDS_ARM64)
    with _whole(part, what, ARM64) as folder:
        _run([str(NATIVE / "build.sh"), str(folder), ARM64], environment, what, _NEEDS_ARM64)
        for name in ("root", "jre"):
            (folder / ARM64 / name).symlink_to(Path("..", "..", root.name, ARM64, name))


def build_kit(kit: Path, abis: Sequence[str], environment: Mapping[str, str]) -> None:
    """Build stand-ins, launchers and the runner. The folder appears complete or not at all.

    Raises:
        CannotRunError: a tool is missing, or fails.
    """
    what = "The kit for running the phone's library cannot be built"
    with _whole(kit, what) as folder:
        _run([str(NATIVE / "build.sh"), str(folder), *abis], environment, what)


def sources_digest(names: Sequence[str] = ()) -> str:
    """A short name for this version of the kit's sources, or of some of them."""
    digest = hashlib.sha256()
    paths = [NATIVE / name for name in names] or sorted(path for path in NATIVE.rglob("*") if path.is_file())
    for path in paths:
        digest.update(os.fsencode(path.relative_to(NATIVE)) + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _whole(target: Path, what: str, inner: str = "") -> Iterator[Path]:
    """A folder to fill, which (or the one inside it) becomes the target at the end: complete or not at all."""
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
        yield temporary
        (temporary / inner).chmod(0o755)  # a worker of another user is to read it
        (temporary / inner).rename(target)
    except OSError as error:
        # Somebody else may have been quicker: theirs is as good.
        if not target.is_dir():
            raise CannotRunError(f"{what}: {error}") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _run(script: Sequence[str], environment: Mapping[str, str], what: str, advice: str = _NEEDS) -> None:
    done = subprocess.run(["/bin/sh", *script], env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["it says nothing"]
        raise CannotRunError(f"{what}: {reason[0]}", advice=advice)


def _check_tools(environment: Mapping[str, str]) -> None:
    folders = [environment.get("PATH", os.defpath)]
    if home := environment.get("JAVA_HOME"):
        folders.insert(0, f"{home}/bin")
    own = {_COMPILER: environment.get("CC_arm64_v8a", _COMPILER)}
    path = os.pathsep.join(folders)
    missing = [tool for tool in _TOOLS if shutil.which(own.get(tool, tool), path=path) is None]
    if missing:
        packages = " ".join(_TOOLS[tool] for tool in missing)
        raise CannotRunError(
            f"Running {ARM64} libraries here needs {', '.join(missing)}.",
            advice=f"On Debian: apt-get install {packages}. The image has everything.",
        )
