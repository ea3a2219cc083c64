import os

from attacking import Innocent, in_background

import ptmobile.worker.stages.road

REPLACE = """
import os
from pathlib import Path

def replace(path, kind):
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    if kind == "symlink":
        new.symlink_to("/proc/1/environ")
    elif kind == "fifo":
        os.mkfifo(new)
    elif kind == "hardlink":
        other = path.with_suffix(".other")
        other.write_bytes(b"another file")
        os.link(other, new)
    elif kind == "sparse":
        with new.open("wb") as stream:
            stream.truncate(7 << 30)
    os.replace(new, path)
"""
LATER = (
    REPLACE
    + """
import sys, time
kind, desk, kept = sys.argv[2], Path(sys.argv[3]), Path(sys.argv[3]).parent / "kept"
while not any(folder.name.startswith("lite") for folder in kept.glob("*")):
    time.sleep(0.0005)
for path in kept.rglob("model.ptl"):
    replace(desk / path.relative_to(kept), kind)
    print("replaced: the original", flush=True)
    try:
        replace(path, kind)
    except OSError as error:
        print("refused:", error, flush=True)
    else:
        print("BREACH: replaced what is kept", flush=True)
"""
)
exec(REPLACE)


def make(kind, when):
    if when == "at once":
        save = ptmobile.worker.stages.road.save_lite

        def save_and_replace(module, final, *rest):
            save(module, final, *rest)
            replace(final, kind)  # noqa: F821 - of the text above

        ptmobile.worker.stages.road.save_lite = save_and_replace
    else:
        in_background(LATER, kind, os.getcwd())
    return Innocent()
