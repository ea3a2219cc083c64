import ctypes
import os

from attacking import Innocent, attempt

LIBC = ctypes.CDLL(None, use_errno=True)


def called(name, *arguments):
    if getattr(LIBC, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)
    return name


def make():
    attempt("setuid", lambda: os.setuid(0))
    attempt("setgroups", lambda: os.setgroups([0]))
    attempt("chroot", lambda: os.chroot("/tmp"))
    attempt("mount", lambda: called("mount", b"none", b"/tmp", b"tmpfs", 0, None))
    attempt("namespaces", lambda: called("unshare", 0x10000000 | 0x00020000))
    attempt("chown", lambda: os.chown("/github/workspace/good.py", 0, 0))
    for folder in ("/usr/bin", "/usr/sbin", "/usr/lib"):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.stat(path).st_mode & 0o6000:
                attempt(f"run {path}", lambda path=path: run(path))
    return Innocent()


def run(path):
    status = os.spawnv(os.P_WAIT, path, [path, "root", "-c", "id"])
    if status:
        raise OSError(status, path)
    return path
