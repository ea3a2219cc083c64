"""Requirements that attack, in the real container, and an innocent model behind them that must not suffer from it."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

from ptmobile.local.step import StepResult
from tests.e2e.conftest import RunStep
from tests.hostile.package_attacks import PACKAGE_ATTACKS, REFUSED_LINES
from tests.hostile.test_attacks import MODELS, OWNER, SECRETS, TOKEN_FILE, nothing_leaked, only_our_commands, report_of
from tests.integration.wheel_support import BACKEND, make_sdist, make_wheel

TITLE = re.compile(r"^(?:::group::)?(\S+) \(\d+ of \d+\)")
PASSWORD = "swordfish"  # what builds may read it, by way of the environment
INDEX = {"PIP_INDEX_URL": f"https://reader:{PASSWORD}@127.0.0.1:9/simple", "PIP_NO_INDEX": "1"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A checkout that belongs to the runner's user, with the packages in it."""
    folder = tmp_path / "workspace"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git/config").write_text(TOKEN_FILE)
    for name in ("attacking", "good", *{attack.model for attack in PACKAGE_ATTACKS.values()}):
        shutil.copy(MODELS / f"{name}.py", folder)
    _make_packages(folder / "wheels")
    return folder


def _make_packages(folder: Path) -> None:
    hijacked = "print('BREACH: it ran by being there')\n"
    shadowing = ("torch.py", "json.py", "logging.py", "ptmobile.py", "msgspec.py", "attacking.py", "good.py")
    starting = ("a.pth", "sitecustomize.py", "usercustomize.py")
    files = {
        **dict.fromkeys(shadowing, "HIJACKED = True\nimport hijacked\n"),
        **dict.fromkeys(starting, "import hijacked\n"),
        "hijacked.py": hijacked,
        "shadows.py": "VALUE = 1\n",
        "shadows-1.0.dist-info/entry_points.txt": "[console_scripts]\nptmobile = hijacked:main\n",
    }
    make_wheel(folder, "shadows", files=files)
    climbing = {"../../../../../../../../tmp/climbed.py": "x = 1\n", "../climbed.py": "x = 1\n"}
    record = "../../../../../../../../etc/passwd,,\nclimbing-1.0.dist-info/RECORD,,\n"
    make_wheel(folder, "climbing", files=climbing, record=record)
    evil = make_sdist(folder, "evil", BACKEND.format(name="evil", code="print('BREACH: it was built')"))
    make_wheel(folder, "carrier", needs=(f"evil @ file:///github/workspace/wheels/{evil.name}",))
    backend = (MODELS / "build_backend.py").read_text()
    for name, code in (("building", "attack()"), ("printing", "say()"), ("planting", "plant()")):
        make_sdist(folder, name, BACKEND.format(name=name, code=f"{backend}\n{code}"))


def run(run_step: RunStep, workspace: Path, models: list[dict[str, object]]) -> StepResult:
    config = {"inputs": [[2, 4]], "device-check": "off", "trials": 1, "timing": False, "models": models}
    (workspace / "ptmobile.yml").write_text(yaml.safe_dump(config))
    for path in [workspace, *workspace.rglob("*")]:
        os.chown(path, *OWNER, follow_symlinks=False)
    return run_step({}, workspace=workspace, env=INDEX, context=SECRETS, timeout_seconds=900)


def test_attacks_by_packages(run_step: RunStep, workspace: Path) -> None:
    models: list[dict[str, object]] = []
    for name, attack in PACKAGE_ATTACKS.items():
        (workspace / f"{name}.txt").write_text("".join(f"{line}\n" for line in attack.lines))
        model = {"name": name, "model": f"{attack.model}.py:make", "requirements": f"{name}.txt"}
        models.append({**model, **({"allow-source-builds": True} if attack.builds else {})})
    before = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    step = run(run_step, workspace, [*models, {"name": "good", "model": "good.py:make"}])
    report = report_of(workspace)
    logs = log_of_each(step.log)
    assert "BREACH" not in step.log
    assert "Traceback" not in "".join(line for line in step.log.splitlines() if not line.startswith("│"))
    for model, (name, attack) in zip(report["models"], PACKAGE_ATTACKS.items(), strict=False):
        verdict = model["verdict"]
        assert (model["spec"]["name"], verdict["status"]) == (name, "failed" if attack.code else "passed"), step.log
        assert verdict["code"] == attack.code
        assert attack.shown in json.dumps(verdict)
        assert attack.said in logs[name]
    assert report["models"][-1]["verdict"]["status"] == "passed", step.log
    assert report["tool"]["isolation"] == "separate-user"
    assert PASSWORD not in step.log + (workspace / "ptmobile-report/report.json").read_text()
    nothing_leaked(step, workspace)
    only_our_commands(step)
    assert {path: path.read_bytes() for path in before if path.name != "ptmobile.yml"} == {
        path: data for path, data in before.items() if path.name != "ptmobile.yml"
    }


def test_lines_that_reach_further(run_step: RunStep, workspace: Path) -> None:
    (workspace / "link").symlink_to("/etc/passwd")
    (workspace / "reaching.txt").write_text("".join(f"{line}\n" for line in REFUSED_LINES))
    step = run(run_step, workspace, [{"model": "good.py:make", "requirements": "reaching.txt"}])
    assert step.exit_code == 2
    (problem,) = report_of(workspace)["problems"]
    for number, _ in enumerate(REFUSED_LINES, 1):
        assert f"reaching.txt:{number}: given" in problem["message"]
    assert "root:" not in step.log
    nothing_leaked(step, workspace)
    only_our_commands(step)


def log_of_each(log: str) -> dict[str, str]:
    """What the log has of each model, by its name."""
    found: dict[str, str] = {}
    name = ""
    for line in log.splitlines():
        if title := TITLE.match(line):
            name = title[1]
        found[name] = found.get(name, "") + line + "\n"
    return found
