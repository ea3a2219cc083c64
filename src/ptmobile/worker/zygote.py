"""The prepared parent: has imported torch and nothing else, and forks a child per job.

Forking is safe because this process never computes anything: an OpenMP team of more than one thread would not survive
in a child. It listens on a socket; a request names a scratch folder with the job in it, and carries the child's
results pipe, stdout and stderr as file descriptors.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
from pathlib import Path

import msgspec
import torch
import torchvision  # noqa: F401 - imported here once, for all jobs

from ptmobile.errors import internal_error
from ptmobile.protocol import JOB_FILE, Finished, Job, WorkerSays
from ptmobile.worker.check_job import run_check
from ptmobile.worker.job import run_job
from ptmobile.worker.processes import landlock
from ptmobile.worker.processes.channel import Writer
from ptmobile.worker.processes.children import (
    PR_SET_NO_NEW_PRIVS,
    adopt_orphans,
    close_memory,
    end_descendants,
    fork,
    prctl,
)
from ptmobile.worker.processes.confinement import confine_worker

MAX_REQUEST_BYTES = 4096
DESCRIPTORS_PER_REQUEST = 3


def main(control_descriptor: int) -> None:
    """Serve requests until the host closes its end of the socket.

    The kernel does that for a host that was killed: then too all that has been started is ended here. A signal for the
    end of the host (PR_SET_PDEATHSIG) would end this process before it could.
    """
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    close_memory()
    # One thread, set here and not by OMP_NUM_THREADS: only this also shrinks XNNPACK's pool, whose spinning threads
    # otherwise slow prepacked models down by up to thirty times on small machines.
    torch.set_num_threads(1)
    if "qnnpack" in torch.backends.quantized.supported_engines:
        # That of phones. A model may choose it itself, but the process that loads its file runs none of its code.
        torch.backends.quantized.engine = "qnnpack"
    torch.set_grad_enabled(False)
    control = socket.socket(fileno=control_descriptor)
    _say(control, WorkerSays(event="ready", landlock=landlock.version()))
    adopt_orphans()  # of workers that ended before they could end them
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):  # the host is gone, and left words unread
        _Server(control).serve()
    end_descendants()
    os._exit(0)  # tearing torch down takes longer than the host wants to wait


class _Server:
    """Forks a child for every request, and tells the host when it ends."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._workers: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, None)

    def serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    if not self._request():
                        return
                else:
                    self._ended(key.fd, key.data)

    def _request(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, MAX_REQUEST_BYTES, DESCRIPTORS_PER_REQUEST)
        if not data:
            return False
        results, stdout, stderr = descriptors
        scratch = Path(data.decode())
        child = fork(lambda: self._child(scratch, results, stdout, stderr))
        for descriptor in descriptors:
            os.close(descriptor)
        self._workers.add(child)
        self._selector.register(os.pidfd_open(child), selectors.EVENT_READ, child)
        _say(self._control, WorkerSays(event="started", scratch=str(scratch), process=child))
        return True

    def _child(self, scratch: Path, results: int, stdout: int, stderr: int) -> None:
        os.setsid()
        self._control.close()
        self._selector.close()
        for source, target in ((stdout, 1), (stderr, 2)):
            os.dup2(source, target)
            os.close(source)
        os.chdir(scratch)
        job = msgspec.json.decode((scratch / JOB_FILE).read_bytes(), type=Job)
        confine_worker(job.fence, job.limits, scratch)
        channel = Writer(results)
        run = run_job if job.mode == "convert" else run_check
        try:
            result = run(job, channel)
        except Exception as error:
            print(internal_error(error), flush=True)
            raise
        channel.send(Finished(result=result))

    def _ended(self, pidfd: int, child: int) -> None:
        self._selector.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(child, 0)
        self._workers.discard(child)
        end_descendants(spared=self._workers)
        _say(self._control, WorkerSays(event="ended", process=child, status=status))


def _say(control: socket.socket, message: WorkerSays) -> None:
    control.send(msgspec.json.encode(message))
