"""Measure the action's image: its size, its size on the way to a user, what each part adds, and what takes the room.

Usage: python bench/image_size.py [IMAGE]     (default: ptmobile-action:dev, as scripts/build-image.sh makes it)
"""

from __future__ import annotations

import platform
import sys
import tarfile
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, cast

import docker
from docker.errors import DockerException, ImageNotFound

from ptmobile.local.image import DEVELOPMENT_TAG, compressed_size

SHOWN = 20
MEGABYTE = 1_000_000
SYSTEM = "Debian: Python, torch, torchvision and what they need"
EMULATED = "running arm64-v8a libraries on x86-64"
NATIVE = "running libraries of the machine's own ABI"
_DEVICE = "opt/ptmobile/device"
_FOREIGN = f"{_DEVICE}/arm64-v8a" if platform.machine() == "x86_64" else f"{_DEVICE}/none"
_PACKAGES = "usr/local/lib/python3.11/dist-packages"
# What files are there for, by their folder; the first that fits.
GROUPS = (
    (EMULATED, _FOREIGN),
    (EMULATED, "usr/share/doc/qemu-user-static"),
    (NATIVE, _DEVICE),
    ("releases of the phone's library that were baked in", "opt/ptmobile/runtimes"),
    ("our package", f"{_PACKAGES}/ptmobile"),
    ("the Python packages that it needs", _PACKAGES),
)


@dataclass
class Part:
    """A program, library or Python package within the image."""

    plain: int = 0
    compressed: int = 0
    _compressor: Any = field(default_factory=lambda: zlib.compressobj(6))

    def add(self, content: bytes) -> None:
        """Count one file."""
        self.plain += len(content)
        self.compressed += len(self._compressor.compress(content))

    def finish(self) -> None:
        """Count what the compressor has kept back."""
        self.compressed += len(self._compressor.flush())


def part_of(path: PurePosixPath) -> str:
    """Name the part that a file belongs to: a Python package, a library's folder or file, else a top folder."""
    names = path.parts
    if "dist-packages" in names[:-1]:
        return str(PurePosixPath(*names[: names.index("dist-packages") + 2]))
    if names[:2] == ("usr", "lib") or names[:3] == ("opt", "ptmobile", "device"):
        return str(PurePosixPath(*names[:4]))
    return str(PurePosixPath(*names[:3]))


def group_of(path: PurePosixPath) -> str:
    """Name what a file is there for."""
    text = f"{path}/"
    return next((name for name, folder in GROUPS if text.startswith(f"{folder}/")), SYSTEM)


def measure_parts(client: docker.DockerClient, image: str) -> tuple[dict[str, Part], dict[str, Part]]:
    """Sort the image's files into groups, by what they are for, and into parts."""
    groups: dict[str, Part] = defaultdict(Part)
    parts: dict[str, Part] = defaultdict(Part)
    container = client.containers.create(image)
    try:
        with tempfile.TemporaryFile() as buffer:
            for piece in cast("Iterable[bytes]", container.export()):
                buffer.write(piece)
            buffer.seek(0)
            with tarfile.open(fileobj=buffer) as archive:
                for member in archive:
                    content = archive.extractfile(member) if member.isfile() else None
                    if content:
                        path, data = PurePosixPath(member.name), content.read()
                        groups[group_of(path)].add(data)
                        parts[part_of(path)].add(data)
    finally:
        container.remove()
    for part in (*groups.values(), *parts.values()):
        part.finish()
    return groups, parts


def print_line(part: Part, name: str) -> None:
    """Print the figures of one part."""
    print(f"{part.plain / MEGABYTE:7.1f} {part.compressed / MEGABYTE:7.1f}  {name}")


def print_largest(parts: dict[str, Part]) -> None:
    """Print the largest parts, and the sum of the others."""
    largest = sorted(parts.items(), key=lambda item: item[1].compressed, reverse=True)
    for name, part in largest[:SHOWN]:
        print_line(part, name)
    rest = [part for _, part in largest[SHOWN:]]
    total = Part(sum(part.plain for part in rest), sum(part.compressed for part in rest))
    print_line(total, f"{len(rest)} smaller parts")


def main(image: str) -> int:
    """Print the figures."""
    try:
        client = docker.from_env()
        plain = int(client.images.get(image).attrs["Size"])
    except ImageNotFound:
        print(f"there is no image {image}: scripts/build-image.sh makes it", file=sys.stderr)
        return 1
    except DockerException as error:
        print(f"no Docker engine answers: {error}", file=sys.stderr)
        return 1
    groups, parts = measure_parts(client, image)
    compressed = compressed_size(image, client)
    whole = Part(plain, compressed)
    print("     MB    gzip  (docker save | gzip -6)")
    print_line(whole, image)
    if foreign := groups.get(EMULATED):
        print_line(Part(plain - foreign.plain, compressed - foreign.compressed), f"without {EMULATED}")
    print(f"\n{'MB':>7} {'gzip':>7}  what for")
    for name in dict.fromkeys((SYSTEM, *(name for name, _ in GROUPS))):
        if name in groups:
            print_line(groups[name], name)
    print(f"\n{'MB':>7} {'gzip':>7}  largest parts")
    print_largest(parts)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else DEVELOPMENT_TAG))
