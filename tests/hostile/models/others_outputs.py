import os

from attacking import Innocent, in_background

CODE = """
import os, sys, time
from pathlib import Path

own, told = Path(sys.argv[2]), set()

def tell(word):
    if word not in told:
        told.add(word)
        print(word, flush=True)

def attempt(what, action):
    try:
        action()
    except OSError as error:
        tell(f"refused: {what}: {type(error).__name__}")
    else:
        tell(f"BREACH: {what}")

def overwrite(path):
    with path.open("r+b") as stream:
        stream.write(bytes(64))

def attack(path):
    place = path.relative_to(own.parent).parts[0].partition("-")[0]
    if path.is_dir():
        attempt(f"add to {place}", lambda: (path / "added.bin").open("x"))
        attempt(f"move {place}", lambda: path.rename(own / "stolen"))
        return
    attempt(f"overwrite {place}", lambda: overwrite(path))
    attempt(f"truncate {place}", lambda: os.truncate(path, 0))
    attempt(f"remove {place}", path.unlink)
    attempt(f"replace {place}", lambda: (own / "forged").touch() or (own / "forged").replace(path))
    attempt(f"second name of {place}", lambda: os.link(path, own / f"stolen-{time.monotonic_ns()}"))

while True:
    for path in own.parent.rglob("*"):
        if not path.is_relative_to(own):
            attack(path)
    for path in own.glob("eager/*.bin"):
        copy = own.parent / "kept/eager" / path.name
        # Before it was taken, the model would only change its own outputs.
        if copy.exists() and time.time() - copy.stat().st_mtime > 0.1:
            overwrite(path)
            tell("changed: the originals of what was kept")
    time.sleep(0.0005)
"""


def make():
    in_background(CODE, os.getcwd())
    return Innocent()
