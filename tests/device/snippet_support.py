"""The card's lines in Java or Kotlin, compiled against an AAR's classes and run in its library by a program around."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from device_support import ENVIRONMENT, Library

from ptmobile.device.runner import Limits, Runner

# What stands around the lines: it puts the inputs into the buffers and writes every variable that they leave.
_PROGRAM = """
package ptmobile;
%(imports)s
import com.facebook.soloader.nativeloader.NativeLoader;
import com.facebook.soloader.nativeloader.SystemDelegate;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

public final class DeviceRunner {
    private static PrintStream out;

    public static int run(String[] arguments) throws Exception {
        NativeLoader.init(new SystemDelegate());
        NativeLoader.loadLibrary("%(library)s");
        out = new PrintStream("values.txt", "UTF-8");
        body("%(model)s");
        out.close();
        return 0;
    }

    private static void body(String path) throws Exception {
%(body)s
    }

    private static ByteBuffer bytes(String file) throws Exception {
        return ByteBuffer.wrap(Files.readAllBytes(Path.of(file))).order(ByteOrder.nativeOrder());
    }

    private static void show(String name, Object value) throws Exception {
        if (value instanceof float[]) value = java.util.Arrays.toString((float[]) value);
        if (value instanceof double[]) value = java.util.Arrays.toString((double[]) value);
        if (value instanceof long[]) value = java.util.Arrays.toString((long[]) value);
        if (value instanceof int[]) value = java.util.Arrays.toString((int[]) value);
        if (value instanceof byte[]) value = java.util.Arrays.toString((byte[]) value);
        out.println(name + " = " + value);
    }
}
"""


@dataclass(frozen=True)
class Language:
    """``program`` stands around the lines, each of which ends in ``end``.

    ``declared`` finds the name of a variable with a value, ``buffer`` an input's name and type. ``compiled`` makes a
    jar of a file that is called ``source``.
    """

    program: str
    declared: re.Pattern[str]
    buffer: re.Pattern[str]
    source: str
    compiled: Callable[[Path, Sequence[Path], Path], Path]
    end: str


@dataclass(frozen=True)
class Snippet:
    """Lines to run, the file that they load, and the raw bytes of each input."""

    lines: tuple[str, ...]
    model: Path
    inputs: tuple[bytes, ...]


def run_snippet(snippet: Snippet, library: Library, folder: Path, language: Language) -> dict[str, str]:
    """Compile and run; gives each variable that holds a value, as Java shows it."""
    folder.mkdir()
    source = folder / "src/ptmobile" / language.source
    source.parent.mkdir(parents=True)
    source.write_text(_program(snippet, library, language), encoding="utf-8")
    for number, data in enumerate(snippet.inputs):
        (folder / f"input{number}.bin").write_bytes(data)
    jars = [library.machine.runner, *(library.folder / jar for jar in library.prepared.jars)]
    jar = language.compiled(source, jars, folder)
    runner = Runner(replace(library.machine, runner=jar), library.prepared, library.folder)
    work = folder / "work"
    work.mkdir()
    runner.link(work)
    done = subprocess.run(
        runner.command(Limits()), cwd=work, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pairs = (line.partition(" = ")[::2] for line in (work / "values.txt").read_text(encoding="utf-8").splitlines())
    return dict(pairs)


def _program(snippet: Snippet, library: Library, language: Language) -> str:
    imports = [line for line in snippet.lines if line.startswith("import ")]
    body: list[str] = []
    for line in snippet.lines:
        if line.startswith("import "):
            continue
        body.append(line)
        if found := language.buffer.match(line):
            name, kind = found["name"], found["kind"]
            data = f'bytes("../{name}.bin")'
            body.append(f"{name}.put({data}{'' if kind == 'Byte' else f'.as{kind}Buffer()'}){language.end}")
        if found := language.declared.match(line):
            body.append(f'show("{found["name"]}", {found["name"]}){language.end}')
    values = {"imports": "\n".join(imports), "library": library.prepared.runtime, "model": snippet.model.resolve()}
    return language.program % {**values, "body": "\n".join(body)}


def _by_javac(source: Path, jars: Sequence[Path], folder: Path) -> Path:
    javac = shutil.which("javac") or pytest.skip("no javac")
    classes = folder / "classes"
    command = [javac, "-Xlint:all,-classfile,-options", "-Werror", "--release", "11"]
    command += ["-cp", ":".join(map(str, jars)), "-d", str(classes), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    jar = folder / "snippet.jar"
    subprocess.run([str(Path(javac).with_name("jar")), "-cf", str(jar), "-C", str(classes), "."], check=True)
    return jar


JAVA = Language(
    program=_PROGRAM,
    declared=re.compile(r"^(?:boolean|long|double|String|\w+\[\]) (?P<name>output\w*(?:Value|Values|IsNull)) = "),
    buffer=re.compile(r"^(?P<kind>Byte|Int|Long|Float|Double)Buffer (?P<name>input\d+) = "),
    source="DeviceRunner.java",
    compiled=_by_javac,
    end=";",
)
