"""A Maven repository in memory, and archives as it serves them."""

from __future__ import annotations

import hashlib
import io
import tempfile
import threading
import time
import zipfile
from pathlib import Path

from ptmobile.runtimes.fetching import Coordinates, NotServedError
from ptmobile.runtimes.fetching.keeping import keep_needed

AAR = Coordinates("org.pytorch", "pytorch_android_lite", "1.12.2", "aar")
FBJNI = Coordinates("com.facebook.fbjni", "fbjni-java-only", "0.2.2")
LOADER = Coordinates("com.facebook.soloader", "nativeloader", "0.10.1")
DECLARED = {"com.facebook.fbjni:fbjni-java-only": "0.2.2", "com.facebook.soloader:nativeloader": "0.10.1"}
LIBRARY = "libpytorch_jni_lite.so"
KEPT = ("AndroidManifest.xml", "classes.jar", f"jni/arm64-v8a/{LIBRARY}", f"jni/x86_64/{LIBRARY}")
NOT_KEPT = ("R.txt", "jni/", f"jni/armeabi-v7a/{LIBRARY}", f"jni/x86/{LIBRARY}", "jni/x86_64/notes.txt")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as target:
        for name, data in members.items():
            target.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


def aar(text: str) -> bytes:
    """An AAR with members as a real one has, whose content is about `text`."""
    return archive({name: f"{name} of {text}\n".encode() * 50 for name in (*NOT_KEPT, *KEPT)})


def body_of(name: Coordinates) -> bytes:
    """What `Repository` serves under a name."""
    return aar(str(name)) if name.extension == "aar" else str(name).encode()


def copy_of(name: Coordinates) -> bytes:
    """What is kept of an AAR."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source", Path(folder) / "target"
        source.write_bytes(body_of(name))
        keep_needed(source, target)
        return target.read_bytes()


class Repository:
    """A Maven repository in memory; `files` are what it serves, `asked` what it was asked for.

    It answers after `delay` seconds, and not before it is `open`; `reached` is set once it was asked for something.
    """

    def __init__(self, *served: Coordinates, declared: dict[str, str] | None = None) -> None:
        self.files = {name: body_of(name) for name in served}
        self.declared = declared
        self.asked: list[Coordinates] = []
        self.delay = 0.0
        self.reached, self.open = threading.Event(), threading.Event()
        self.open.set()

    def download(self, wanted: Coordinates, folder: Path) -> Path:
        self.asked.append(wanted)
        self.reached.set()
        self.open.wait()
        time.sleep(self.delay)
        if wanted not in self.files:
            raise NotServedError(f"no {wanted}")
        path = folder / wanted.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.files[wanted])
        return path

    def dependencies(self, wanted: Coordinates, folder: Path) -> dict[str, str]:
        if self.declared is None:
            raise NotServedError("no POM")
        return self.declared
