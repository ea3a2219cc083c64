"""Fixtures of the tests that run the phone's library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from device_support import Library, Maker, library
from stage_support import convert, workspace

from ptmobile.device.kit import native_abi

__all__ = ["convert", "workspace"]  # fixtures for the tests of whole runs

RELEASES = ("1.12.2", "1.9.0")


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


@pytest.fixture
def get_library(tmp_path: Path) -> Callable[[str, str], Library]:
    """A release's library for an ABI."""
    return lambda release, abi: library(release, abi, tmp_path)


@pytest.fixture(params=RELEASES)
def native(request: pytest.FixtureRequest, get_library: Callable[[str, str], Library]) -> Library:
    """Each release's library for this machine's own ABI."""
    return get_library(request.param, native_abi() or pytest.skip("no Android ABI runs on this machine"))


@pytest.fixture(params=RELEASES)
def x86_64(request: pytest.FixtureRequest, get_library: Callable[[str, str], Library]) -> Library:
    """Each release's x86_64 library."""
    if native_abi() != "x86_64":
        pytest.skip("x86_64 libraries run on x86-64 machines only")
    return get_library(request.param, "x86_64")


@pytest.fixture
def old_native(get_library: Callable[[str, str], Library]) -> Library:
    """1.9.0's library for this machine's own ABI."""
    return get_library("1.9.0", native_abi() or pytest.skip("no Android ABI runs on this machine"))


@pytest.fixture(params=RELEASES)
def arm64(request: pytest.FixtureRequest, get_library: Callable[[str, str], Library]) -> Library:
    """Each release's arm64-v8a library, by qemu where this machine is another."""
    return get_library(request.param, "arm64-v8a")
