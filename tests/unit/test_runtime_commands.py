"""`ptmobile runtimes list | probe | fetch` as a user meets them; the Maven repository is in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fetching_support import AAR, DECLARED, FBJNI, LOADER, Repository, body_of, copy_of, sha

from ptmobile import cli
from ptmobile.device.errors import CannotRunError
from ptmobile.device.probing import command
from ptmobile.runtimes.fetching import Coordinates, Folders, JgoClient, RuntimeLibrary, fetch_runtime, store
from ptmobile.runtimes.limits import load_tables
from ptmobile.runtimes.limits.asked import AskedLibrary, render
from ptmobile.runtimes.limits.probed import write_probed

OLD = Coordinates("org.pytorch", "pytorch_android_lite", "1.9.0", "aar")
PUBLISHED = "1.9.0, 1.10.0, 1.11, 1.12, 1.12.1, 1.12.2, 1.13.0, 1.13.1, 2.1.0"


@pytest.fixture(autouse=True)
def repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Repository:
    """A repository that serves 1.9.0 and 1.12.2; only the latter's hash is known."""
    served = Repository(AAR, OLD, FBJNI, LOADER, declared=DECLARED)
    monkeypatch.setattr(JgoClient, "from_environment", lambda _: served)
    known = {str(name): sha(body_of(name)) for name in (AAR, FBJNI, LOADER)}
    monkeypatch.setattr(store, "known_hashes", lambda: known)
    monkeypatch.setattr(store, "known_copies", lambda: {str(AAR): sha(copy_of(AAR))})
    monkeypatch.setenv("PTMOBILE_CACHE", str(tmp_path / "cache"))
    return served


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; exit code, standard output, standard error."""

    def run_it(*arguments: object) -> tuple[int, str, str]:
        try:
            code = cli.main(["runtimes", *map(str, arguments)])
        except SystemExit as ended:  # argparse's own refusal
            code = int(ended.code or 0)
        written = capsys.readouterr()
        assert "Traceback" not in written.err
        assert "a fault of its own" not in written.err
        return code, written.out, written.err

    return run_it


# --- fetch


def test_fetch_into_a_folder(run: Run, tmp_path: Path) -> None:
    code, out, err = run("fetch", "1.12.2", "--to", tmp_path / "baked")
    kept = copy_of(AAR)
    assert (code, err) == (0, f"in {tmp_path / 'baked'}\n")
    assert out.splitlines() == [
        f"{AAR}  SHA-256 {sha(body_of(AAR))}  {len(body_of(AAR))} bytes",
        f"  kept: SHA-256 {sha(kept)}  {len(kept)} bytes",
        f"{FBJNI}  SHA-256 {sha(body_of(FBJNI))}  {len(body_of(FBJNI))} bytes",
        f"{LOADER}  SHA-256 {sha(body_of(LOADER))}  {len(body_of(LOADER))} bytes",
    ]
    assert not (tmp_path / "cache").exists()
    baked = fetch_runtime("1.12.2", Folders(tmp_path / "none", tmp_path / "baked"), Repository())
    assert isinstance(baked, RuntimeLibrary)
    assert baked.aar.origin == "baked"


def test_fetch_into_the_cache(run: Run, tmp_path: Path, repository: Repository) -> None:
    first = run("fetch", "1.12.2", "pytorch_android_lite:1.12.2")
    assert first[0] == 0
    assert (tmp_path / "cache" / AAR.path).read_bytes() == copy_of(AAR)
    assert run("fetch", "org.pytorch:pytorch_android_lite:1.12.2")[1] == first[1]
    assert repository.asked.count(AAR) == 1


def test_fetch_says_what_it_does_not_know(run: Run) -> None:
    code, _, err = run("fetch", "1.9.0")
    assert code == 0
    assert f"note: {OLD} has the SHA-256 {sha(body_of(OLD))}, unknown to us\n" in err


def test_fetch_goes_on_after_a_release_that_is_not_served(run: Run, tmp_path: Path) -> None:
    code, out, err = run("fetch", "1.10.0", "2.5.1", "1.12.2")
    assert code == 6
    assert out.startswith(str(AAR))
    advice = (
        "Keep the cache of a run that had a network, bake the release into the image, or give runtime-library. "
        "PTMOBILE_MAVEN names other repositories; `ptmobile runtimes list` shows what is known."
    )
    assert err.splitlines() == [
        f"in {tmp_path / 'cache'}",
        "pytorch_android_lite-1.10.0 is not available: no org.pytorch:pytorch_android_lite:1.10.0@aar.",
        advice,
        "pytorch_android_lite-2.5.1 is not available: no org.pytorch:pytorch_android_lite:2.5.1@aar.",
        f"No such release is known to us; those are {PUBLISHED}; did you mean '2.1.0'?",
    ]


def test_fetch_without_any_success(run: Run) -> None:
    code, out, err = run("fetch", "1.10.0")
    assert (code, out) == (6, "")
    assert err.startswith("nothing was fetched\npytorch_android_lite-1.10.0 is not available")


def test_fetch_of_a_changed_file(run: Run, repository: Repository) -> None:
    repository.files[AAR] = body_of(OLD)
    code, _, err = run("fetch", "1.12.2")
    assert code == 6
    assert f"{AAR} has the SHA-256 {sha(body_of(OLD))}, but" in err


def test_fetch_where_nothing_can_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = run("fetch", "1.12.2", "--to", tmp_path / "file")
    assert code == 6
    assert "the cache cannot be written: " in err


# --- what is no release

NONSENSE = [
    "",
    "newest",
    "../../etc",
    "1",
    "1.9.0/x",
    "1.9.0\n2.0",
    "1.\u202e9",
    "org.pytorch:pytorch_android:1.13.1",
    "x:1.9.0",
]


@pytest.mark.parametrize("text", NONSENSE)
@pytest.mark.parametrize("name", ["fetch", "probe"])
def test_nonsense(run: Run, repository: Repository, name: str, text: str) -> None:
    code, out, err = run(name, text)
    assert (code, out, repository.asked) == (2, "", [])
    assert err.startswith(f"RELEASE: given {text!a}, which is no release of org.pytorch:pytorch_android_lite")
    assert f"allowed: {PUBLISHED}" in err


@pytest.mark.parametrize("name", ["fetch", "probe"])
@pytest.mark.parametrize("text", ["LibTorch-Lite:1.12.0", "LibTorch-Lite 1.12.0", "1.13.0.1"])
def test_a_release_for_ios(run: Run, repository: Repository, name: str, text: str) -> None:
    code, _, err = run(name, text)
    assert (code, repository.asked) == (6, [])
    assert "is a release for iOS: its library cannot be fetched or run here." in err
    assert PUBLISHED in err


@pytest.mark.parametrize("arguments", [(), ("fetch",), ("probe",), ("probe", "1.9.0", "--abi", "mips"), ("lists",)])
def test_no_command(run: Run, arguments: tuple[str, ...]) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert "usage: ptmobile runtimes" in err


# --- probe, as far as no library is needed


def test_probe_without_a_kit_fetches_nothing(run: Run, repository: Repository) -> None:
    code, out, err = run("probe", "1.12.2")
    assert (code, out, repository.asked) == (6, "", [])
    assert "The kit for running" in err
    assert "C compiler and a JDK" in err


@pytest.fixture
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if libraries could be run here."""
    monkeypatch.setattr(command, "provide_kit", lambda *_: Path("/nowhere"))
    monkeypatch.setattr(command, "find_machine", lambda *_: None)


