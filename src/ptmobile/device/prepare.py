"""From an AAR to a folder that can be run: one ABI's libraries, their symbol versions dropped, and the Java classes.

The libraries ask for version ``LIBC`` of bionic's ``libc.so``, which glibc's loader refuses before it looks at names.
In the copies the dynamic entries that hold versions get a tag that loaders pass over; nothing else changes.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from ptmobile.device.elf import SharedLibrary, read_library
from ptmobile.device.errors import PrepareError
from ptmobile.device.prepared import PREPARED_FILE, STAND_INS, Prepared, PreparedLibrary
from ptmobile.digests import sha256_of

ABI_MACHINES: Final = {"x86_64": "X86_64", "arm64-v8a": "AARCH64"}
#: DT_LOOS: the first tag that is left to operating systems; neither glibc nor bionic gives it a meaning.
IGNORED_TAG: Final = 0x6000000D
MAX_LIBRARY_BYTES: Final = 1 << 30
MAX_JAR_BYTES: Final = 64 << 20
MAX_MEMBERS: Final = 100_000
_MAX_LIBRARIES: Final = 64
_CHUNK_BYTES: Final = 1 << 20
#: The library with the runtime: of the lite interpreter, and of the full one.
_RUNTIMES: Final = ("libpytorch_jni_lite.so", "libpytorch_jni.so")


def prepare(aar: Path, jars: Sequence[Path], abi: str, folder: Path) -> Prepared:
    """Make ``folder`` from an AAR and the jars that its classes need (fbjni, nativeloader).

    The folder appears complete or not at all; one that exists is replaced.

    Raises:
        PrepareError: the AAR is damaged, lacks the ABI, or holds something that is no library of it.
        OSError: the files cannot be read or written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        prepared = _fill(temporary, aar, jars, abi)
        (temporary / PREPARED_FILE).write_bytes(msgspec.json.encode(prepared))
        temporary.chmod(0o755)  # another user is to read it
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return prepared


def _fill(folder: Path, aar: Path, jars: Sequence[Path], abi: str) -> Prepared:
    if abi not in ABI_MACHINES:
        raise PrepareError(f"The ABI {abi} is not known here.", advice=f"Known are {', '.join(ABI_MACHINES)}.")
    originals = _extract(aar, abi, folder)
    names = ["classes.jar"]
    for number, jar in enumerate(jars):
        names.append(f"{number}-{jar.name}")
        shutil.copyfile(jar, folder / names[-1])
    facts = {name: read_library(folder / name) for name in originals}
    _check(facts, abi)
    runtime = next((name for name in _RUNTIMES if name in facts), None)
    if runtime is None:
        raise PrepareError(f"{aar.name} holds no runtime of PyTorch for {abi}: no {_RUNTIMES[0]}.")
    order, missing = _loading_order(runtime, facts)
    for name in order:
        drop_versions(folder / name, facts[name])
    for name in set(originals) - set(order):
        (folder / name).unlink()
    defined = frozenset[str]().union(*(facts[name].defined for name in order))
    wanted = frozenset[str]().union(*(facts[name].wanted for name in order))
    return Prepared(
        abi=abi,
        runtime=runtime.removeprefix("lib").removesuffix(".so"),
        aar_sha256=sha256_of(aar),
        libraries=tuple(
            PreparedLibrary(
                name=name,
                sha256=originals[name][0],
                size_bytes=originals[name][1],
                page_alignment=facts[name].page_alignment,
            )
            for name in order
        ),
        jars=tuple(names),
        wanted=tuple(sorted(wanted - defined)),
        missing_libraries=tuple(missing),
        obstacles=tuple(sorted({what for name in order for what in facts[name].obstacles})),
    )


def _extract(aar: Path, abi: str, folder: Path) -> dict[str, tuple[str, int]]:
    """Copy the ABI's libraries and the classes out of the archive; the hash and size of each library by name."""
    pattern = re.compile(rf"jni/{re.escape(abi)}/(lib[\w.+-]{{1,100}}\.so)", re.ASCII)
    found: dict[str, tuple[str, int]] = {}
    seen: set[str] = set()
    try:
        with zipfile.ZipFile(aar) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise PrepareError(f"{aar.name} has {len(members)} members: that is no AAR.")
            for member in members:
                match = pattern.fullmatch(member.filename)
                if match is None and member.filename != "classes.jar":
                    continue
                if member.filename in seen:
                    raise PrepareError(f"{aar.name} holds {member.filename} twice.")
                seen.add(member.filename)
                if match is None:
                    _copy(archive, member, folder / "classes.jar", MAX_JAR_BYTES)
                elif len(found) == _MAX_LIBRARIES:
                    raise PrepareError(f"{aar.name} holds more than {_MAX_LIBRARIES} libraries for {abi}.")
                else:
                    found[match[1]] = _copy(archive, member, folder / match[1], MAX_LIBRARY_BYTES)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise PrepareError(f"{aar.name} is damaged, or no AAR: {error}") from error
    if not found:
        raise PrepareError(f"{aar.name} holds no libraries for {abi}.")
    if "classes.jar" not in seen:
        raise PrepareError(f"{aar.name} holds no classes.jar.")
    return found


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, limit: int) -> tuple[str, int]:
    """Copy one member, whatever it says about its size; its hash and size."""
    digest, size = hashlib.sha256(), 0
    with archive.open(member) as source, target.open("xb") as stream:
        while chunk := source.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > limit:
                raise PrepareError(f"{member.filename} has more than {limit} bytes.")
            digest.update(chunk)
            stream.write(chunk)
    return digest.hexdigest(), size


def _check(facts: dict[str, SharedLibrary], abi: str) -> None:
    for name, library in facts.items():
        if library.machine != ABI_MACHINES[abi]:
            raise PrepareError(f"{name} is in the folder of {abi} and made for {library.machine}.")


def _loading_order(runtime: str, facts: dict[str, SharedLibrary]) -> tuple[list[str], list[str]]:
    """The runtime's library after all that it needs, and the names of needed libraries that are nowhere."""
    order: list[str] = []
    missing: list[str] = []
    visited: set[str] = set()

    def visit(name: str) -> None:
        if name in visited or name in STAND_INS:
            return
        visited.add(name)
        if name not in facts:
            missing.append(name)
            return
        for needed in facts[name].needed:
            visit(needed)
        order.append(name)

    visit(runtime)
    return order, sorted(missing)


def drop_versions(path: Path, library: SharedLibrary) -> None:
    """Give the dynamic entries that hold symbol versions a tag that loaders pass over."""
    with path.open("r+b") as stream:
        for offset in library.version_entries:
            stream.seek(offset)
            stream.write(struct.pack("<Q", IGNORED_TAG))
