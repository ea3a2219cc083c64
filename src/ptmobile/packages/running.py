"""A pip that runs as the workers' user: started, heard, watched, ended."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from ptmobile.packages.failures import PackagesError
from ptmobile.sandbox.account import Account
from ptmobile.sandbox.parent import kill_session

MAX_BYTES: Final = 2 << 30
_MAX_HEARD: Final = 512 * 1024
_LOOK_SECONDS: Final = 1.0
_STOPPING_SECONDS: Final = 3.0


@dataclass(frozen=True)
class Start:
    """How pip is started: the order's file, its environment, and the folder that all goes into."""

    order: Path
    environment: Mapping[str, str]
    folder: Path
    account: Account


def run_pip(start: Start, seconds: float, hear: Callable[[bytes], None], most: int = MAX_BYTES) -> tuple[bool, str]:
    """Run pip for so many seconds at most; whether it installed everything, and the last of what it printed.

    Raises:
        PackagesError: it took too long, or the folder has more than ``most`` bytes.
    """
    # Like the prepared parent not -I, and what is in the folder is in no path of it.
    command = [sys.executable, "-s", "-P", "-m", "ptmobile.worker.package_process", str(start.order)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=start.folder,
        env=dict(start.environment),
        start_new_session=True,
        user=start.account.uid,
        group=start.account.gid,
        extra_groups=[] if start.account.separate else None,
        umask=0o022,
    )
    assert process.stdout is not None  # noqa: S101 - for the type checker
    try:
        heard = _listen(process.stdout, start.folder, time.monotonic() + seconds, (hear, most))
        return process.wait(_STOPPING_SECONDS) == 0, heard
    except TimeoutError:
        said = f"within {seconds / 60:g} minutes"
        raise PackagesError(
            f"The packages were not installed {said}.", advice="`timeout-minutes` allows more."
        ) from None
    except subprocess.TimeoutExpired:
        return False, "pip did not end"
    finally:
        _end(process)


def folder_bytes(folder: Path) -> int:
    """What the files in a folder take, links not followed; what goes while it is counted counts nothing."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += Path(place, name).lstat().st_size
    return total


def _listen(stream: IO[bytes], folder: Path, deadline: float, rest: tuple[Callable[[bytes], None], int]) -> str:
    hear, most = rest
    heard = bytearray()
    looked = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            now = time.monotonic()
            if now > deadline:
                raise TimeoutError
            if now - looked > _LOOK_SECONDS:
                looked = now
                _check_size(folder, most)
            if selector.select(_LOOK_SECONDS):
                piece = os.read(stream.fileno(), 1 << 16)
                if not piece:
                    _check_size(folder, most)
                    return heard.decode(errors="replace")
                hear(piece)
                heard += piece
                del heard[:-_MAX_HEARD]


def _check_size(folder: Path, most: int) -> None:
    if folder_bytes(folder) > most:
        raise PackagesError(
            f"The packages take more than {most / (1 << 30):g} GiB.", advice="Name only what the model itself imports."
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and what it has started: it does so itself when asked."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOPPING_SECONDS)
    kill_session(process.pid)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
