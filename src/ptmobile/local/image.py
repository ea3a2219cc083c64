"""Build the action's image and measure it, through the Docker SDK (which means: with the classic builder)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, ImageNotFound

DEVELOPMENT_TAG = "ptmobile-action:dev"

_GZIP_LEVEL = 6
_GZIP_FORMAT = 31  # zlib's "wbits" for a gzip header and trailer


@dataclass(frozen=True)
class Image:
    """A built image."""

    tag: str
    id: str
    size_bytes: int


def build(
    context: Path,
    tag: str = DEVELOPMENT_TAG,
    *,
    arguments: Mapping[str, str] | None = None,
    client: docker.DockerClient | None = None,
    on_output: Callable[[str], None] | None = None,
) -> Image:
    """Build the Dockerfile in `context` with these build arguments; `on_output` gets the builder's output piecewise.

    Raises docker.errors.BuildError, which carries the whole log.
    """
    client = client or docker.from_env()
    log: list[dict[str, str]] = []
    build_arguments = dict(arguments or {})
    for message in client.api.build(
        path=str(context), tag=tag, buildargs=build_arguments, rm=True, forcerm=True, decode=True
    ):
        log.append(message)
        if on_output and "stream" in message:
            on_output(message["stream"])
        if "error" in message:
            raise BuildError(message["error"], iter(log))
    built = client.images.get(tag)
    return Image(tag, str(built.id), int(built.attrs["Size"]))


def base_image(dockerfile: Path) -> str:
    """Return the image that a Dockerfile starts from: the default of its argument BASE_IMAGE."""
    prefix = "ARG BASE_IMAGE="
    lines = dockerfile.read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix(prefix) for line in lines if line.startswith(prefix))


def available(name: str, client: docker.DockerClient) -> bool:
    """Tell whether an image is present or can be had from its registry (it is then pulled)."""
    try:
        client.images.get(name)
    except ImageNotFound:
        try:
            client.images.pull(name)
        except APIError:
            return False
    return True


def compressed_size(name: str, client: docker.DockerClient | None = None) -> int:
    """Return the bytes of `docker save | gzip -6`: close to what a registry hands out and every user waits for."""
    client = client or docker.from_env()
    return gzip_size(client.images.get(name).save())


def gzip_size(pieces: Iterable[bytes]) -> int:
    """Return how large a stream would be after gzip, without keeping it."""
    compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
    return sum(len(compressor.compress(piece)) for piece in pieces) + len(compressor.flush())
