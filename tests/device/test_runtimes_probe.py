"""`ptmobile runtimes probe` with the real libraries: what it writes is what is packaged, and what other ways show."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import pytest
import torch
from device_support import ARTIFACTS, ENVIRONMENT, Library, artifact, kit_folder, machine_for
from msgspec.structs import replace
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile import cli
from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import Machine, native_abi
from ptmobile.device.probing import Prober, probe
from ptmobile.device.probing.apart import Asked
from ptmobile.device.probing.questions import Question, make_file
from ptmobile.device.runner import Runner
from ptmobile.runtimes.fetching import Coordinates, Folders, JgoClient, NotServedError, RuntimeLibrary, fetch_runtime
from ptmobile.runtimes.limits import AskedLibrary, load_tables
from ptmobile.runtimes.limits.asked import file_name, render
from ptmobile.runtimes.limits.tables import Tables
from ptmobile.sandbox.account import Account

PACKAGED = Path(probe.__file__).parents[2] / "runtimes" / "limits" / "data"
RELEASES = ("1.9.0", "1.12.2")


class LocalRepository:
    """Serves the files that the tests have, as a Maven repository would; without POMs."""

    def download(self, wanted: Coordinates, folder: Path) -> Path:
        name = f"{wanted.group}:{wanted.name}:{wanted.version}:{wanted.extension}"
        if name not in ARTIFACTS:
            raise NotServedError(f"no {wanted}")
        path = folder / wanted.path
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(artifact(name), path)
        return path

    def dependencies(self, wanted: Coordinates, folder: Path) -> dict[str, str]:
        raise NotServedError("no POMs here")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory.mktemp("cache"))


@pytest.fixture(params=RELEASES)
def fetched(request: pytest.FixtureRequest, folders: Folders) -> RuntimeLibrary:
    found = fetch_runtime(request.param, folders, LocalRepository())
    assert isinstance(found, RuntimeLibrary), found
    return found


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder that another user can look into, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def tables() -> Tables:
    return load_tables()


@pytest.fixture
def abi() -> str:
    return native_abi() or pytest.skip("no Android ABI runs on this machine")


def packaged(answers: AskedLibrary) -> bytes:
    return (PACKAGED / file_name(answers)).read_bytes()


def test_the_command_writes_what_is_packaged(
    folders: Folders,
    abi: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(JgoClient, "from_environment", lambda _: LocalRepository())
    monkeypatch.setenv("PTMOBILE_DEVICE_KIT", str(kit_folder()))
    monkeypatch.setenv("PTMOBILE_CACHE", str(folders.cache))
    for release in RELEASES:
        assert cli.main(["runtimes", "probe", release, "--output", str(tmp_path)]) == 0
        path = tmp_path / f"pytorch_android_lite-{release}.json"
        out = capsys.readouterr().out
        assert "the packaged answers are the same" in out
        assert out.endswith(f"Written: {path}\n")
        expected = (PACKAGED / path.name).read_bytes()
        assert path.read_bytes() == expected.replace(b'"abi": "x86_64"', f'"abi": "{abi}"'.encode())
    assert cli.main(["runtimes", "list", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("(taken above)") == len(RELEASES)


def test_arm64_says_the_same(fetched: RuntimeLibrary, tables: Tables, scratch: Path) -> None:
    machine = machine_for("arm64-v8a")
    prober = Prober(tables, kit_folder(), os.environ if machine.emulated else ENVIRONMENT, Account())
    answers = prober.probe(fetched, "arm64-v8a", scratch)
    assert answers.abi == "arm64-v8a"
    assert render(replace(answers, abi="x86_64")) == packaged(answers)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_as_another_user(
    fetched: RuntimeLibrary, tables: Tables, scratch: Path, abi: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the image the library runs as the workers' user, not as root."""
    true_interview = probe.interview

    def interview(runner: Runner, work: Path, environment: Mapping[str, str], operators: Set[str]) -> Asked:
        asked = true_interview(runner, work, environment, operators)
        (work / "owners").write_text(" ".join({str(path.lstat().st_uid) for path in work.rglob("*")}))
        return asked

    monkeypatch.setattr(probe, "interview", interview)
    answers = Prober(tables, kit_folder(), ENVIRONMENT, Account(65534, 65534)).probe(fetched, abi, scratch)
    owners = set((scratch / "work" / "owners").read_text().split())
    assert owners == {"65534"}
    assert render(replace(answers, abi="x86_64")) == packaged(answers)


