"""Packages of a model, installed by the real pip from wheels of our own: no index is asked."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ptmobile.packages import installing, running
from ptmobile.packages.installing import Installer, Provision
from ptmobile.packages.provided import provided
from ptmobile.pipeline import Run, run_models
from ptmobile.progress.base import Lines
from ptmobile.report.model import ModelReport, Source
from ptmobile.sandbox import Workers
from ptmobile.spec.conversion import ConversionSpec, ExampleInput, RunSpec
from tests.integration.wheel_support import BACKEND, make_sdist, make_wheel, sha256

NEEDS_TORCH = ("torch>=1.7", "torchvision", "numpy>=1.20")

Provide = Callable[..., Provision]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of an index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def provide(workspace: Path, log: io.StringIO) -> Iterator[Provide]:
    """Install what these lines ask for."""
    with Workers(workspace) as workers:
        installer = Installer(workers, workspace, Lines(log.write))

        def provide(*lines: str, **fields: Any) -> Provision:
            (workspace / "requirements.txt").write_text("".join(f"{line}\n" for line in lines))
            spec = ConversionSpec(model="net.py:make", name="net", requirements="requirements.txt", **fields)
            provision = installer.provide(spec)
            assert provision is not None
            return provision

        yield provide


def names(provision: Provision) -> list[tuple[str, str]]:
    assert provision.packages is not None, provision.failure
    return [(package.name, package.version) for package in provision.packages.installed]


def failure(provision: Provision) -> tuple[str, str]:
    assert provision.failure is not None
    assert (provision.folder, provision.packages, provision.stage.status) == ("", None, "failed")
    return provision.failure.problem.message, provision.failure.problem.advice


def test_what_needs_torch_gets_the_one_that_is_here(provide: Provide, index: Path, log: io.StringIO) -> None:
    leaf = make_wheel(index, "leaf", "2.0")
    make_wheel(index, "tree", needs=(*NEEDS_TORCH, "leaf>=1"), files={"tree/__init__.py": ""})
    provision = provide("tree", "torch==1.13.1")
    assert names(provision) == [("leaf", "2.0"), ("tree", "1.0")]
    assert provision.packages is not None
    assert provision.packages.installed[0].sha256 == sha256(leaf)
    there = {path.name for path in Path(provision.folder).iterdir()}
    assert there == {"leaf.py", "leaf-2.0.dist-info", "tree", "tree-1.0.dist-info"} | ({"__pycache__"} & there)
    assert "│ Successfully installed" in log.getvalue()


def test_what_needs_another_torch_fails_with_both_versions(provide: Provide, index: Path) -> None:
    make_wheel(index, "modern", "3.1", needs=("torch>=2.0",))
    message, advice = failure(provide("modern"))
    assert message == "modern 3.1 needs torch>=2.0, but the action's torch is 1.13.1, and stays."
    assert "an older one" in advice


def test_an_older_version_is_found_that_goes_with_this_torch(provide: Provide, index: Path) -> None:
    make_wheel(index, "modern", "3.1", needs=("torch>=2.0",))
    make_wheel(index, "modern", "2.9", needs=("torch>=1.10",))
    assert names(provide("modern")) == [("modern", "2.9")]


def test_a_torch_of_ones_own_is_refused(provide: Provide, workspace: Path) -> None:
    make_wheel(workspace, "torch", "2.1.0")
    message, _ = failure(provide("torch-2.1.0-py3-none-any.whl"))
    assert "torch" in message


def test_hashes_hold(provide: Provide, index: Path) -> None:
    tree = make_wheel(index, "tree", needs=(*NEEDS_TORCH, "leaf"))
    leaf = make_wheel(index, "leaf")
    good = [f"tree==1.0 --hash=sha256:{sha256(tree)}", f"leaf==1.0 --hash=sha256:{sha256(leaf)}"]
    assert names(provide(*good, "torch==1.13.1 --hash=sha256:" + "0" * 64)) == [("leaf", "1.0"), ("tree", "1.0")]
    assert "another hash" in failure(provide(good[0], "leaf==1.0 --hash=sha256:" + "0" * 64))[0]
    message, advice = failure(provide(good[0]))
    assert "all need one, and leaf" in message
    assert "generate-hashes" in advice


def test_what_is_not_there_is_said(provide: Provide, index: Path) -> None:
    make_wheel(index, "tree", "1.2")
    assert failure(provide("nothing_of_this_name"))[0].startswith("There is no wheel of nothing_of_this_name")
    assert failure(provide("tree>=2"))[0] == "There is no version tree>=2; there are wheels of 1.2."
    make_wheel(index, "left", needs=("leaf<2",))
    make_wheel(index, "right", needs=("leaf>=2",))
    for version in ("1.0", "2.0"):
        make_wheel(index, "leaf", version)
    assert failure(provide("left", "right"))[0].startswith("The requirements contradict each other")


def test_without_a_network_the_advice_is_about_that(
    provide: Provide, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://reader:open%20sesame@127.0.0.1:9/simple")
    message, advice = failure(provide("einops"))
    assert message == "The index of packages does not answer: it cannot be reached."
    assert "PIP_INDEX_URL" in advice
    assert "sesame" not in log.getvalue()


def test_the_same_requirements_are_installed_once(
    provide: Provide, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(index, "leaf")
    first = provide("leaf")
    assert names(first) == [("leaf", "1.0")]
    monkeypatch.setattr(installing, "run_pip", None)
    assert provide("leaf", trials=7) is first
    with pytest.raises(TypeError):
        provide("leaf", "# another file")


def test_code_of_packages_runs_only_where_it_may(provide: Provide, index: Path, workspace: Path) -> None:
    trace = Path(workspace).parent / "trace"
    code = f"open({str(trace)!r}, 'w').close()"
    make_sdist(index, "built", BACKEND.format(code="pass", name="built"))
    message, advice = failure(provide("built"))
    assert message.startswith("There is no wheel of built")
    assert "allow-source-builds" in advice
    # A wheel whose dependency is an address: pip would build what is there whatever it was told of wheels.
    evil = make_sdist(workspace, "evil", BACKEND.format(code=code, name="evil"))
    make_wheel(workspace, "carrier", needs=(f"evil @ {evil.as_uri()}",))
    message, advice = failure(provide("carrier-1.0-py3-none-any.whl"))
    assert "runs the package's own code" in message
    assert "allow-source-builds" in advice
    assert not trace.exists()


def test_allowed_builds_are_fenced(provide: Provide, index: Path, workspace: Path) -> None:
    code = """
