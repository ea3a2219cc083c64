"""Preparing an AAR, which is a stranger's archive, and asking whether its libraries can be run here."""

from __future__ import annotations

import hashlib
import random
import shutil
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from device_support import ARTIFACTS, Library, artifact, machine_for

from ptmobile.device import prepare as prepare_module
from ptmobile.device.elf import read_library
from ptmobile.device.errors import CannotRunError, PrepareError
from ptmobile.device.kit import find_machine, native_abi
from ptmobile.device.prepare import ABI_MACHINES, IGNORED_TAG, prepare
from ptmobile.device.prepared import read_prepared
from ptmobile.device.symbols import check, unmet_needs

AARS = [name for name in ARTIFACTS if ":pytorch_android_lite:" in name]
JNI = "jni/x86_64/"


@pytest.fixture(scope="module")
def real() -> dict[str, bytes]:
    """The small libraries of a real AAR, which stand for others in made-up ones."""
    with zipfile.ZipFile(artifact(AARS[0])) as archive:
        names = ("classes.jar", f"{JNI}libfbjni.so", f"{JNI}libc++_shared.so", "jni/arm64-v8a/libc++_shared.so")
        return {name: archive.read(name) for name in names}


def pack(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


@pytest.fixture
def members(real: dict[str, bytes]) -> dict[str, bytes]:
    """What a minimal AAR holds: here the C++ runtime plays the library with the interpreter."""
    return {"classes.jar": real["classes.jar"], f"{JNI}libpytorch_jni_lite.so": real[f"{JNI}libc++_shared.so"]}


@pytest.mark.parametrize("abi", ABI_MACHINES)
@pytest.mark.parametrize("name", AARS)
def test_real_libraries_change_in_their_version_tags_only(name: str, abi: str, tmp_path: Path) -> None:
    aar = artifact(name)
    prepared = prepare(aar, [], abi, tmp_path / "prepared")
    assert read_prepared(tmp_path / "prepared") == prepared
    assert [library.name for library in prepared.libraries] == [
        "libc++_shared.so", "libfbjni.so", "libpytorch_jni_lite.so",
    ]  # fmt: skip
    assert (prepared.lite, prepared.page_alignment, prepared.missing_libraries, prepared.obstacles) == (
        True, 4096, (), (),
    )  # fmt: skip
    assert prepared.aar_sha256 == ARTIFACTS[name]
    assert {"__sF", "__errno", "malloc"} <= set(prepared.wanted)
    for library in prepared.libraries:
        original = zipfile.ZipFile(aar).read(f"jni/{abi}/{library.name}")
        copy = (tmp_path / "prepared" / library.name).read_bytes()
        assert library.sha256 == hashlib.sha256(original).hexdigest()
        entries = read_library_of(original, tmp_path).version_entries
        assert 2 <= len(entries) <= 5
        patched = bytearray(original)
        for offset in entries:
            patched[offset : offset + 8] = struct.pack("<Q", IGNORED_TAG)
        assert copy == patched
        assert read_library(tmp_path / "prepared" / library.name).version_entries == ()


def read_library_of(data: bytes, folder: Path) -> prepare_module.SharedLibrary:
    (folder / "library.so").write_bytes(data)
    return read_library(folder / "library.so")


def test_names_that_lead_elsewhere_are_not_followed(members: dict[str, bytes], tmp_path: Path) -> None:
    odd = [f"{JNI}../../../evil.so", "/jni/x86_64/liba.so", f"{JNI}lib/../libb.so", f"{JNI}libc.so\n", f"{JNI}x.so"]
    aar = pack(tmp_path / "a.aar", [*members.items(), *((name, b"evil") for name in odd)])
    prepare(aar, [], "x86_64", tmp_path / "out" / "prepared")
    assert sorted(path.name for path in (tmp_path / "out" / "prepared").iterdir()) == [
        "classes.jar", "libpytorch_jni_lite.so", "prepared.json",
    ]  # fmt: skip
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["prepared"]


def test_what_is_no_aar(members: dict[str, bytes], real: dict[str, bytes], tmp_path: Path) -> None:
    runtime = f"{JNI}libpytorch_jni_lite.so"
    wrong = {
        "holds no libraries for x86_64": {"classes.jar": b""},
        "holds no classes.jar": {runtime: members[runtime]},
        "made for AARCH64": {**members, f"{JNI}libc++_shared.so": real["jni/arm64-v8a/libc++_shared.so"]},
        "no runtime of PyTorch": {"classes.jar": b"", f"{JNI}libfbjni.so": real[f"{JNI}libfbjni.so"]},
        "not a shared library": {**members, runtime: b"\x7fELF" + bytes(100)},
    }
    for message, content in wrong.items():
        aar = pack(tmp_path / "a.aar", list(content.items()))
        with pytest.raises(PrepareError, match=message):
            prepare(aar, [], "x86_64", tmp_path / "prepared")
    (tmp_path / "a.aar").write_bytes(b"no zip")
    with pytest.raises(PrepareError, match="damaged, or no AAR"):
        prepare(tmp_path / "a.aar", [], "x86_64", tmp_path / "prepared")
    with pytest.raises(PrepareError, match="ABI mips is not known"):
        prepare(tmp_path / "a.aar", [], "mips", tmp_path / "prepared")
    # Nothing is left of any of them.
    assert [path.name for path in tmp_path.iterdir()] == ["a.aar"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_twice_too_large_or_damaged(
    members: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(aar: Path, message: str) -> None:
        with pytest.raises(PrepareError, match=message):
            prepare(aar, [], "x86_64", tmp_path / "prepared")

    fails(pack(tmp_path / "a.aar", [*members.items(), *members.items()]), "twice")
    good = pack(tmp_path / "a.aar", list(members.items()))
    damaged = bytearray(good.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    (tmp_path / "b.aar").write_bytes(damaged)
    fails(tmp_path / "b.aar", "damaged, or no AAR")
    with monkeypatch.context() as patch:
        patch.setattr(prepare_module, "MAX_LIBRARY_BYTES", 1000)
        fails(good, "more than 1000 bytes")
    prepare(good, [], "x86_64", tmp_path / "prepared")
    prepare(good, [], "x86_64", tmp_path / "prepared")  # again, in its place


def test_damaged_libraries_are_refused_or_read(real: dict[str, bytes], tmp_path: Path) -> None:
    """Whatever is wrong in a header or a table, the answer is facts or our error, and comes soon."""
    data, chance = real[f"{JNI}libfbjni.so"], random.Random(0)
    for _ in range(1000):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 20)):
            damaged[chance.choice([chance.randrange(0x400), chance.randrange(len(data))])] = chance.randrange(256)
        try:
            read_library_of(bytes(damaged), tmp_path)
        except PrepareError:
            continue


def test_needs_of_the_real_libraries_are_met(native: Library) -> None:
    assert not unmet_needs(native.prepared, native.machine)


def test_unmet_needs_are_named(native: Library) -> None:
    more = ("__a_function_of_a_later_android", "sigaction", "ATrace_beginSection")
    prepared = msgspec.structs.replace(
        native.prepared,
        wanted=(*native.prepared.wanted, *more),
        missing_libraries=("libvulkan.so",),
        obstacles=("packed relocations",),
    )
    needs = unmet_needs(prepared, native.machine)
    assert needs.symbols == ("ATrace_beginSection", "__a_function_of_a_later_android")
    assert needs.different == ("sigaction",)
    with pytest.raises(CannotRunError, match=r"libraries: libvulkan.so; functions: ATrace_beginSection, __a_func"):
        check(prepared, native.machine)


def test_without_glibc_there_is_no_answer(native: Library, tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match=r"lib\w+\.so\.\d"):
        unmet_needs(native.prepared, replace(native.machine, root=tmp_path))


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """A kit of this machine's own, without a Java VM."""
    machine = machine_for(native_abi() or pytest.skip("no Android ABI runs on this machine"))
    kit = tmp_path / "kit"
    (kit / machine.abi).mkdir(parents=True)
    shutil.copy(machine.runner, kit / "runner.jar")
    for path in (machine.launcher, *machine.stand_ins):
        shutil.copy(path, kit / machine.abi / path.name)
    return kit


def java_home(folder: Path, version: str) -> Path:
    (folder / "lib" / "server").mkdir(parents=True)
    (folder / "lib" / "server" / "libjvm.so").touch()
    (folder / "bin").mkdir()
    (folder / "bin" / "java").touch(0o755)
    (folder / "release").write_text(f'JAVA_VERSION="{version}"\n')
    return folder


def test_which_java_is_taken(kit: Path, tmp_path: Path) -> None:
    abi = native_abi() or ""
    old, new = java_home(tmp_path / "8", "1.8.0_402"), java_home(tmp_path / "21", "21.0.2")
    chosen, own = java_home(tmp_path / "chosen", "11.0.1"), kit / abi / "jre"
    find: Callable[..., Path] = lambda **environment: find_machine(kit, abi, environment).libjvm.parents[2]  # noqa: E731
    for environment in ({"PATH": ""}, {"PATH": str(old / "bin")}):
        with pytest.raises(CannotRunError, match="needs a Java VM of version 11 or later"):
            find(**environment)
    path = f"{new / 'bin'}:{old / 'bin'}"
    assert find(PATH=path) == new
    java_home(own, "17")
    assert find(PATH=path) == own
    assert find(PATH=path, PTMOBILE_JRE=str(chosen)) == chosen


def test_what_is_missing_is_said(kit: Path, tmp_path: Path) -> None:
    abi = native_abi() or ""
    with pytest.raises(CannotRunError, match=r"runner.jar is missing\.\n.*C compiler and a JDK"):
        find_machine(tmp_path, abi, {})
    foreign = "arm64-v8a" if abi == "x86_64" else "x86_64"
    shutil.copytree(kit / abi, kit / foreign)
    words = "needs qemu-aarch64-static" if abi == "x86_64" else "cannot be run on"
    with pytest.raises(CannotRunError, match=words):
        find_machine(kit, foreign, {"PATH": ""})
