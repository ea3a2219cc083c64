"""The model after the attack: it must be converted as if nothing had been, and find nothing left of the attack."""

from pathlib import Path

from attacking import Innocent


def make():
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"left-behind" in (folder / "cmdline").read_bytes():
                print(f"BREACH: {folder} was left behind")
        except OSError:
            continue
    return Innocent()
