"""Around pip: what reaches it, what is hidden of what it prints, and what its messages mean."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import msgspec
import pytest
from packaging.version import Version

from ptmobile.packages.failures import PackagesError, explain
from ptmobile.packages.pip import find_pip, masking_of, passed_variables
from ptmobile.packages.provided import true_version, write_stubs
from ptmobile.packages.running import folder_bytes
from ptmobile.packages.sealing import installed, seal
from ptmobile.sandbox.account import Account

HERE = {"torch": Version("1.13.1"), "numpy": Version("1.24.2")}


def test_only_what_says_where_packages_come_from_reaches_pip() -> None:
    given = {
        "PIP_INDEX_URL": "https://index.example/simple",
        "HTTPS_PROXY": "http://proxy.example",
        "PIP_TARGET": "/etc",
        "PIP_REQUIREMENT": "/etc/passwd",
        "PIP_CONFIG_FILE": "/etc/pip.conf",
        "GITHUB_TOKEN": "token",
        "ACTIONS_RUNTIME_TOKEN": "token",
        "PYTHONPATH": "/evil",
        "PIP_RETRIES": "0",
    }
    passed = passed_variables(given)
    assert passed == {
        "PIP_INDEX_URL": "https://index.example/simple",
        "HTTPS_PROXY": "http://proxy.example",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "1",
        "PIP_DEFAULT_TIMEOUT": "20",
    }


def test_credentials_are_hidden_however_they_are_written() -> None:
    masked = masking_of(
        {
            "PIP_INDEX_URL": "https://reader:p%40ss@a.example/simple",
            "PIP_EXTRA_INDEX_URL": "https://pypi-token@b.example/ https://x:other@c.example/",
            "HTTPS_PROXY": "http://proxy.example:8080",
        }
    )
    text = masked("p%40ss p@ss reader:p%40ss pypi-token other https://proxy.example:8080 a.example")
    assert text == "**** **** **** **** **** https://proxy.example:8080 a.example"


def test_wheels_that_stand_for_what_is_here_are_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (write_stubs({"typing-extensions": Version("4.16.0")}, tmp_path / name) for name in "ab")
    assert first == second
    assert first[0].pin == "typing-extensions==4.16.0+ptmobile"
    (path,) = (tmp_path / "a").iterdir()
    assert path.name == "typing_extensions-4.16.0+ptmobile-py3-none-any.whl"
    with zipfile.ZipFile(path) as wheel:
        assert {name.partition("/")[0] for name in wheel.namelist()} == {first[0].metadata_folder}


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("torch", "1.13.0a0+gitunknown", "1.13.1"),
        ("torchvision", "0.14.1a0", "0.14.1"),
        ("numpy", "1.24.2", "1.24.2"),
        ("other", "1.13.0a0", "1.13.0a0"),
        ("other", "unknown", "None"),
        ("other", None, "None"),
    ],
)
def test_debians_builds_are_the_releases_that_they_are(name: str, text: str | None, version: str) -> None:
    assert str(true_version(name, text)) == version


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        (
            "\nConflict:\n    timm 1.0.31 depends on torch>=2.0\n    The user requested (constraint) torch==1.13.1\n",
            "timm 1.0.31 needs torch>=2.0, but the action's torch is 1.13.1, and stays.",
        ),
        (
            "    The user requested numpy>=2\n    The user requested (constraint) numpy==1.24.2+ptmobile\n",
            "The requirements need numpy>=2, but the action's numpy is 1.24.2, and stays.",
        ),
        (
            "    a 1.0 depends on c<2\n    b 1.0 depends on c>=2\n",
            "The requirements contradict each other: a 1.0 needs c<2; b 1.0 needs c>=2.",
        ),
        (
            "Retrying: 'Failed to establish a new connection'\nERROR: No matching distribution found for timm\n",
            "The index of packages does not answer: it cannot be reached.",
        ),
        (
            "Could not fetch URL: SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))\n",
            "The index of packages does not answer: its certificate is not trusted here (PIP_CERT names a bundle).",
        ),
        ("ERROR: 401 Client Error: Unauthorized for url", "The index of packages refuses the request (401)."),
        ("ERROR: HTTP error 403 while getting https://x", "The index of packages refuses the request (403)."),
        (
            "ERROR: Package 'x' requires a different Python: 3.11.2 not in '>=3.12'\n",
            "A package needs Python '>=3.12', and here is 3.11.2.",
        ),
        ("ERROR: Could not install: [Errno 28] No space left on device", "The disk has no room for the packages."),
        ("error: subprocess-exited-with-error\n", "A package could not be built from its source."),
        ("ERROR: something \x1b[31mnew", "pip could not install the packages: something ␛[31mnew"),
        ("", "pip could not install the packages: it said nothing more"),
    ],
)
def test_what_pip_says_becomes_a_sentence_with_advice(printed: str, message: str) -> None:
    error = explain(printed, HERE)
    assert (error.message, int(error.code)) == (message, 3)
    assert error.advice


def test_pip_is_here() -> None:
    assert (find_pip() / "pip/__main__.py").is_file() or find_pip().suffix == ".whl"


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "fifo"])
def test_only_plain_files_are_sealed(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "site"
    (folder / "package").mkdir(parents=True)
    (folder / "package/module.py").touch()
    seal(folder, Account())
    other = folder / "package/other"
    if kind == "symlink":
        other.symlink_to("/etc/passwd")
    elif kind == "hardlink":
        other.hardlink_to(folder / "package/module.py")
    else:
        os.mkfifo(other)
    with pytest.raises(PackagesError, match=r"something else than a plain file: package/(other|module\.py)"):
        seal(folder, Account())


@pytest.mark.parametrize("data", [b"", b"[]", b'{"install": [{"metadata": {"name": 1}}]}'])
def test_a_report_that_is_none_is_an_error(tmp_path: Path, data: bytes) -> None:
    report = tmp_path / "report.json"
    with pytest.raises(PackagesError, match="left no report"):
        installed(report, set())
    report.write_bytes(data)
    with pytest.raises(PackagesError, match="left no report"):
        installed(report, set())


def test_reports_of_old_and_new_pips_are_read(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    old = {"metadata": {"name": "Huggingface_Hub", "version": "2.0"}, "download_info": {"archive_info": {}}}
    old["download_info"]["archive_info"] = {"hash": "sha256=abc"}  # type: ignore[index]
    new = {
        "metadata": {"name": "timm", "version": "1.0"},
        "download_info": {"archive_info": {"hashes": {"sha256": "d"}}},
    }
    stub = {"metadata": {"name": "torch", "version": "1.13.1+ptmobile"}}
    report.write_bytes(msgspec.json.encode({"version": "1", "install": [new, old, stub]}))
    found = [(item.name, item.version, item.sha256) for item in installed(report, {"torch"})]
    assert found == [("huggingface-hub", "2.0", "abc"), ("timm", "1.0", "d")]


def test_folders_are_measured_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_bytes(b"12345")
    (tmp_path / "a/out").symlink_to("/usr")
    assert 5 <= folder_bytes(tmp_path) < 100
