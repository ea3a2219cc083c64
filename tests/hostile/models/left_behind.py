import os

from attacking import Innocent, in_background

CODE = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
while True:
    os.write(1, b"still here\\n")
    time.sleep(0.5)
"""


def make():
    in_background(CODE)
    os.system("nohup sleep 1000 left-behind >/dev/null 2>&1 &")
    return Innocent()
