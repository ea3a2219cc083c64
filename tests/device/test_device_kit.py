"""The kit: made on demand and whole, found where it is, usable from any path."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from device_support import CACHE, ENVIRONMENT, Library, Maker, kit_folder, machine_for

from ptmobile.device.build import provide_arm64, provide_kit
from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import ARM64, QEMU, find_machine, native_abi
from ptmobile.device.prepared import STAND_INS

TOOLS = ("aarch64-linux-gnu-gcc", QEMU, "jlink", "apt-get", "dpkg-deb")
only_on_x86_64 = pytest.mark.skipif(native_abi() != "x86_64", reason="elsewhere arm64 is native, or cannot be run")


def programs(folder: Path, **scripts: str) -> Mapping[str, str]:
    """An environment with these programs alone."""
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return {"PATH": str(folder)}


def copy_of_kit(target: Path, abi: str) -> Path:
    """A kit for one ABI; its Java VM and C library are linked, the rest is copied."""
    kit = kit_folder(arm64=abi != native_abi())
    shutil.copytree(kit / abi, target / abi, symlinks=True)
    for name in ("root", "jre"):
        if (kit / abi / name).exists():
            (target / abi / name).unlink()
            (target / abi / name).symlink_to((kit / abi / name).resolve())
    shutil.copy(kit / "runner.jar", target)
    return target


def test_which_kit_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"PTMOBILE_DEVICE_KIT": str(tmp_path)}
    assert provide_kit(tmp_path, named) == tmp_path
    monkeypatch.chdir(tmp_path)
    assert provide_kit(tmp_path, {"PTMOBILE_DEVICE_KIT": "kit"}) == tmp_path / "kit"
    monkeypatch.setattr("ptmobile.device.build.IMAGE_KIT", tmp_path)
    assert provide_kit(tmp_path, {}) == tmp_path


@only_on_x86_64
def test_the_arm64_part_is_made_whole_once_and_found() -> None:
    machine = machine_for(ARM64)
    kit = machine.runner.parent
    assert machine.emulated
    assert (machine.root / "lib/ld-linux-aarch64.so.1").is_file()
    assert machine.libjvm.is_file()
    # The C library and the VM do not depend on the kit's sources: linked, to beside the kit.
    assert machine.root.is_symlink()
    assert machine.root.resolve().is_relative_to(CACHE.resolve())
    assert not list(CACHE.glob(".arm64-*"))
    assert not list(kit.glob(f".{ARM64}-*"))
    provide_arm64(kit, {"PATH": "/nonexistent"})  # nothing is left to do


@only_on_x86_64
def test_what_is_missing_for_arm64_is_named_with_its_package(tmp_path: Path) -> None:
    kit = tmp_path / "kit"
    kit.mkdir()
    with pytest.raises(CannotRunError) as nothing:
        provide_arm64(kit, programs(tmp_path / "none"))
    assert all(tool in nothing.value.message for tool in TOOLS)
    assert "openjdk-17-jdk-headless" in nothing.value.advice
    most = {tool: "exit 0" for tool in TOOLS if tool not in {QEMU, "aarch64-linux-gnu-gcc"}}
    with pytest.raises(CannotRunError) as two:
        provide_arm64(kit, programs(tmp_path / "most", **most))
    assert two.value.message == f"Running arm64-v8a libraries here needs aarch64-linux-gnu-gcc, {QEMU}."
    assert "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static." in two.value.advice
    own = {**programs(tmp_path / "own", **most, **{QEMU: "exit 0", "gcc-13": "exit 0"}), "CC_arm64_v8a": "gcc-13"}
    with pytest.raises(CannotRunError, match="cannot be made"):  # gone further: that is no real JDK
        provide_arm64(kit, own)


@only_on_x86_64
def test_what_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    kit = tmp_path / "kit"
    kit.mkdir()
    environment = programs(tmp_path / "bin", **{"apt-get": "echo no network >&2; exit 100"})
    environment = {"PATH": f"{environment['PATH']}:{os.environ['PATH']}"}
    if missing := [tool for tool in TOOLS if not shutil.which(tool, path=environment["PATH"])]:
        pytest.skip(f"needs {missing}")
    with pytest.raises(CannotRunError, match="apt-get cannot read the lists of Debian's packages for arm64"):
        provide_arm64(kit, environment)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["apt-get", "bin", "kit"]


def test_a_kit_that_was_given_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provide_arm64(tmp_path, {"PATH": "", "PTMOBILE_DEVICE_KIT": str(tmp_path)})
    monkeypatch.setattr("ptmobile.device.build.IMAGE_KIT", tmp_path)
    provide_arm64(tmp_path, {"PATH": ""})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CannotRunError, match="The kit for running arm64-v8a libraries is not built"):
        find_machine(tmp_path, ARM64, {"PATH": ""})


@only_on_x86_64
def test_the_emulator_of_the_kit_comes_first(tmp_path: Path) -> None:
    kit = copy_of_kit(tmp_path / "kit", ARM64)
    found = find_machine(kit, ARM64, os.environ).emulator
    (kit / ARM64 / QEMU).symlink_to(found[0])
    assert found[0] == shutil.which(QEMU)
    assert find_machine(kit, ARM64, {}).emulator == (str(kit / ARM64 / QEMU), *found[1:])


def test_a_java_vm_in_a_path_with_a_colon_is_refused(tmp_path: Path) -> None:
    """The VM splits its own path at colons; it would say "Failed setting boot class path"."""
    abi = native_abi() or pytest.skip("no Android ABI runs on this machine")
    for name in ("runner.jar", f"{abi}/launcher", *(f"{abi}/{name}" for name in STAND_INS)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    home = tmp_path / "java:17"
    (home / "lib/server").mkdir(parents=True)
    (home / "lib/server/libjvm.so").touch()
    (home / "release").write_text('JAVA_VERSION="17.0.15"\n')
    with pytest.raises(CannotRunError, match=r"java:17: the path has a colon(.|\n)*PTMOBILE_JRE"):
        find_machine(tmp_path, abi, {"PTMOBILE_JRE": str(home)})
    (tmp_path / "java").symlink_to(home.rename(tmp_path / "java-17"))
    assert find_machine(tmp_path, abi, {"PTMOBILE_JRE": str(tmp_path / "java")}).libjvm.is_file()


def test_everything_else_runs_from_paths_with_colons(native: Library, make: Maker, tmp_path: Path) -> None:
    kit = copy_of_kit(tmp_path / "a:kit", native.machine.abi)
    folder, scratch = tmp_path / "prepared:100%p", tmp_path / "scratch: 1"
    shutil.copytree(native.folder, folder)
    scratch.mkdir()
    machine = find_machine(kit, native.machine.abi, ENVIRONMENT)
    moved = replace(native, machine=machine, folder=folder, scratch=scratch)
    x = torch.rand(2, 2)
    path = make.for_release(make(torch.nn.ReLU(), x), native.release)
    assert torch.equal(moved.output(path, x), x)
