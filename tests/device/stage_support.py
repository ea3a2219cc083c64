"""What the tests of whole runs with the phone's library share: models, sources of libraries, and a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from device_support import CACHE, artifact, kit_folder

from ptmobile.device.kit import native_abi
from ptmobile.device.supply import DeviceSupplier, Sources
from ptmobile.pipeline import Run, run_models
from ptmobile.progress.base import Lines
from ptmobile.report.model import Report, Source
from ptmobile.runtimes.fetching import LibraryFile, NotAvailable, RuntimeLibrary
from ptmobile.spec.coerce import Given
from ptmobile.spec.problems import Problems
from ptmobile.spec.resolve import resolve
from ptmobile.spec.workspace import Workspace

MODELS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    def forward(self, x):
        y = self.body(x)
        return y, {"mean": y.mean((2, 3))}, [y.sum(), y.max()]

class Squeeze(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(16, 16, 1)
    def forward(self, x):
        return self.conv(x.mean((2, 3), keepdim=True))

class Closed(Squeeze):
    def __init__(self):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(16, 1, 1))
    def forward(self, x):
        return self.conv(x.mean((2, 3), keepdim=True)) * self.gate

class Positive(nn.Module):
    def forward(self, x):
        return x > 0

class Gelu(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.GELU())
        self.head = nn.Linear(8, 5)
    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))

class Svd(nn.Module):
    def forward(self, x):
        return torch.linalg.svdvals(x)
"""
GRADLE = "dependencies {\n    implementation 'org.pytorch:pytorch_android_lite:%s'\n}\n"
JARS = ("com.facebook.fbjni:fbjni-java-only:0.2.2:jar", "com.facebook.soloader:nativeloader:0.10.1:jar")


def file_of(coordinates: str) -> LibraryFile:
    return LibraryFile(coordinates, artifact(coordinates), "", "cache", known=True)


def served(release: str) -> RuntimeLibrary | NotAvailable:
    if release not in ("1.9.0", "1.12.2"):
        return NotAvailable(f"{release} is not served", "Take another")
    aar = file_of(f"org.pytorch:pytorch_android_lite:{release}:aar")
    return RuntimeLibrary(release, aar, tuple(map(file_of, JARS)))


def own(path: Path) -> RuntimeLibrary:
    aar = LibraryFile(path.name, path, "", "given", known=False)
    return RuntimeLibrary("own", aar, tuple(map(file_of, JARS)))


def bare_kit() -> Path:
    """The kit as it is where phones' libraries cannot be run: nothing of the other ABI."""
    kit, bare = kit_folder(), CACHE / "bare-kit"
    bare.mkdir(exist_ok=True)
    for part in (native_abi() or "", "runner.jar"):
        (bare / part).unlink(missing_ok=True)
        (bare / part).symlink_to(kit / part)
    return bare


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_text(MODELS)
    return tmp_path


Convert = Callable[..., Report]


@pytest.fixture
def convert(workspace: Path) -> Convert:
    def convert(kit: Callable[[], Path] = kit_folder, **options: str) -> Report:
        given = {n.replace("_", "-"): Given(v, n, text=True) for n, v in options.items()}
        spec = resolve(given, Workspace(workspace), Problems())
        sources = Sources(lambda abi: kit(), served, own)
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}

        def supplier(folder: Path) -> DeviceSupplier:
            return DeviceSupplier(workspace, folder, environment, sources)

        return run_models(spec, Run(workspace, Lines(lambda line: None), Source(), lambda: "now", supplier))

    return convert
