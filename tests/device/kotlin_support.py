"""The program around the card's lines in Kotlin, and Kotlin's own compiler from the Maven repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from device_support import artifact
from snippet_support import Language

_STDLIB = "org.jetbrains.kotlin:kotlin-stdlib:1.9.25:jar"
#: What the compiler's own description of itself names, and the compiler.
_COMPILER = (
    "org.jetbrains.kotlin:kotlin-compiler-embeddable:1.9.25:jar",
    _STDLIB,
    "org.jetbrains.kotlin:kotlin-script-runtime:1.9.25:jar",
    "org.jetbrains.kotlin:kotlin-reflect:1.6.10:jar",
    "org.jetbrains.kotlin:kotlin-daemon-embeddable:1.9.25:jar",
    "org.jetbrains.intellij.deps:trove4j:1.0.20200330:jar",
    "org.jetbrains:annotations:13.0:jar",
)
_PROGRAM = """
package ptmobile

%(imports)s
import com.facebook.soloader.nativeloader.NativeLoader
import com.facebook.soloader.nativeloader.SystemDelegate
import java.io.PrintStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.file.Files
import java.nio.file.Path

object DeviceRunner {
    private lateinit var out: PrintStream

    @JvmStatic
    fun run(arguments: Array<String>): Int {
        NativeLoader.init(SystemDelegate())
        NativeLoader.loadLibrary("%(library)s")
        out = PrintStream("values.txt", "UTF-8")
        body("%(model)s")
        out.close()
        return arguments.size * 0
    }

    private fun body(path: String) {
%(body)s
    }

    private fun bytes(file: String): ByteBuffer =
        ByteBuffer.wrap(Files.readAllBytes(Path.of(file))).order(ByteOrder.nativeOrder())

    private fun show(name: String, value: Any) {
        val text = when (value) {
            is FloatArray -> value.contentToString()
            is DoubleArray -> value.contentToString()
            is LongArray -> value.contentToString()
            is IntArray -> value.contentToString()
            is ByteArray -> value.contentToString()
            else -> value.toString()
        }
        out.println(name + " = " + text)
    }
}
"""


def _by_kotlin(source: Path, jars: Sequence[Path], folder: Path) -> Path:
    """A jar of the program and of Kotlin's library, which the class path of a run has no other place for."""
    java = shutil.which("java") or pytest.skip("no java")
    classes = folder / "classes.jar"
    compiler = ":".join(str(artifact(coordinates)) for coordinates in _COMPILER)
    command = [java, "-XX:TieredStopAtLevel=1", "-cp", compiler, "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"]
    command += ["-no-stdlib", "-no-reflect", "-jvm-target", "11", "-d", str(classes)]
    command += ["-cp", ":".join(map(str, [*jars, artifact(_STDLIB)])), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "error:" not in done.stderr
    jar = folder / "snippet.jar"
    with zipfile.ZipFile(jar, "w") as whole:
        for part in (classes, artifact(_STDLIB)):
            with zipfile.ZipFile(part) as archive:
                for name in archive.namelist():
                    if name.endswith(".class"):
                        whole.writestr(name, archive.read(name))
    return jar


KOTLIN = Language(
    program=_PROGRAM,
    declared=re.compile(r"^val (?P<name>output\w*(?:Value|Values|IsNull)) = "),
    buffer=re.compile(r"^val (?P<name>input\d+) = Tensor\.allocate(?P<kind>\w+)Buffer\("),
    source="DeviceRunner.kt",
    compiled=_by_kotlin,
    end="",
)
