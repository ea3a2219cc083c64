"""The prepared parent of the workers: started, heard, and ended with all that descends from it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec

from ptmobile.errors import PtmobileError
from ptmobile.protocol import WorkerSays
from ptmobile.sandbox.account import Account, worker_environment

_START_SECONDS = 120.0
_STOPPING_SECONDS = 3.0
_MAX_SAID_BYTES = 64 * 1024
_END_ALL = "import os, signal; os.kill(-1, signal.SIGKILL)"


class WorkerError(PtmobileError):
    """The worker itself could not be started or did not answer: not the model's fault."""


class Parent:
    """The process that forks the workers, and the socket to it.

    ``landlock`` is the version of Landlock that it found, None before it has said that it is ready.
    """

    def __init__(self, account: Account, home: Path) -> None:
        self.landlock: int | None = None
        self._account = account
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Not -I: that would ignore PYTHONHASHSEED. The environment is ours from the first variable to the last.
        command = [sys.executable, "-s", "-P", "-m", "ptmobile.worker", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=home,
            env=worker_environment(home),
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            user=account.uid,
            group=account.gid,
            extra_groups=[] if account.separate else None,
            umask=0o022,
        )
        theirs.close()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def gone(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def wait_until_ready(self) -> None:
        """Wait for its first word.

        Raises:
            WorkerError: it does not answer, or could not be started.
        """
        if self.landlock is None:
            self.landlock = self.said("ready").landlock

    def start_worker(self, scratch: Path, descriptors: list[int]) -> int:
        """Have a worker forked that writes to these descriptors, and return its process id."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end is heard as the next word
            socket.send_fds(self.control, [str(scratch).encode()], descriptors)
        return self.said("started").process

    def said(self, event: str) -> WorkerSays:
        """Wait for a word of the parent; that an earlier worker has ended may come in between."""
        self.control.settimeout(_START_SECONDS)
        said = self._next_word()
        while said.event == "ended" != event:
            said = self._next_word()
        if said.event != event:
            raise WorkerError(f"The worker said {said.event!r} where {event!r} was due.")
        return said

    def stop(self) -> None:
        """End it, and with it what models have left behind in sessions of their own."""
        self.control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOPPING_SECONDS)
        kill_session(self._process.pid)
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        if self._account.separate:
            self._end_all_of_the_user()

    def _end_all_of_the_user(self) -> None:
        """End whatever still runs as the workers' user. The kernel does it at once, so that no fork escapes it."""
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                [sys.executable, "-I", "-c", _END_ALL],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_STOPPING_SECONDS * 10,
                user=self._account.uid,
                group=self._account.gid,
                extra_groups=[],
            )

    def _next_word(self) -> WorkerSays:
        try:
            data = self.control.recv(_MAX_SAID_BYTES)
        except TimeoutError:
            raise WorkerError(f"The worker did not start within {_START_SECONDS:g} s.") from None
        except ConnectionResetError:
            data = b""
        if not data:
            raise WorkerError(
                f"The worker could not be started: {self._last_words()}",
                advice="It needs Python with torch and torchvision; `make install` sets them up, the image has them.",
            )
        return msgspec.json.decode(data, type=WorkerSays)

    def _last_words(self) -> str:
        """The last line that the parent wrote to stderr: the message of the exception that ended it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        written = self._process.stderr.read(65536) if self._process.stderr else b""
        lines = written.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def kill_session(process: int) -> None:
    """Kill a process and its group. Every worker leads a session of its own."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(process, signal.SIGKILL)