@pytest.mark.usefixtures("_machine")
@pytest.mark.parametrize(
    ("text", "advice"),
    [("1.13.1", "PTMOBILE_MAVEN names other repositories"), ("1.14.0", "No such release is known to us")],
)
def test_probe_of_a_release_that_is_not_served(run: Run, text: str, advice: str) -> None:
    code, out, err = run("probe", text)
    assert (code, out) == (6, "")
    assert err.startswith(
        f"pytorch_android_lite-{text} is not available: no org.pytorch:pytorch_android_lite:{text}@aar"
    )
    assert advice in err


@pytest.mark.usefixtures("_machine")
@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (CannotRunError("It needs more than there is.", advice="Wait."), "It needs more than there is.\nWait.\n"),
        (OSError(28, "No space left on device"), "cannot be unpacked and run: No space left on device.\nIt needs 400"),
    ],
)
def test_probe_of_a_library_that_cannot_be_run(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, problem: Exception, words: str
) -> None:
    def fail(*_: object) -> AskedLibrary:
        raise problem

    monkeypatch.setattr(command.Prober, "probe", fail)
    code, out, err = run("probe", "1.12.2")
    assert code == 6
    assert out.startswith(f"Asking {AAR} (")
    assert words in err
    assert not (tmp_path / "cache" / "probed").exists()