for place in ({workspace!r} + "/net.py", "/tmp/ptmobile-escaped"):
    try:
        open(place, "w").close()
        raise SystemExit("BREACH " + place)
    except OSError:
        pass
assert "PIP_FIND_LINKS" in os.environ and "GITHUB_TOKEN" not in os.environ
"""
    make_sdist(index, "built", BACKEND.format(code=code.format(workspace=str(workspace)), name="built"))
    provision = provide("built", allow_source_builds=True)
    assert names(provision) == [("built", "1.0")]
    assert provision.packages is not None
    assert provision.packages.source_builds
    assert (Path(provision.folder) / "built.py").read_text().startswith("BUILT = True\n")
    assert not Path("/tmp/ptmobile-escaped").exists()


def test_a_build_that_never_ends_is_ended(provide: Provide, index: Path) -> None:
    make_sdist(index, "built", BACKEND.format(code="import time; time.sleep(3600)", name="built"))
    message, advice = failure(provide("built", allow_source_builds=True, timeout_minutes=0.2))
    assert message == "The packages were not installed within 0.2 minutes."
    assert "timeout-minutes" in advice


def test_too_much_is_refused(provide: Provide, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(index, "large", files={"large.py": "#" * 3_000_000})

    def run_pip(*arguments: Any) -> tuple[bool, str]:
        return running.run_pip(*arguments, 1 << 20)

    monkeypatch.setattr(installing, "run_pip", run_pip)
    assert failure(provide("large"))[0].startswith("The packages take more than")


@pytest.mark.parametrize("path", ["../../../escaped.py", "/tmp/ptmobile-escaped.py"])
def test_a_wheel_reaches_no_other_folder(provide: Provide, workspace: Path, path: str) -> None:
    make_wheel(workspace, "climber", files={path: "", "climber.py": ""})
    provision = provide("climber-1.0-py3-none-any.whl")
    above = Path(provision.folder or workspace).parents[3]
    assert not (above / "escaped.py").exists()
    assert not Path("/tmp/ptmobile-escaped.py").exists()
    assert provision.failure is not None


def converted(
    workspace: Path, models: Mapping[str, str], *, requirements: str = "requirements.txt"
) -> list[ModelReport]:
    specs = []
    for name, code in models.items():
        (workspace / f"{name}.py").write_text(code)
        model, inputs = f"{name}.py:make", (ExampleInput(shape=(1, 2)),)
        spec = ConversionSpec(model=model, name=name, inputs=inputs, trials=1, device_check="off", output=f"{name}.ptl")
        specs.append(msgspec.structs.replace(spec, requirements="requirements.txt", timing=False))
    run = Run(workspace, Lines(lambda _: None), Source(), lambda: "now")
    return list(run_models(RunSpec(models=tuple(specs)), run).models)


LEAF = """
import sys
import leaf, torch, torchvision, json

