"""The card's lines in Java, compiled against an AAR's classes and run in its library by a program around them."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from device_support import ENVIRONMENT, Library

from ptmobile.device.runner import Limits, Runner

# What stands around the lines: it puts the inputs into the buffers and writes every variable that they leave.
PROGRAM = """
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
_DECLARED = re.compile(r"^(?:boolean|long|double|String|\w+\[\]) (output\w*(?:Value|Values|IsNull)) = ")
_BUFFER = re.compile(r"^(Byte|Int|Long|Float|Double)Buffer (input\d+) = ")


@dataclass(frozen=True)
class Snippet:
    """Lines to run, the file that they load, and the raw bytes of each input."""

    lines: tuple[str, ...]
    model: Path
    inputs: tuple[bytes, ...]


def run_snippet(snippet: Snippet, library: Library, folder: Path) -> dict[str, str]:
    """Compile and run; gives each variable that holds a value, as Java shows it."""
    folder.mkdir()
    source = folder / "src/ptmobile/DeviceRunner.java"
    source.parent.mkdir(parents=True)
    source.write_text("package ptmobile;\n" + _program(snippet, library), encoding="utf-8")
    for number, data in enumerate(snippet.inputs):
        (folder / f"input{number}.bin").write_bytes(data)
    jar = _compiled(source, library, folder)
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


def _program(snippet: Snippet, library: Library) -> str:
    imports = [line for line in snippet.lines if line.startswith("import ")]
    body: list[str] = []
    for line in snippet.lines:
        if line.startswith("import "):
            continue
        body.append(line)
        if found := _BUFFER.match(line):
            data = f'bytes("../{found[2]}.bin")'
            body.append(f"{found[2]}.put({data}{'' if found[1] == 'Byte' else f'.as{found[1]}Buffer()'});")
        if found := _DECLARED.match(line):
            body.append(f'show("{found[1]}", {found[1]});')
    values = {"imports": "\n".join(imports), "library": library.prepared.runtime, "model": snippet.model.resolve()}
    return PROGRAM % {**values, "body": "\n".join(body)}


def _compiled(source: Path, library: Library, folder: Path) -> Path:
    javac = shutil.which("javac") or pytest.skip("no javac")
    classes = folder / "classes"
    jars = [library.machine.runner, *(library.folder / jar for jar in library.prepared.jars)]
    command = [javac, "-Xlint:all,-classfile,-options", "-Werror", "--release", "11"]
    command += ["-cp", ":".join(map(str, jars)), "-d", str(classes), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    jar = folder / "snippet.jar"
    subprocess.run([str(Path(javac).with_name("jar")), "-cf", str(jar), "-C", str(classes), "."], check=True)
    return jar
