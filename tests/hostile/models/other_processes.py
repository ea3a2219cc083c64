import os
from pathlib import Path

from attacking import Innocent, attempt, read


def look(folder):
    data = read(folder / "environ")
    if b"sesame" not in data:
        raise PermissionError("nothing in it")
    return data


def make():
    for folder in Path("/proc").glob("[0-9]*"):
        attempt(f"{folder}/environ", lambda folder=folder: look(folder))
    for process in (1, os.getppid()):
        for name in ("mem", "maps", "fd/0", "cwd/x", "root/etc/shadow"):
            if (process, name) != (1, "root/etc/shadow"):
                attempt(f"{name} of {process}", lambda process=process, name=name: read(f"/proc/{process}/{name}"))
    return Innocent()
