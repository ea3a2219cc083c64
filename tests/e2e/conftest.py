"""The real Dockerfile, built once per session and run as the GitHub runner runs it."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import docker
import pytest
from docker.errors import BuildError, DockerException

from ptmobile.local import image
from ptmobile.local.step import Step, StepResult

ROOT = Path(__file__).parents[2]
TAG = os.environ.get("PTMOBILE_TEST_TAG", "ptmobile-action:test")
LIBRARIES = "/libraries"

RunStep: TypeAlias = Callable[..., StepResult]


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """A Docker engine; skips where there is none."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as problem:
        pytest.skip(f"no Docker engine answers ({problem}); scripts/start-engine.sh starts one")
    yield client
    client.close()


def export_tree(target: Path) -> Path:
    """Copy what git knows of the tree, as it is now: a file that nobody added must be missed here and not in CI."""
    listing = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False)
    if listing.returncode:
        return ROOT  # not a checkout: an unpacked archive is a clean tree itself
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name, follow_symlinks=False)
    return target


@pytest.fixture(scope="session")
def clean_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree without anything that git does not know."""
    return export_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="session")
def action_image(docker_client: docker.DockerClient, clean_tree: Path) -> image.Image:
    """The action's image, built from a clean tree."""
    base = image.base_image(clean_tree / "Dockerfile")
    if not image.available(base, docker_client):
        pytest.skip(f"{base} is neither present nor can it be pulled; scripts/stand-in-base.sh makes an equivalent")
    try:
        return image.build(clean_tree, TAG, client=docker_client)
    except BuildError as problem:
        log = "".join(str(message.get("stream", "")) for message in problem.build_log)
        pytest.fail(f"the image can not be built: {problem}\n{log[-4000:]}", pytrace=False)


@pytest.fixture(scope="session")
def library_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the phone's libraries are kept between the containers of a session."""
    return tmp_path_factory.mktemp("libraries")


@pytest.fixture
def run_step(
    docker_client: docker.DockerClient, action_image: image.Image, library_cache: Path, tmp_path: Path
) -> RunStep:
    """A factory: runs the action with these inputs (and other fields of Step) in a fresh or a given workspace."""
    number = itertools.count(1)

    def run(inputs: Mapping[str, str] | None = None, /, *, workspace: Path | None = None, **fields: Any) -> StepResult:
        workspace = workspace or tmp_path / f"workspace-{next(number)}"
        workspace.mkdir(exist_ok=True)
        # Libraries are fetched once for all tests; a job would keep the folder with actions/cache.
        environment = {"PTMOBILE_CACHE": LIBRARIES, **fields.pop("env", {})}
        mounts = {library_cache: LIBRARIES, **fields.pop("mounts", {})}
        on_output: Callable[[str], None] | None = fields.pop("on_output", None)
        step = Step(
            image=action_image.tag,
            workspace=workspace,
            inputs=inputs or {},
            action_file=_action_file(),
            env=environment,
            mounts=mounts,
            **fields,
        )
        return step.run(docker_client, on_output)

    return run


def _action_file() -> Path | None:
    action_file = ROOT / "action.yml"
    return action_file if action_file.exists() else None


@pytest.fixture
def run_python(run_step: RunStep) -> RunStep:
    """A factory: runs Python code in the action's image instead of the action."""

    def run(code: str, *, options: Mapping[str, Any] | None = None, **fields: Any) -> StepResult:
        entrypoint = {"entrypoint": ["/usr/bin/python3", "-I", "-c", code]}
        return run_step(options={**entrypoint, **(options or {})}, **fields)

    return run
