import ctypes
import os

from attacking import Innocent, attempt

LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206


def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
    return result


class Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


def peek(process):
    buffer = ctypes.create_string_buffer(64)
    address = ctypes.cast(buffer, ctypes.c_void_p)
    ours, theirs = Vector(address, 64), Vector(address, 64)
    return LIBC.process_vm_readv(process, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)


def make():
    for process in (1, os.getppid()):
        for request in (PTRACE_ATTACH, PTRACE_SEIZE):
            attempt("ptrace", lambda request=request, process=process: checked(LIBC.ptrace(request, process, 0, 0)))
        attempt("process_vm_readv", lambda process=process: checked(peek(process)))
    return Innocent()
