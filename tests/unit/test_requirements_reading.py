"""Requirements files: what is taken, and that nothing reaches beyond names, versions and the workspace."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from ptmobile.packages.reading import Requirements, read_requirements
from ptmobile.spec.problems import Problems
from ptmobile.spec.workspace import Workspace

HERE = {"torch": Version("1.13.1"), "numpy": Version("1.24.2"), "jinja2": Version("3.1.6")}
DIGEST = "a" * 64


def read(root: Path, text: str, *, source_builds: bool = False) -> tuple[Requirements, list[str]]:
    (root / "requirements.txt").write_text(text, encoding="utf-8")
    problems = Problems()
    found = read_requirements("requirements.txt", Workspace(root), HERE, problems, source_builds=source_builds)
    return found, [str(problem) for problem in problems.found]


def lines(root: Path, text: str) -> list[str]:
    found, problems = read(root, text)
    assert problems == []
    return found.lines()


def problem(root: Path, text: str) -> str:
    _, (only,) = read(root, text)
    return only


def test_names_versions_markers_and_comments(tmp_path: Path) -> None:
    text = "# for the model\ntimm==0.9.16  # pinned\n\neinops>=0.6,\\\n    <1\nfoo; python_version < '3'\n"
    assert lines(tmp_path, text) == ["timm==0.9.16", "einops<1,>=0.6", 'foo; python_version < "3"']


def test_what_is_here_is_not_installed_again(tmp_path: Path) -> None:
    text = "torch>=1.7\nnumpy\nnumpy<1.25\ntorch==1.13.1+cpu\nNumPy==1.24.2\ntorch>=2; python_version < '3'\n"
    assert lines(tmp_path, text) == []
    assert lines(tmp_path, "jinja2[i18n]>=3\n") == ["jinja2[i18n]"]


def test_other_versions_of_what_is_here_are_problems_with_both_versions(tmp_path: Path) -> None:
    found, problems = read(tmp_path, "torch>=2.0\nnumpy==1.26.4 --hash=sha256:" + DIGEST + "\nok\ntorch==1.13.0+cpu\n")
    assert found.lines() == ["ok"]
    assert [text.partition(" ")[0] for text in problems] == [f"requirements.txt:{line}:" for line in (1, 2, 4)]
    assert "'torch>=2.0', but the action's torch is 1.13.1, and stays" in problems[0]
    assert "'numpy==1.26.4', but the action's numpy is 1.24.2, and stays" in problems[1]


def test_hashes_are_kept_and_then_all_need_one(tmp_path: Path) -> None:
    (tmp_path / "own.whl").write_bytes(b"wheel")
    own = hashlib.sha256(b"wheel").hexdigest()
    uri = (tmp_path / "own.whl").as_uri()
    assert lines(tmp_path, "./own.whl\n") == [uri]
    found, _ = read(tmp_path, f"own.whl\ntimm==1.0 \\\n  --hash=sha256:{DIGEST} \\\n  --hash sha256:{'b' * 64}\n")
    assert found.hashed
    assert found.lines() == [
        f"{uri} --hash=sha256:{own}",
        f"timm==1.0 --hash=sha256:{DIGEST} --hash=sha256:{'b' * 64}",
    ]
    assert [(source.path, source.sha256 == own) for source in found.sources] == [
        ("requirements.txt", False),
        ("own.whl", True),
    ]
    assert read(tmp_path, "--require-hashes\n")[0].hashed
    assert "is no hash" in problem(tmp_path, "timm==1.0 --hash=md5:abc\n")


def test_a_file_may_name_others_of_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/base.txt").write_text("einops\n-r more.txt\n-r ../requirements.txt\n")
    (tmp_path / "sub/more.txt").write_text("tqdm\n")
    found, problems = read(tmp_path, "-r sub/base.txt\ntimm\n")
    assert (found.lines(), problems) == (["einops", "tqdm", "timm"], [])
    assert [source.path for source in found.sources] == ["requirements.txt", "sub/base.txt", "sub/more.txt"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--index-url https://evil.example/simple", "PIP_INDEX_URL"),
        ("-i https://evil.example/simple", "PIP_INDEX_URL"),
        ("--extra-index-url=https://evil.example/simple", "PIP_INDEX_URL"),
        ("--find-links /tmp", "PIP_INDEX_URL"),
        ("--trusted-host evil.example", "PIP_INDEX_URL"),
        ("-e .", "can be imported as it is"),
        ("--editable .", "can be imported as it is"),
        ("-c other.txt", "write its versions"),
        ("--no-binary :all:", "allow-source-builds"),
        ("--pre", "is an option of pip"),
        ("--global-option=x", "is an option of pip"),
        ("timm --config-settings=a=b", "has an option of pip"),
        ("timm --index-url https://evil.example", "has an option of pip"),
        ("git+https://evil.example/x.git", "is not a requirement"),
        ("x @ git+https://evil.example/x.git", "names an address"),
        ("x @ file:///etc/passwd", "names an address"),
        ("https://evil.example/x-1.0-py3-none-any.whl", "is not a requirement"),
        ("file:///etc/x-1.0-py3-none-any.whl", "is not a requirement"),
        ("-r ../../etc/passwd", "lies outside the workspace"),
        ("-r /etc/passwd", "lies outside the workspace"),
        ("-r out", "lies outside the workspace"),
        ("../x-1.0-py3-none-any.whl", "lies outside the workspace"),
        ("x-1.0.tar.gz", "allow-source-builds"),
        ("${ACTIONS_RUNTIME_TOKEN}", "variable of the environment"),
        ("timm==${PIP_INDEX_URL}", "variable of the environment"),
        (".", "is not a requirement"),
        ("./package", "is not a requirement"),
        ("timm==1.0\x00", "is not a requirement"),
        ("-r missing.txt", "does not exist"),
    ],
)
def test_what_reaches_further_is_refused(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "out").symlink_to("/etc/passwd")
    text = problem(tmp_path, f"einops\n{line}\n")
    assert text.startswith("requirements.txt:2: given ")
    assert said in text
    assert "root:" not in text


def test_source_archives_only_where_builds_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "x-1.0.tar.gz").write_bytes(b"")
    found, problems = read(tmp_path, "x-1.0.tar.gz\n", source_builds=True)
    assert (found.lines(), problems) == ([(tmp_path / "x-1.0.tar.gz").as_uri()], [])


def test_long_files_and_other_bytes_are_refused(tmp_path: Path) -> None:
    assert "too long" in problem(tmp_path, "einops\n" * 3000)
    assert "too long" in problem(tmp_path, "#" * 300_000)
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    assert "it is not UTF-8" in problem(tmp_path, "-r bytes.txt\n")


def test_the_key_knows_what_leads_to_other_packages(tmp_path: Path) -> None:
    texts = ("timm\n", "timm==1.0\n", f"timm==1.0 --hash=sha256:{DIGEST}\n")
    keys = {read(tmp_path, text)[0].key(source_builds=builds) for text in texts for builds in (False, True)}
    assert len(keys) == 6
    assert read(tmp_path, "timm\n")[0].key(source_builds=False) in keys


@settings(max_examples=100)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [*("-r", "-e", "--hash=sha256:", " ", "\\\n", "#", "@", "${X}", "git+", "://", "; ", "[", "]", "\n")]
            ),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        ),
        max_size=12,
    ).map("".join)
)
def test_whatever_is_in_it_pip_gets_names_only(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.mktemp("requirements")
    found, _ = read(root, text)
    for line in found.lines():
        assert not line.startswith("-")
        assert "${" not in line
        assert "://" not in line
        assert "\n" not in line
        assert line.isprintable()
