"""A model whose processes go wrong in a given stage in a given way: in the worker's own code, where no model's runs."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from attacking import Innocent

from ptmobile.worker.processes import stage as stages

#: Stages of processes that have never seen the model: they stand still where they read the inputs.
FRESH = ("lite", "backported", "device")
STAND_STILL = """
import os, sys, time
from pathlib import Path
place, scratch = sys.argv[2], Path(sys.argv[3])
trials = scratch / "inputs/trials.json"
# The last outputs of this stage mean that the next process is about to begin; an older bytecode is the second file.
before = {"lite": 0, "device": 1, "backported": 2}[place]
while len(list(scratch.glob("**/lite*/**/2.json"))) < before:
    time.sleep(0.001)
os.mkfifo(scratch / "fifo")
os.replace(scratch / "fifo", trials)
time.sleep(1000)
"""


def go_wrong(how):
    if how == "memory":
        bytearray(1 << 40)
    if how == "hang":
        time.sleep(1000)
    os.kill(os.getpid(), getattr(signal, how))
    time.sleep(10)


def scratch_folder():
    """That of this job, as the functions that have called us know it."""
    frame = sys._getframe()
    while "job" not in frame.f_locals:
        frame = frame.f_back
    return Path(frame.f_locals["job"].scratch)


def sabotage(place, how):
    original, scratch = stages.Reporter.stage, scratch_folder()

    @contextmanager
    def stage(self, name, title):
        with original(self, name, title) as notes:
            if name == place:
                go_wrong(how)
            if name == "saved" and place in FRESH:
                code = [sys.executable, "-c", STAND_STILL, "left-behind", place, str(scratch)]
                subprocess.Popen(code, start_new_session=True)
                time.sleep(0.5 if place == "lite" else 0)
            yield notes

    stages.Reporter.stage = stage


class Sabotaged(Innocent):
    def __init__(self, place, how):
        super().__init__()
        sabotage(place, how)