# --- list


def answers(version: str) -> AskedLibrary:
    return AskedLibrary(
        artifact="org.pytorch:pytorch_android_lite",
        version=version,
        abi="arm64-v8a",
        how="asked",
        line="1.13",
        desktop="1.13.1",
        operators_asked=4179,
        also=("2.1",),
        bytecode_min=4,
        bytecode_max=8,
        archive_max=10,
        page_bytes=16384,
        beyond=("prims::abs",),
        absent=("aten::relu", "aten::relu_"),
    )


def test_list(run: Run, tmp_path: Path) -> None:
    code, out, err = run("list")
    assert (code, err) == (0, "")
    assert "1.12.2   2022-06-29  4 to 9    up to 10  asked" in out
    assert f"Asked by yourself, in {tmp_path / 'cache' / 'probed'}\n  nothing yet: `ptmobile runtimes probe" in out


@pytest.mark.parametrize("given", [True, False], ids=["--data", "default"])
def test_list_with_answers_of_the_users_own(run: Run, tmp_path: Path, *, given: bool) -> None:
    folder = tmp_path / "mine" if given else tmp_path / "cache" / "probed"
    for version in ("1.14.0", "1.13.1"):
        write_probed(answers(version), folder)
    code, out, _ = run("list", *(("--data", folder) if given else ()))
    assert code == 0
    # One of the 4,179 and two: without aten::relu and aten::relu_, with prims::abs of another build.
    assert "1.13.1   2023-03-21  4 to 8    up to 10  asked     4,178        asked" in out
    operators = "4,177 of the 4,179 operators of torch 1.13.1, and 1 of other builds"
    facts = f"bytecode 4 to 8, archive version up to 10; {operators}; for devices with pages of up to 16 KB"
    lines = out.partition(f"Asked by yourself, in {folder}\n")[2].splitlines()[:2]
    name = "  org.pytorch:pytorch_android_lite"
    assert lines == [
        f"{name}:1.13.1, arm64-v8a (taken above): {facts}",
        f"{name}:1.14.0, arm64-v8a (of no release that we know): {facts}",
    ]


def test_list_for_machines(run: Run, tmp_path: Path) -> None:
    write_probed(answers("1.13.1"), tmp_path)
    code, out, err = run("list", "--json", "--data", tmp_path)
    assert (code, err) == (0, "")
    listed = json.loads(out)
    assert listed["folder"] == str(tmp_path)
    assert listed["probed"] == [json.loads(render(answers("1.13.1")))]
    by_name = {f"{one['artifact']}:{one['version']}": one for one in listed["releases"]}
    assert len(by_name) == len(listed["releases"]) == 16
    mine, packaged = (by_name[f"org.pytorch:pytorch_android_lite:{version}"] for version in ("1.13.1", "1.12.2"))
    assert (mine["bytecode_max"], mine["operators"], mine["operators_evidence"]) == (8, 4178, "asked")
    assert packaged == {
        "platform": "android",
        "artifact": "org.pytorch:pytorch_android_lite",
        "version": "1.12.2",
        "date": "2022-06-29",
        "bytecode_min": 4,
        "bytecode_max": 9,
        "archive_max": 10,
        "limits_evidence": "asked",
        "operators": 3636 - 213,
        "operators_evidence": "asked",
        "lacks": {"LAPACK": "run"},
        "page_bytes": 4096,
        "page_evidence": "asked",
        "notes": packaged["notes"],
    }
    assert by_name["LibTorch-Lite:2.1.0"]["page_bytes"] is None


def test_list_of_damaged_answers(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pytorch_android_lite-1.9.0.json").write_text("[1]")
    code, out, err = run("list", "--data", tmp_path)
    assert (code, out) == (2, "")
    assert f"in {tmp_path} cannot be read: pytorch_android_lite-1.9.0.json is no answer of a library" in err
    assert "Delete the file that is named" in err


def test_list_of_a_folder_that_is_not_there(run: Run, tmp_path: Path) -> None:
    code, _, err = run("list", "--data", tmp_path / "none")
    assert (code, err) == (2, f"--data: there is no folder {tmp_path / 'none'}\n")


def test_the_packaged_tables_are_as_they_were() -> None:
    """No test here may have changed what others see."""
    assert load_tables().asked.keys() == {
        f"org.pytorch:pytorch_android_lite:{version}" for version in ("1.9.0", "1.12.2")
    }
