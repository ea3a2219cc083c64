"""Run style, types and all tests; list what was skipped and why. Used by ``make test``.

``PTMOBILE_NO_SKIPS=1`` makes a skipped test a failure: where everything is there, nothing may be left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
#: Models are held in memory several times over, and what waits for a hanging process needs its share of the CPU.
MOST_AT_ONCE = 4

CHECKS = {
    "style": [str(BIN / "ruff"), "check", "."],
    "format": [str(BIN / "ruff"), "format", "--check", "."],
    "types": [str(BIN / "mypy")],
    "generated files": [sys.executable, "scripts/generate.py", "--check"],
}


def main() -> int:
    """Run everything; the first failing check ends it, as do failing tests."""
    for name, command in CHECKS.items():
        print(f"== {name}", flush=True)
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code:
            print(f"{name} failed; `make format` mends style, `make docs` generated files.", file=sys.stderr)
            return code
    print("== tests", flush=True)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    side_by_side = ["-n", str(min(os.cpu_count() or 1, MOST_AT_ONCE)), "--dist", "loadgroup"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *side_by_side, *sys.argv[1:]], cwd=ROOT, env=environment, check=False
    ).returncode


if __name__ == "__main__":
    raise SystemExit(main())
