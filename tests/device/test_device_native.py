"""The C stand-ins by themselves, and the building of the kit."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from device_support import machine_for

from ptmobile.device.build import build_kit
from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import native_abi

SOURCE = Path(__file__).parent / "standins_check.c"
COMPILERS = {"x86_64": "x86_64-linux-gnu-gcc", "arm64-v8a": "aarch64-linux-gnu-gcc"}


@pytest.mark.parametrize("abi", COMPILERS)
def test_stand_ins_answer_as_bionic_does(abi: str, tmp_path: Path) -> None:
    machine = machine_for(abi)
    compiler = "cc" if abi == native_abi() else COMPILERS[abi]
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    program = tmp_path / "check"
    subprocess.run([compiler, "-Wall", "-Werror", "-fno-builtin", "-o", program, SOURCE, "-lm"], check=True)
    done = subprocess.run(
        [*machine.emulator, program, machine.launcher.parent], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "to stderr 7;abc"


def test_the_log_is_standard_error(tmp_path: Path) -> None:
    machine = machine_for(native_abi() or pytest.skip("no Android ABI runs on this machine"))
    script = (
        "import ctypes; log = ctypes.CDLL({!r});"
        "log.__android_log_write(5, b'tag', b'100% sure');"
        "log.__android_log_print(6, b'tag', b'%d of %s', 3, b'four');"
        "log.__android_log_assert(b'a == b', b'tag', None)"
    ).format(str(machine.launcher.parent / "liblog.so"))
    done = subprocess.run(["python3", "-c", script], check=False, capture_output=True, text=True)
    assert done.stderr == "W/tag: 100% sure\nE/tag: 3 of four\nF/tag: Assertion failed: a == b\n"
    assert done.returncode == -6


def test_a_launcher_without_work_says_how_it_is_used() -> None:
    machine = machine_for(native_abi() or pytest.skip("no Android ABI runs on this machine"))
    done = subprocess.run([machine.launcher], check=False, capture_output=True, text=True)
    assert done.returncode == 100
    assert "launcher LIBJVM LIBRARY... -- JVM_OPTION... -- CLASS ARGUMENT..." in done.stderr
    done = subprocess.run([machine.launcher, "/none", "/none.so", "--", "--", "A"], check=False, capture_output=True)
    assert done.returncode == 102


def test_the_build_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match="the ABI mips is not known"):
        build_kit(tmp_path / "kit", ["mips"], os.environ)
    with pytest.raises(CannotRunError, match=r"needs a (JDK|C compiler)(.|\n)*openjdk-17-jdk-headless"):
        build_kit(tmp_path / "kit", [native_abi() or ""], {"PATH": "/bin", "CC": "none"})
    assert list(tmp_path.iterdir()) == []
