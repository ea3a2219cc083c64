"""axe-core from npm: the accessibility checker that runs in the page, installed once as locked."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from browser_chromium import Chromium

HERE = Path(__file__).parent / "axe"
CACHE = Path(__file__).parents[2] / ".cache" / "axe"
_FILES = ("package.json", "package-lock.json")
_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


class NotInstalledError(Exception):
    """There is no npm here, or axe-core cannot be had; the message says which."""


def axe_source() -> str:
    """The script; it is installed if the lock has changed since.

    Raises:
        NotInstalledError: that is not possible.
    """
    script = CACHE / "node_modules/axe-core/axe.min.js"
    lock = CACHE / "package-lock.json"
    if not (script.is_file() and lock.is_file() and lock.read_bytes() == (HERE / "package-lock.json").read_bytes()):
        _install()
    return script.read_text(encoding="utf-8")


def violations(browser: Chromium, source: str) -> list[str]:
    """What the page that is open does wrong: rule, and the first elements that break it."""
    browser.evaluate(f"{source}\n;0")
    options = json.dumps({"runOnly": {"type": "tag", "values": _RULES}, "resultTypes": ["violations"]})
    found: list[dict[str, Any]] = browser.evaluate(f"axe.run(document, {options}).then(r => r.violations)")
    return [f"{v['id']}: {v['help']}: {[node['html'][:200] for node in v['nodes'][:3]]}" for v in found]


def _install() -> None:
    if shutil.which("npm") is None:
        raise NotInstalledError("npm not found: axe-core comes from there")
    CACHE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as name:
        folder = Path(name) / "axe"
        folder.mkdir()
        for file in _FILES:
            shutil.copy(HERE / file, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        npm = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        if npm.returncode:
            raise NotInstalledError(f"npm cannot install axe-core: {npm.stderr[-300:]}")
        shutil.rmtree(CACHE, ignore_errors=True)
        folder.rename(CACHE)
