"""Hearing a worker: its results on a pipe of their own, strictly parsed; its output passed on as text."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from ptmobile.protocol import MAX_LINE_BYTES, Finished, Message, WorkerSays, decode
from ptmobile.result import ModelResult

_READ_BYTES = 1 << 16
# A background process may hold a pipe open after the worker's end; nobody waits for it longer than this.
_DRAIN_SECONDS = 1.0
MAX_RESULT_BYTES = 64 * 1024 * 1024


class Ears(Protocol):
    """Who takes what a worker writes to its stdout and stderr."""

    def stdout(self, data: bytes) -> None:
        """Take a piece of standard output."""

    def stderr(self, data: bytes) -> None:
        """Take a piece of standard error."""


class Listener:
    """Listens to one worker until it has ended and its pipes are drained.

    ``pipes``: the descriptors of its results, stdout and stderr.
    """

    def __init__(
        self,
        pipes: tuple[int, int, int],
        *,
        control: socket.socket,
        hear: Callable[[Message], None],
        ears: Ears,
    ) -> None:
        results, stdout, stderr = pipes
        self._result: ModelResult | None = None
        self._hear = hear
        self._control = control
        self._takers = {results: self._results, stdout: ears.stdout, stderr: ears.stderr}
        self._line = bytearray()
        self._received = 0
        self._ended = ""
        self._status: int | None = None
        self._fault = ""

    @property
    def result(self) -> ModelResult | None:
        """What the worker found. It counts only as the last word of a worker that ended as it should."""
        return self._result if self._status == 0 and not self._fault else None

    def listen(self, process: int, seconds: float) -> str:
        """Listen until the worker has ended, for so many seconds at most; says how it ended.

        What is no honest report ends the listening: the worker's session is killed by the caller.
        """
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            for descriptor in self._takers:
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map() and not self._fault:
                left = deadline - time.monotonic()
                if left <= 0:
                    return self._ended or "did not end in time"
                for key, _ in selector.select(left):
                    if key.fileobj is self._control:
                        if self._take_end(process):
                            selector.unregister(self._control)
                            deadline = time.monotonic() + _DRAIN_SECONDS
                    elif not self._take(key.fd):
                        selector.unregister(key.fd)
        return self._fault or self._ended

    def _take_end(self, process: int) -> bool:
        try:
            data = self._control.recv(_READ_BYTES)
        except ConnectionResetError:
            data = b""
        if not data:
            self._fault = "was killed with its parent: something kills processes that are not its own"
            return False
        said = msgspec.json.decode(data, type=WorkerSays)
        if said.event != "ended" or said.process != process:
            return False
        self._status = said.status
        self._ended = _in_words(said.status)
        return True

    def _take(self, descriptor: int) -> bool:
        """Take one piece; False at the end of the pipe."""
        data = os.read(descriptor, _READ_BYTES)
        if data:
            self._takers[descriptor](data)
        return bool(data)

    def _results(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MAX_RESULT_BYTES:
            self._fault = f"wrote more than {MAX_RESULT_BYTES} bytes of results"
            return
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._message(bytes(self._line) + line)
            self._line.clear()
        self._line += rest
        if len(self._line) > MAX_LINE_BYTES:
            self._fault = "wrote a result that is too long"

    def _message(self, line: bytes) -> None:
        if self._fault:
            return
        try:
            message = decode(line)
        except msgspec.DecodeError as error:
            self._fault = f"wrote what is no result: {error}"
            return
        if self._result is not None:
            self._fault = "went on after its result"
            return
        if isinstance(message, Finished):
            self._result = message.result
        self._hear(message)


def _in_words(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"ended with exit status {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
