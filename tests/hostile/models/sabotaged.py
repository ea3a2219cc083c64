"""A model whose processes go wrong in a given stage in a given way: in the worker's own code, where no model's runs."""

import os
import signal
import time
from contextlib import contextmanager

from attacking import Innocent

from ptmobile.worker.processes import stage as stages


def go_wrong(how):
    if how == "memory":
        bytearray(1 << 40)
    if how == "hang":
        time.sleep(1000)
    os.kill(os.getpid(), getattr(signal, how))
    time.sleep(10)


def sabotage(place, how):
    original = stages.Reporter.stage

    @contextmanager
    def stage(self, name, title):
        with original(self, name, title) as notes:
            if name == place:
                print(f"goes wrong in {place}", flush=True)
                go_wrong(how)
            yield notes

    stages.Reporter.stage = stage


class Sabotaged(Innocent):
    def __init__(self, place, how):
        super().__init__()
        sabotage(place, how)
