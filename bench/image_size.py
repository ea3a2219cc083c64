"""Measure the action's image: its size, its size on the way to a user, and what takes the room.

Usage: python bench/image_size.py [IMAGE]     (default: ptmobile-action:dev, as scripts/build-image.sh makes it)
"""

from __future__ import annotations

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
    if names[:2] == ("usr", "lib"):
        return str(PurePosixPath(*names[:4]))
    return str(PurePosixPath(*names[:3]))


def measure_parts(client: docker.DockerClient, image: str) -> dict[str, Part]:
    """Sort the image's files into parts."""
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
                        parts[part_of(PurePosixPath(member.name))].add(content.read())
    finally:
        container.remove()
    for part in parts.values():
        part.finish()
    return parts


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
    parts = measure_parts(client, image)
    print(f"{image}: {plain / MEGABYTE:.1f} MB, compressed (docker save | gzip -6) ", end="", flush=True)
    print(f"{compressed_size(image, client) / MEGABYTE:.1f} MB\n\n{'MB':>7} {'gzip':>7}  part")
    largest = sorted(parts.items(), key=lambda item: item[1].compressed, reverse=True)
    for name, part in largest[:SHOWN]:
        print(f"{part.plain / MEGABYTE:7.1f} {part.compressed / MEGABYTE:7.1f}  {name}")
    rest = [part for _, part in largest[SHOWN:]]
    print(
        f"{sum(part.plain for part in rest) / MEGABYTE:7.1f} {sum(part.compressed for part in rest) / MEGABYTE:7.1f}"
        f"  {len(rest)} smaller parts"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else DEVELOPMENT_TAG))
