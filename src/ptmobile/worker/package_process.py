"""pip, as the workers' user and behind their fence: ``python -m ptmobile.worker.package_process ORDER``.

Torch is not imported. Where no code of packages is to run, no process can be started: whatever a wheel's list of
dependencies may name (an address of a source archive, a repository), pip cannot build it without starting one.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from ptmobile.packages.failures import NO_CODE
from ptmobile.protocol import PackageOrder
from ptmobile.worker.processes.children import (
    PR_SET_NO_NEW_PRIVS,
    adopt_orphans,
    die_with_parent,
    end_descendants,
    fork,
    prctl,
)
from ptmobile.worker.processes.confinement import confine_worker

_STARTING: Final = frozenset(
    ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn")
)


def main(path: Path) -> int:
    """Run pip and end all that it has started; returns its exit status."""
    order = msgspec.json.decode(path.read_bytes(), type=PackageOrder)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    adopt_orphans()
    signal.signal(signal.SIGTERM, _end)
    die_with_parent(signal.SIGTERM)  # not without ending what was started
    os.chdir(order.folder)
    confine_worker(order.fence, order.limits, Path(order.folder))
    child = fork(lambda: _run_pip(order))
    _, status = os.waitpid(child, 0)
    end_descendants()
    return 0 if status == 0 else 1


def _end(_number: int, _frame: FrameType | None) -> None:
    end_descendants()
    os._exit(1)


def _run_pip(order: PackageOrder) -> None:
    """Run pip in this process, which it leaves with its exit status."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.path.insert(0, order.pip)
    sys.argv = ["pip", *order.arguments]
    if not order.source_builds:
        sys.addaudithook(_refuse_processes)
    try:
        runpy.run_module("pip", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code:
            os._exit(1)


def _refuse_processes(event: str, _arguments: tuple[object, ...]) -> None:
    """Refuse to start a process.

    Raises:
        PermissionError: always; pip does without where it only wants to know more about the machine.
    """
    if event in _STARTING:
        raise PermissionError(NO_CODE)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
