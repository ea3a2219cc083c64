"""What is installed beside us and stays: a model's packages must go with it, and none of it is installed twice.

pip knows nothing of it where it installs into a folder. So it gets a wheel for each, which holds a name and a version
and nothing else, and the constraint to take that one.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ptmobile.digests import sha256_of

#: What every wheel of ours has in its version, so that no index has it too.
LABEL: Final = "ptmobile"
#: How Debian's builds call themselves.
_BUILDS: Final = {"torch": {"1.13.0a0": "1.13.1"}, "torchvision": {"0.14.1a0": "0.14.1"}}
_DATE: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Stub:
    """A wheel that stands for what is here: the pin that names it, and the hash of its bytes."""

    name: str
    pin: str
    sha256: str
    metadata_folder: str


def provided() -> Mapping[str, Version]:
    """Name and version of every distribution that a worker can import without further ado, by its canonical name."""
    found: dict[str, Version] = {}
    for distribution in importlib.metadata.distributions():
        name = canonicalize_name(distribution.metadata["Name"] or "")
        if name and name not in found and (version := true_version(name, distribution.version)):
            found[name] = version
    return found


def true_version(name: str, text: str | None) -> Version | None:
    """The release that a distribution is, without a local label; None for what is no version."""
    try:
        public = Version(text or "").public
    except InvalidVersion:
        return None
    return Version(_BUILDS.get(name, {}).get(public, public))


def write_stubs(versions: Mapping[str, Version], folder: Path) -> tuple[Stub, ...]:
    """Write a wheel for each into the folder; the same versions give the same bytes."""
    return tuple(_write(name, version, folder) for name, version in sorted(versions.items()))


def _write(name: str, version: Version, folder: Path) -> Stub:
    stem = f"{name.replace('-', '_')}-{version}+{LABEL}"
    info = f"{stem}.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}+{LABEL}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: ptmobile\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = _record(files.items(), f"{info}/RECORD")
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(zipfile.ZipInfo(file, _DATE), text)
    return Stub(name, f"{name}=={version}+{LABEL}", sha256_of(path), info)


def _record(files: Iterable[tuple[str, str]], own: str) -> str:
    lines = [f"{name},sha256={_digest(text)},{len(text)}\n" for name, text in files]
    return "".join([*lines, f"{own},,\n"])


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
