import os

from attacking import Innocent, attempt, read


def look():
    text = repr(os.environ).encode() + read("/proc/self/environ")
    names = [name for name in (b"sesame", b"GITHUB_", b"ACTIONS_", b"INPUT_", b"RUNNER_") if name in text]
    if not names:
        raise PermissionError("nothing there")
    return names


def make():
    attempt("the environment", look)
    return Innocent()
