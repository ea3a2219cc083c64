"""A pipe that carries messages, one line of JSON each, from one process of a job to another."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ptmobile.protocol import MAX_LINE_BYTES, Message, decode, encode


class Writer:
    """The end that speaks."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def send(self, message: Message) -> None:
        """Write one message; a listener that is gone ends this process, as nobody waits for it any more."""
        data = memoryview(encode(message))
        while data:
            data = data[os.write(self.descriptor, data) :]

    def close(self) -> None:
        """Say that nothing more comes."""
        os.close(self.descriptor)


class Reader:
    """The end that listens; never blocks on more than one read."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._buffer = bytearray()
        self.ended = False

    def read(self) -> Iterator[Message]:
        """The messages that one read completes; ``ended`` is set at the end of the pipe.

        Raises:
            ValueError: a line is longer than any honest one, or is not a message.
        """
        chunk = os.read(self.descriptor, 1 << 16)
        if not chunk:
            self.ended = True
            return
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            yield decode(bytes(self._buffer) + line)
            self._buffer.clear()
        self._buffer += rest
        if len(self._buffer) > MAX_LINE_BYTES:
            raise ValueError("a message is too long")

    def close(self) -> None:
        """Stop listening."""
        os.close(self.descriptor)


def pipe() -> tuple[Reader, Writer]:
    """Both ends of a new channel."""
    reader, writer = os.pipe()
    return Reader(reader), Writer(writer)
