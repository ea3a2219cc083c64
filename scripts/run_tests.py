"""Run style, types and all tests; list what was skipped and why. Used by ``make test``.

``PTMOBILE_NO_SKIPS=1`` makes a skipped test a failure: where everything is there, nothing may be left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lint import lint

ROOT = Path(__file__).resolve().parent.parent
#: Models are held in memory several times over, and what waits for a hanging process needs its share of the CPU.
MOST_AT_ONCE = 4
#: They share an image and the Docker engine, and run one after the other.
IN_CONTAINERS = ("e2e", "hostile")


def main() -> int:
    """Run everything; the first failing check ends it, as do failing tests."""
    code = lint()
    if code:
        return code
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    codes = []
    for name, arguments in _groups(sys.argv[1:]).items():
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", "pytest", *arguments]
        codes.append(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)
    return next(filter(None, codes), 0)


def _groups(asked: list[str]) -> dict[str, list[str]]:
    """What pytest is called with, by name: what was asked for, or everything in two turns."""
    if asked:
        return {"tests": asked}
    side_by_side = ["-n", str(min(os.cpu_count() or 1, MOST_AT_ONCE)), "--dist", "loadfile"]
    containers = [f"tests/{name}" for name in IN_CONTAINERS]
    return {
        "tests": [*side_by_side, *(f"--ignore={folder}" for folder in containers)],
        "tests in containers": containers,
    }


if __name__ == "__main__":
    raise SystemExit(main())
