"""What the tests of the phone's library share: the kit, the AARs, files made by torch, and values in and out."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import subprocess
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.jit.mobile import _backport_for_mobile
from torch.utils.mobile_optimizer import optimize_for_mobile

from ptmobile.device.answers import FileAnswer, Output, TrialAnswer
from ptmobile.device.build import provide_arm64, provide_kit
from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import Machine, find_machine, native_abi
from ptmobile.device.plan import ModelFile, Trial
from ptmobile.device.prepare import prepare
from ptmobile.device.prepared import Prepared
from ptmobile.device.runner import Limits, Report, Runner
from ptmobile.device.symbols import check
from ptmobile.device.trees import flatten as flatten_wire
from ptmobile.device.trees import nest
from ptmobile.device.wire import DTYPES, TensorAt, Value
from ptmobile.litefile import strip_records

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache" / "device"
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
#: What the tests need, with the SHA-256 that it had when they were written.
ARTIFACTS = {
    "org.pytorch:pytorch_android_lite:1.9.0:aar": "df8ec0d353b1461f3548f8f651563a03c5d57acf315c3a9b550232b5234b4cc5",
    "org.pytorch:pytorch_android_lite:1.12.2:aar": "ca58bf74952e50c1ead7d058462680c6b6306877f55e0d612cba0ed8725c95c2",
    "org.pytorch:pytorch_android:1.13.1:aar": "78aa10ae11361c67cb49cb34f659b6d5cf9e3865a1c5ebd0555e452cd4873f8b",
    "com.facebook.fbjni:fbjni-java-only:0.2.2:jar": "7904e1c270fc2efafa7232001fbd5adb0521f624ee3a6e548d1efbcb5f30bcdf",
    "com.facebook.soloader:nativeloader:0.10.1:jar": "82ca9c348f605984fa72e08aee0c35e7aa103ec6b0eccf592e498392c4d601b8",
    "org.jetbrains.kotlin:kotlin-compiler-embeddable:1.9.25:jar": (
        "e39ee0b62f0ad79fd45e84334f34aaee99c7291f591ddf68e2cdcdd09b73a472"
    ),
    "org.jetbrains.kotlin:kotlin-stdlib:1.9.25:jar": (
        "f9cdcdbff1f5de85380ae526977e683726c2aa42db1ed6e6e50ae89e496e95fd"
    ),
    "org.jetbrains.kotlin:kotlin-script-runtime:1.9.25:jar": (
        "9933edd6677b6aac46d1b5effda1adee9063fbb04c746e78b403398158abaf47"
    ),
    "org.jetbrains.kotlin:kotlin-reflect:1.6.10:jar": (
        "3277ac102ae17aad10a55abec75ff5696c8d109790396434b496e75087854203"
    ),
    "org.jetbrains.kotlin:kotlin-daemon-embeddable:1.9.25:jar": (
        "6e716b72c4a3d292bfff00e2b0d12697518bf99cbab73a952b8757615371244a"
    ),
    "org.jetbrains.intellij.deps:trove4j:1.0.20200330:jar": (
        "c5fd725bffab51846bf3c77db1383c60aaaebfe1b7fe2f00d23fe1b7df0a439d"
    ),
    "org.jetbrains:annotations:13.0:jar": ("ace2a10dc8e2d5fd34925ecac03e4988b2c0f851650c94b8cef49ba1bd111478"),
}


def artifact(coordinates: str) -> Path:
    """A file of the Maven repository, from the cache or by Maven."""
    _, name, version, kind = coordinates.split(":")
    path = CACHE / "maven" / f"{name}-{version}.{kind}"
    if not path.is_file():
        if shutil.which("mvn") is None:
            pytest.skip(f"{path.name} is not in .cache/device, and there is no mvn to fetch it")
        options = [f"-Dartifact={coordinates}", f"-DoutputDirectory={path.parent}"]
        done = subprocess.run(["mvn", "-q", "-B", MAVEN_COPY, *options], check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"{path.name} cannot be fetched here: {done.stdout.strip().splitlines()[:1]}")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == ARTIFACTS[coordinates]
    return path


def kit_folder(*, arm64: bool = False) -> Path:
    """The kit of this source tree, built once; a skip where it cannot be built."""
    environment = {name: value for name, value in os.environ.items() if name != "PTMOBILE_DEVICE_KIT"}
    try:
        kit = provide_kit(CACHE, environment)
        if arm64:
            provide_arm64(kit, environment)
    except CannotRunError as error:
        pytest.skip(str(error))
    return kit


def machine_for(abi: str) -> Machine:
    """The machine for an ABI; a skip where something is missing."""
    try:
        return find_machine(kit_folder(arm64=abi != native_abi()), abi, os.environ)
    except CannotRunError as error:
        pytest.skip(str(error))


@dataclass(frozen=True)
class Library:
    """One release's library for one ABI, ready to run."""

    release: str
    machine: Machine
    prepared: Prepared
    folder: Path
    scratch: Path

    def run(self, *files: tuple[Path, Sequence[tuple[Any, ...]]], limits: Limits | None = None) -> Report:
        """Run files, each on several tuples of arguments."""
        work = self.scratch / f"run-{next(_NUMBERS)}"
        work.mkdir()
        models = []
        for number, (path, trials) in enumerate(files):
            stems = [work / f"{number}-{index}" for index in range(len(trials))]
            models.append(ModelFile(path, [trial_of(args, stem) for args, stem in zip(trials, stems, strict=True)]))
        return Runner(self.machine, self.prepared, self.folder).run(models, work, ENVIRONMENT, limits)

    def one(self, path: Path, *arguments: Any) -> TrialAnswer:
        """Run one file once; it must load."""
        answer = self.run((path, [arguments])).files[0]
        assert answer.failure is None, answer.failure.message
        assert answer.crash is None, answer.crash
        return answer.trials[0]

    def output(self, path: Path, *arguments: Any) -> Any:
        """What one file gives, with torch's tensors."""
        answer = self.one(path, *arguments)
        assert answer.failure is None, answer.failure.message
        assert answer.crash is None, answer.crash
        assert answer.output is not None
        return with_tensors(answer.output)

    def message(self, path: Path, *arguments: Any) -> str:
        """With what message running one file fails."""
        failure = self.one(path, *arguments).failure
        assert failure is not None, "it ran"
        return failure.message

    def refusal(self, path: Path) -> str:
        """With what message the library refuses to load a file."""
        answer: FileAnswer = self.run((path, [()])).files[0]
        assert answer.failure is not None, "it loaded"
        return answer.failure.message


