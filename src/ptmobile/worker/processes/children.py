"""Children of a worker: forked, never returning into their parent's code, ending without torch's slow teardown."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import Final

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
#: What a supervisor takes at its end to end what a model has left running; the host ends what is left then.
LAST_SECONDS: Final = 3.0
# Between the last word of a process and its end; who takes longer has closed descriptors that were not its own.
_ENDING_SECONDS, _PAUSE_SECONDS = 2.0, 0.01


def fork(main: Callable[[], None]) -> int:
    """Run ``main`` in a child and return its process id.

    The child leaves with ``os._exit``: tearing torch down takes 0.3 s and gives nothing back that the kernel would not.
    """
    flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        main()
        status = 0
    except BrokenPipeError:
        status = 0  # nobody listens any more: the job was ended
    finally:
        flush()
        os._exit(status)


def flush() -> None:
    """Write out what is buffered, so that no child writes it again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process (see prctl(2)); a kernel that refuses is not an error."""
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def close_memory(*, closed: bool = True) -> None:
    """Keep other processes of the same user from tracing this one and from opening what ``/proc`` shows of it, or not.

    It holds for children too, until they execute another program.
    """
    prctl(PR_SET_DUMPABLE, int(not closed))


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent has gone, so that it can be waited for."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Get a signal when the parent ends, however it ends."""
    prctl(PR_SET_PDEATHSIG, number)


def how_it_ended(status: int) -> str:
    """An exit status (as of ``os.waitpid``) in words."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        hint = " (the usual sign of too little memory)" if number == signal.SIGKILL else ""
        return f"was ended by {name}{hint}"
    return f"ended by itself with exit status {os.WEXITSTATUS(status)}"


def last_of(process: int) -> str | None:
    """How a process ended that has said its last word; None if it had to be ended, which is done after 2 seconds.

    One that is not a child yet, but a descendant, is waited for until it has become one.
    """
    patience = time.monotonic() + _ENDING_SECONDS
    while time.monotonic() < patience:
        try:
            ended, status = os.waitpid(process, os.WNOHANG)
        except ChildProcessError:
            ended, status = 0, 0  # a road belongs to the model's process until that has ended
        if ended:
            return how_it_ended(status)
        time.sleep(_PAUSE_SECONDS)
    end([process])
    return None


def end(processes: Iterable[int]) -> None:
    """Kill processes and wait for them."""
    for process in processes:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for process in processes:
        try:
            os.waitpid(process, 0)
        except ChildProcessError:
            continue


def end_descendants(spared: Container[int] = (), seconds: float = math.inf) -> None:
    """Kill every child of this process, and of these every descendant: a subreaper inherits them one by one.

    After ``seconds`` it leaves the rest, which may fork faster than it ends, to others.
    """
    patience = time.monotonic() + seconds
    while time.monotonic() < patience and (children := [child for child in _children() if child not in spared]):
        end(children)


def is_descendant(process: int) -> bool:
    """Whether a process is a child of this one, or a child of such."""
    own, current = os.getpid(), process
    while current > 1 and current != own:
        parent = _parent(Path(f"/proc/{current}"))
        current = int(parent) if parent.isdigit() else 0
    return current == own != process


def _children() -> list[int]:
    own = str(os.getpid())
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _parent(folder) == own]


def _parent(folder: Path) -> str:
    try:
        status = (folder / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # it has ended meanwhile
    # The name of the program stands in brackets and may itself hold some; behind it come the state and the parent.
    return status.rpartition(")")[2].split()[1]
