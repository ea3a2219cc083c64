"""A stream into a blob: cut into blocks, hashed in order, uploaded by several threads, with few blocks in memory."""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from ptmobile.github.artifact.errors import InvalidArtifactError
from ptmobile.github.artifact.service import Content
from ptmobile.github.artifact.store import BLOCK_SIZE, MOST_BLOCKS, BlobStore
from ptmobile.github.artifact.web import StoppedError

_GOODBYE: Final = 2.0  # seconds for threads to notice that all is over; they hold up nothing afterwards


@dataclass(frozen=True)
class _Block:
    index: int
    buffer: bytearray
    size: int


class BlockUpload:
    """A writable stream (`write`, `flush`) whose bytes become a blob.

    As many blocks are under way as there are threads, and one more is being filled; whoever writes faster waits. What
    is hashed is what is sent, even if the source changes meanwhile. With one thread, blocks arrive in order. Left by
    an exception, as by a cancelled run, it stops its threads and commits nothing.
    """

    def __init__(self, store: BlobStore, threads: int, stop: threading.Event) -> None:
        self._store = store
        self._stop = stop
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._blocks = 0
        self._filling = bytearray()
        self._filled = 0
        self._free: queue.SimpleQueue[bytearray | None] = queue.SimpleQueue()
        self._unused = threads + 1
        self._waiting: queue.SimpleQueue[_Block | None] = queue.SimpleQueue()
        self._abandoned = False
        self._failure: Exception | None = None
        self._most = threads
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> BlockUpload:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            return
        self.abandon()
        for _ in self._threads:
            self._waiting.put(None)
        deadline = time.monotonic() + _GOODBYE
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def abandon(self) -> None:
        """Upload nothing more; what is written from now on is dropped."""
        self._abandoned = True
        self._stop.set()

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Take bytes; return how many, which is all.

        Raises:
            ArtifactError: a block could not be uploaded, or there is too much.
        """
        view = memoryview(data).cast("B")
        if not self._abandoned:
            try:
                self._take(view)
            except BaseException:
                self.abandon()  # whoever writes may have an end to write, and must not wait for it
                raise
        return len(view)

    def flush(self) -> None:
        """Do nothing: a block leaves when it is full."""

    def commit(self, content_type: str) -> Content:
        """Upload what is left, wait for all blocks and make them the blob.

        Raises:
            ArtifactError: it cannot be done; the blob has not come to be.
        """
        if self._filled:
            self._dispatch()
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        self._check()
        self._store.commit(self._blocks, content_type)
        return Content(self._size, self._sha256.hexdigest())

    def _take(self, piece: memoryview) -> None:
        while piece:
            if not self._filling:
                self._filling = self._buffer()
            room = min(BLOCK_SIZE - self._filled, len(piece))
            self._filling[self._filled : self._filled + room] = piece[:room]
            self._filled += room
            piece = piece[room:]
            if self._filled == BLOCK_SIZE:
                self._dispatch()

    def _buffer(self) -> bytearray:
        """A buffer that nobody uses; waits for one if there are as many as there may be."""
        self._check()
        if self._unused:
            self._unused -= 1
            return bytearray(BLOCK_SIZE)
        buffer = self._free.get()
        self._check()
        assert buffer is not None  # noqa: S101 - None only wakes us up after a failure
        return buffer

    def _dispatch(self) -> None:
        if self._blocks == MOST_BLOCKS:
            raise InvalidArtifactError(f"The artifact is too large: it has more than {MOST_BLOCKS} blocks of 8 MiB.")
        block = _Block(self._blocks, self._filling, self._filled)
        self._sha256.update(memoryview(block.buffer)[: block.size])
        self._size += block.size
        self._blocks += 1
        self._filling, self._filled = bytearray(), 0
        if len(self._threads) < self._most:
            self._hire()
        self._waiting.put(block)

    def _hire(self) -> None:
        # A daemon, so that a store that does not answer cannot hold up the end of the process.
        thread = threading.Thread(target=self._work, name=f"artifact-block-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (block := self._waiting.get()) is not None and not self._stop.is_set():
            try:
                self._store.put_block(block.index, memoryview(block.buffer)[: block.size])
            except StoppedError:
                return
            except Exception as problem:  # noqa: BLE001 - raised again where the bytes come from
                self._failure = self._failure or problem
                self._stop.set()
                self._free.put(None)
                return
            self._free.put(block.buffer)

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