_NUMBERS = itertools.count()
_LIBRARIES: dict[tuple[str, str], Prepared] = {}


def library(release: str, abi: str, scratch: Path) -> Library:
    """Prepare a release's library once for all tests."""
    machine = machine_for(abi)
    folder = CACHE / "prepared" / release / abi
    if (release, abi) not in _LIBRARIES:
        aar, fbjni, loader = (
            artifact(name) for name in ARTIFACTS if name.split(":")[2] in {release, "0.2.2", "0.10.1"}
        )
        _LIBRARIES[release, abi] = prepare(aar, [fbjni, loader], abi, folder)
    check(_LIBRARIES[release, abi], machine)
    return Library(release, machine, _LIBRARIES[release, abi], folder, scratch)


def trial_of(arguments: tuple[Any, ...], stem: Path) -> Trial:
    """Arguments as a trial; tensors' bytes go to a data file."""
    data = bytearray()

    def place(value: Any) -> Value:
        if isinstance(value, torch.Tensor):
            return _place(value, data)
        if isinstance(value, list | tuple):
            return type(value)(place(item) for item in value)
        if isinstance(value, dict):
            return {key: place(item) for key, item in value.items()}
        return value

    placed = [place(argument) for argument in arguments]
    stem.with_suffix(".bin").write_bytes(data)
    return Trial(placed, stem.with_suffix(".bin"))


def _place(tensor: torch.Tensor, data: bytearray) -> TensorAt:
    data += b"\0" * (-len(data) % 64)
    raw = tensor.detach().contiguous().numpy().tobytes()
    order = CHANNELS_LAST.get(tensor.dim())
    last = order is not None and not tensor.is_contiguous() and tensor.is_contiguous(memory_format=order)
    offset, name = len(data), str(tensor.dtype).removeprefix("torch.")
    data += raw
    return TensorAt(name, tuple(tensor.shape), offset, len(raw), "channels_last" if last else "contiguous")


def with_tensors(output: Output) -> Any:
    """An output with torch's tensors in the place of those in its data file, by way of the flat form."""
    data = output.data.read_bytes()
    containers, leaves = flatten_wire(output.value, "out")
    tensors = {path: _take(leaf, data) if isinstance(leaf, TensorAt) else leaf for path, leaf in leaves.items()}
    return nest("out", containers, tensors)  # type: ignore[arg-type]


def _take(stored: TensorAt, data: bytes) -> torch.Tensor:
    dtype = getattr(torch, stored.dtype)
    assert stored.dtype in DTYPES
    if stored.size == 0:
        return torch.empty(stored.shape, dtype=dtype)
    count = stored.size // DTYPES[stored.dtype]
    tensor = torch.frombuffer(bytearray(data), dtype=dtype, offset=stored.offset, count=count).reshape(stored.shape)
    last = stored.memory_format == "channels_last"
    return tensor.contiguous(memory_format=CHANNELS_LAST[tensor.dim()]) if last else tensor


class Maker:
    """Makes ``.ptl`` files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, module: torch.nn.Module, *arguments: Any, script: bool = False, optimise: bool = False) -> Path:
        """Capture a module and save it as torch 1.13 does, in its own bytecode."""
        path = self._folder / f"{next(_NUMBERS)}.ptl"
        module.eval()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", torch.jit.TracerWarning)
            captured = torch.jit.script(module) if script else torch.jit.trace(module, arguments, strict=False)
            if optimise:
                captured = optimize_for_mobile(torch.jit.freeze(captured.eval()))
            captured._save_for_lite_interpreter(str(path))
        return path

    def old(self, path: Path, version: int = 5, *, strip: bool = True) -> Path:
        """Backport a file to an older bytecode, without its debug records."""
        target = self._folder / f"{next(_NUMBERS)}-v{version}.ptl"
        assert _backport_for_mobile(str(path), str(target), version)
        if strip:
            strip_records(target, target)
        return target

    def for_release(self, path: Path, release: str) -> Path:
        """The file as this release can read it."""
        return self.old(path) if release == "1.9.0" else path


class Function(torch.nn.Module):
    """A function of tensors as a module, to be traced."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self._function = function

    def forward(self, *arguments: Any) -> Any:
        return self._function(*arguments)


def scale_error(got: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, as a part of the largest magnitude expected."""
    difference = (got.double() - expected.double()).abs().max()
    return float(difference / expected.double().abs().max())
