"""The same attacks by other ways than a model's factory: from a pickle that may run, and from an installed package."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.e2e.conftest import RunStep
from tests.hostile.attacks import ATTACKS
from tests.hostile.test_attacks import MODELS, OWNER, SECRETS, TOKEN_FILE, nothing_leaked, only_our_commands, report_of
from tests.hostile.test_package_attacks import log_of_each
from tests.integration.wheel_support import make_wheel

#: Those whose attack is in the factory, and which need neither a time limit nor a container of their own.
BUNDLED = {
    name: attack for name, attack in ATTACKS.items() if not (attack.inputs or attack.options or attack.file == "markup")
}


class _Runs:
    """Pickled as a call of an attack's factory."""

    def __init__(self, module: str) -> None:
        self._code = f"__import__({module!r}).make()"

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return eval, (self._code,)


def _by_pickle(workspace: Path) -> list[dict[str, object]]:
    """Checkpoints whose pickle attacks, beside the weights of the innocent model."""
    models: list[dict[str, object]] = []
    for name, attack in BUNDLED.items():
        shutil.copy(MODELS / f"{attack.file}.py", workspace)
        weights = {"layer.weight": torch.ones(3, 4), "layer.bias": torch.ones(3), "evil": _Runs(attack.file)}
        torch.save(weights, workspace / f"{attack.file}.pt")
        model = {"model": "good.py:make", "weights": f"{attack.file}.pt", "allow-pickle": True}
        models.append({"name": _slug(name), **model})
    return models


def _by_package(workspace: Path) -> list[dict[str, object]]:
    """A wheel that holds the attacks."""
    files = {f"packaged/{attack.file}.py": _relative(MODELS / f"{attack.file}.py") for attack in BUNDLED.values()}
    files |= {"packaged/__init__.py": "", "packaged/attacking.py": (MODELS / "attacking.py").read_text()}
    make_wheel(workspace, "packaged", files=files, needs=("torch",))
    (workspace / "requirements.txt").write_text("packaged-1.0-py3-none-any.whl\n")
    return [
        {"name": _slug(name), "model": f"packaged.{attack.file}:make", "requirements": "requirements.txt"}
        for name, attack in BUNDLED.items()
    ]


@pytest.mark.parametrize("prepare", [_by_pickle, _by_package])
def test_attacks_by_another_way(
    run_step: RunStep, tmp_path: Path, prepare: Callable[[Path], list[dict[str, object]]]
) -> None:
    workspace = tmp_path / "workspace"
    (workspace / ".git").mkdir(parents=True)
    (workspace / ".git/config").write_text(TOKEN_FILE)
    for name in ("attacking.py", "good.py"):
        shutil.copy(MODELS / name, workspace)
    models = [*prepare(workspace), {"name": "good", "model": "good.py:make"}]
    config = {"inputs": [[2, 4]], "device-check": "off", "trials": 1, "timing": False, "models": models}
    (workspace / "ptmobile.yml").write_text(yaml.safe_dump(config))
    for path in [workspace, *workspace.rglob("*")]:
        os.chown(path, *OWNER)
    planted = tmp_path / "token"
    planted.write_text(TOKEN_FILE)
    planted.chmod(0o644)
    before = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    step = run_step(
        {},
        workspace=workspace,
        context=SECRETS,
        env={"PIP_NO_INDEX": "1"},
        mounts={planted: "/github/runner_temp/git-credentials.config"},
        timeout_seconds=900,
    )
    found = report_of(workspace)["models"]
    logs = log_of_each(step.log)
    assert "BREACH" not in step.log
    assert "Traceback" not in "".join(line for line in step.log.splitlines() if not line.startswith("│"))
    for model, (name, attack) in zip(found, BUNDLED.items(), strict=False):
        verdict = model["verdict"]
        assert (model["spec"]["name"], verdict["code"]) == (_slug(name), attack.code), step.log
        assert attack.shown in json.dumps(verdict)
        assert attack.said in logs[_slug(name)]
    assert found[-1]["verdict"]["status"] == "passed", step.log
    nothing_leaked(step, workspace)
    only_our_commands(step)
    assert before == {path: path.read_bytes() for path in before}


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _relative(module: Path) -> str:
    return module.read_text().replace("from attacking", "from .attacking")