def test_a_library_that_needs_more_than_there_is(
    fetched: RuntimeLibrary, tables: Tables, scratch: Path, abi: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not even started."""

    def without_libc(*_: object) -> Machine:
        machine = machine_for(abi)
        kept = {name: getattr(machine, name) for name in machine.__dataclass_fields__}
        return Machine(**kept | {"stand_ins": machine.stand_ins[:-1]})

    monkeypatch.setattr(probe, "find_machine", without_libc)
    with pytest.raises(CannotRunError, match=r"cannot be run here: .* Missing: functions: .*__errno"):
        Prober(tables, kit_folder(), ENVIRONMENT, Account()).probe(fetched, abi, scratch)
    assert not list(scratch.glob("work*"))


# --- other ways to know


def test_1_9_says_the_same_in_one_message(old_native: Library, tables: Tables, tmp_path: Path) -> None:
    """It names all that it lacks at once, where one file names every operator that we know of."""
    everything = {name for _, schemas in tables.schemas.values() for name in schemas}
    path = tmp_path / "everything.ptl"
    path.write_bytes(make_file(Question(5, 3, tuple(sorted(everything)))))
    named = set(re.findall(r"[\w]+::[\w.]+", old_native.refusal(path))) & everything
    answers = tables.asked["org.pytorch:pytorch_android_lite:1.9.0"]
    own = tables.schemas[answers.line][1]
    assert named & own.keys() == set(answers.absent)
    assert named - own.keys() == everything - own.keys() - set(answers.beyond)


@pytest.mark.parametrize("operators", [(), ("aten::add.Tensor", "aten::relu")], ids=["none", "two"])
def test_a_question_is_a_file_that_runs(native: Library, tmp_path: Path, operators: tuple[str, ...]) -> None:
    """For the library and for torch: it is refused for what it asks, and for nothing else."""
    path = tmp_path / "question.ptl"
    path.write_bytes(make_file(Question(5, 3, operators)))
    assert native.output(path) is None
    assert _load_for_lite_interpreter(str(path)).forward() is None


def test_torch_knows_its_own_operators(tmp_path: Path) -> None:
    """The host's torch, asked in the same way, has every operator that its schemas list, and not the made-up one."""
    listed = sorted({f"{schema.name}.{schema.overload_name}".rstrip(".") for schema in torch._C._jit_get_all_schemas()})
    path = tmp_path / "question.ptl"
    path.write_bytes(make_file(Question(8, 3, tuple(listed))))
    assert _load_for_lite_interpreter(str(path)).forward() is None
    path.write_bytes(make_file(Question(8, 3, ("ptmobile::no_such_operator",))))
    with pytest.raises(RuntimeError, match="Following ops cannot be found"):
        _load_for_lite_interpreter(str(path))


def test_the_real_aars_give_the_copies_that_are_recorded(fetched: RuntimeLibrary, folders: Folders) -> None:
    """`fetch_runtime` would say so otherwise: found again, the copy is held against its recorded hash."""
    again = fetch_runtime(fetched.version, folders, JgoClient(offline=True))
    assert isinstance(again, RuntimeLibrary)
    assert again.aar.origin == "cache"
    assert again.aar.kept is not None
    assert again.aar.kept.size_bytes < fetched.aar.size_bytes / 2


def test_a_release_that_is_not_served(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, abi: str
) -> None:
    monkeypatch.setattr(JgoClient, "from_environment", lambda _: LocalRepository())
    monkeypatch.setenv("PTMOBILE_DEVICE_KIT", str(kit_folder()))
    monkeypatch.setenv("PTMOBILE_CACHE", str(tmp_path))
    machine_for(abi)
    assert cli.main(["runtimes", "probe", "1.13.1"]) == 6
    assert capsys.readouterr().err.startswith("pytorch_android_lite-1.13.1 is not available")
