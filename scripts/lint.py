"""Everything that can be said of the project without running it: style, types, scripts, workflows, schemas.

.venv/bin/python scripts/lint.py            checks all; the first that fails ends it
.venv/bin/python scripts/lint.py NAME ...   checks these

Nothing here needs a network. What a tool finds and need not be mended stands with its reason in the tool's own file:
pyproject.toml, .hadolint.yaml, zizmor.yml, examples/zizmor.yml.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

SCHEMAS = "src/ptmobile/schemas"
ZIZMOR = [str(BIN / "zizmor"), "--quiet", "--offline", "--no-progress", "--strict-collection"]


def checks(root: Path = ROOT) -> Mapping[str, Sequence[str]]:
    """The command of each check by its name, to be run in a tree of the project."""

    def files(*patterns: str) -> list[str]:
        return sorted(str(path.relative_to(root)) for pattern in patterns for path in root.glob(pattern))

    def schema(*options: str) -> list[str]:
        return [sys.executable, "-m", "check_jsonschema", "--quiet", *options]

    ours, examples = files(".github/workflows/*.yml"), files("examples/workflows/*.yml")
    return {
        "style": [str(BIN / "ruff"), "check", "."],
        "format": [str(BIN / "ruff"), "format", "--check", "."],
        "types": [str(BIN / "mypy")],
        "generated files": [sys.executable, "scripts/generate.py", "--check"],
        "shell scripts": [str(BIN / "shellcheck"), *files("image/*.sh", "scripts/*.sh", "src/**/*.sh")],
        "Dockerfile": [str(BIN / "hadolint"), "--config", ".hadolint.yaml", "Dockerfile"],
        "action.yml": schema("--builtin-schema", "vendor.github-actions", "action.yml"),
        "workflows": schema("--builtin-schema", "vendor.github-workflows", *ours, *examples),
        "time limits of workflows": schema(
            "--builtin-schema", "custom.github-workflows-require-timeout", *ours, *examples
        ),
        "security of workflows": [*ZIZMOR, "--config", "zizmor.yml", "--persona", "pedantic", "action.yml", *ours],
        "security of example workflows": [*ZIZMOR, "--config", "examples/zizmor.yml", *examples],
        "schemas": schema("--check-metaschema", *files(f"{SCHEMAS}/*.json")),
        "example configs": schema("--schemafile", f"{SCHEMAS}/config.schema.json", *files("examples/**/ptmobile.yml")),
        "example baselines": schema(
            "--schemafile", f"{SCHEMAS}/report.schema.json", *files("examples/**/baseline.json")
        ),
    }


def lint(names: Sequence[str] = ()) -> int:
    """Run the checks, all of them unless some are named; the exit code is that of the first that fails.

    Raises:
        KeyError: there is no check of that name.
    """
    commands = checks()
    for name in names or commands:
        print(f"== {name}", flush=True)
        code = subprocess.run(commands[name], cwd=ROOT, check=False).returncode
        if code:
            print(f"{name} failed; `make format` mends style, `make docs` generated files.", file=sys.stderr)
            return code
    return 0


if __name__ == "__main__":
    raise SystemExit(lint(sys.argv[1:]))
