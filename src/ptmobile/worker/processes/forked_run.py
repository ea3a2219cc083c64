"""Running a module in a process of its own, so that what the runs change in it is in no file and in no later run."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import msgspec

from ptmobile.result import Problem
from ptmobile.worker.processes.children import die_with_parent, fork
from ptmobile.worker.processes.stage import FailedElsewhereError

_DONE = b"done"


def run_forked(run: Callable[[], None], explain: Callable[[BaseException], Problem]) -> None:
    """Call ``run`` in a child and wait for it. A child that crashes takes this process with it, by the same signal.

    Raises:
        FailedElsewhereError: the call raised; ``explain`` has made the problem of it, in the child.
    """
    reading, writing = os.pipe()

    def main() -> None:
        die_with_parent()
        os.close(reading)
        try:
            run()
        except BrokenPipeError:
            raise
        except BaseException as error:  # noqa: BLE001 - model code may raise anything, SystemExit included
            os.write(writing, msgspec.json.encode(explain(error)))
        else:
            os.write(writing, _DONE)

    child = fork(main)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        answer = answers.read()
    _, status = os.waitpid(child, 0)
    if answer == _DONE:
        return
    if answer:
        raise FailedElsewhereError(msgspec.json.decode(answer, type=Problem))
    _end_like(status)


def _end_like(status: int) -> None:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))