def make():
    assert leaf.VERSION == "1.0"
    assert sys.path[-1] in leaf.__file__
    assert not hasattr(torch, "HIJACKED") and not hasattr(json, "HIJACKED")
    assert "hijacked" not in sys.modules
    try:
        open(leaf.__file__, "a").close()
    except OSError:
        return torch.nn.Linear(2, 2)
    raise RuntimeError("BREACH: the packages can be changed")
"""


def test_a_model_imports_them_and_changes_nothing(workspace: Path, index: Path) -> None:
    """Whatever is in the folder comes last, and nothing in it runs by being there."""
    shadows = dict.fromkeys(("torch.py", "json.py", "ptmobile.py", "msgspec.py"), "HIJACKED = True\nimport hijacked\n")
    run_at_start = dict.fromkeys(("evil.pth", "sitecustomize.py", "usercustomize.py"), "import hijacked\n")
    hijacked = f"open({str(workspace / 'BREACH')!r}, 'w').close()\n"
    files = {**shadows, **run_at_start, "hijacked.py": hijacked, "leaf.py": "VERSION = '1.0'\n"}
    make_wheel(index, "leaf", files=files)
    (workspace / "requirements.txt").write_text("leaf\n")
    first, second = converted(workspace, {"first": LEAF, "second": LEAF})
    for model in (first, second):
        assert model.verdict.status == "passed", model.verdict
        assert model.packages == first.packages
        assert model.result.stages[0].name == "packages"
    assert not (workspace / "BREACH").exists()


def test_what_cannot_be_installed_fails_that_model(workspace: Path, index: Path) -> None:
    (workspace / "requirements.txt").write_text("nothing_of_this_name\n")
    (only,) = converted(workspace, {"net": LEAF})
    assert (only.verdict.status, only.verdict.code, only.packages) == ("failed", 3, None)
    assert only.verdict.reasons[0].title == "The packages could not be installed"
    assert [stage.name for stage in only.result.stages] == ["packages"]


def test_a_module_that_is_missing_names_the_option(workspace: Path) -> None:
    (workspace / "net.py").write_text("import a_package_nobody_has\n")
    (workspace / "requirements.txt").write_text("torch\n")
    (only,) = converted(workspace, {"net": "import a_package_nobody_has\n"})
    assert only.packages is not None
    assert only.packages.installed == ()
    assert "requirements" in only.verdict.reasons[0].advice


def test_versions_here_are_those_that_workers_have() -> None:
    versions = {name: str(version) for name, version in provided().items()}
    assert (versions["torch"], versions["torchvision"]) == ("1.13.1", "0.14.1")
