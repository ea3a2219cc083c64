import os

from attacking import Innocent, in_background

CODE = """
import ctypes, os, sys, time
from pathlib import Path

libc, told = ctypes.CDLL(None, use_errno=True), set()
supervisor, own = int(sys.argv[2]), sys.argv[3]

class Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))

def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")

def vector():
    return ctypes.byref(Vector(ctypes.cast(ctypes.create_string_buffer(64), ctypes.c_void_p), 64))

def parent(process):
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])

def is_ours(process):
    try:
        return os.readlink(f"/proc/{process}/cwd") == own
    except PermissionError:
        return False

def attempt(what, action):
    try:
        action()
    except ProcessLookupError:
        return  # it has ended
    except OSError as error:
        word = f"refused: {what}: {type(error).__name__}"
    else:
        word = f"BREACH: {what}"
    if word not in told:
        told.add(word)
        print(word, flush=True)

def attack(process, who):
    attempt(f"trace {who}", lambda: checked(libc.ptrace(16, process, 0, 0)))
    attempt(f"seize {who}", lambda: checked(libc.ptrace(0x4206, process, 0, 0)))
    attempt(f"read the memory of {who}", lambda: checked(libc.process_vm_readv(process, vector(), 1, vector(), 1, 0)))
    attempt(f"write the memory of {who}", lambda: checked(libc.process_vm_writev(process, vector(), 1, vector(), 1, 0)))
    attempt(f"open the memory of {who}", lambda: open(f"/proc/{process}/mem", "r+b"))
    attempt(f"look at the descriptors of {who}", lambda: os.listdir(f"/proc/{process}/fd"))
    attempt(f"open a descriptor of {who}", lambda: os.open(f"/proc/{process}/fd/3", os.O_WRONLY))
    attempt(f"signal {who}", lambda: os.kill(process, 0))
    other = os.pidfd_open(process)
    attempt(f"take a descriptor of {who}", lambda: checked(libc.syscall(438, other, 3, 0)))
    os.close(other)

while True:
    attack(supervisor, "the supervisor")
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and parent(name) == supervisor and not is_ours(name):
                attack(int(name), "a sibling")
        except (ProcessLookupError, FileNotFoundError):
            continue
    time.sleep(0.0005)
"""


def make():
    in_background(CODE, str(os.getppid()), os.getcwd())
    return Innocent()
