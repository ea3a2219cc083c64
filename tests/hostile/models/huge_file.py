import os

from attacking import Innocent, attempt


def grow():
    with open("huge", "wb") as stream:
        os.truncate(stream.fileno(), 1 << 40)
    return os.stat("huge").st_size


def make():
    attempt("a file of 1 TiB", grow)
    return Innocent()
