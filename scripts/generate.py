"""Write everything that follows from the types: action.yml, the JSON Schemas, tables of the documents.

.venv/bin/python scripts/generate.py            writes them
.venv/bin/python scripts/generate.py --check    changes nothing; fails if one of them is not what it should be
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ptmobile.explaining.catalogue import GROUPS
from ptmobile.report.exit_codes import EXIT_CODES
from ptmobile.report.model import report_schema
from ptmobile.report.outputs import OUTPUTS
from ptmobile.spec.config_file import config_schema
from ptmobile.spec.options import Option, all_options

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests.hostile import attacks, faults, package_attacks  # noqa: E402 - what is tested there is declared there

SCHEMAS = Path("src/ptmobile/schemas")
README = Path("README.md")
INPUTS_AND_OUTPUTS = Path("docs/inputs-and-outputs.md")
TROUBLESHOOTING = Path("docs/troubleshooting.md")
SECURITY = Path("docs/security.md")

ACTION_HEAD = """\
# Made by scripts/generate.py from the types in src/ptmobile/spec: change those, then run it.
# No input has a default here, so that a config file may speak where an input is not given.
name: ptmobile-action
description: Turn a PyTorch model into a PyTorch Mobile file (.ptl) and prove that it computes what the model computes
branding:
  icon: smartphone
  color: orange
"""
ACTION_RUNS = """\
runs:
  using: docker
  image: Dockerfile
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check every generated file; the exit code is 1 if a check fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail if something is out of date")
    check = parser.parse_args(argv).check
    stale = [path for path, text in generated().items() if _read(path) != text]
    if not check:
        for path in stale:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(generated()[path], encoding="utf-8")
    for path in stale:
        print(f"{path}: {'is out of date; run scripts/generate.py' if check else 'written'}")
    return 1 if check and stale else 0


def generated() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    return {
        Path("action.yml"): action_yml(),
        SCHEMAS / "config.schema.json": schema_text(config_schema()),
        SCHEMAS / "report.schema.json": schema_text(report_schema()),
        README: _filled(README, "exit codes"),
        INPUTS_AND_OUTPUTS: _filled(INPUTS_AND_OUTPUTS, "inputs", "outputs"),
        SECURITY: _filled(SECURITY, "attacks", "packages", "faults"),
        TROUBLESHOOTING: fill(_read(TROUBLESHOOTING), "known errors", known_errors()),
    }


def _filled(document: Path, *names: str) -> str:
    """A document with the tables of these names as they should be."""
    text = _read(document)
    for name in names:
        text = fill(text, name, tables()[name])
    return text


def action_inputs() -> list[Option]:
    """The options that are inputs of the action."""
    return [option for option in all_options().values() if option.action_input]


def action_yml() -> str:
    """The action's metadata."""
    inputs = "".join(
        _described(option.name, input_description(option), "required: false") for option in action_inputs()
    )
    outputs = "".join(_described(name, text) for name, text in OUTPUTS.items())
    return f"{ACTION_HEAD}\ninputs:\n{inputs}\noutputs:\n{outputs}\n{ACTION_RUNS}"


def input_description(option: Option) -> str:
    """What an input means, which values it takes, and what holds where it is not given."""
    allowed = {
        "choice": f"One of {option.allowed}.",
        "boolean": "true or false.",
        "integer": f"A {option.allowed.removeprefix('a ')}.",
        "number": f"A {option.allowed.removeprefix('a ')}.",
    }.get(option.kind, "")
    default = f"Default: {option.default_text}." if option.default_text else ""
    return " ".join(part for part in (option.description, allowed, default) if part)


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as `ptmobile schema` prints it."""
    return json.dumps(schema, indent=2) + "\n"


def tables() -> dict[str, str]:
    """The tables by the name in their markers."""
    return {
        "inputs": _table(
            ("Input", "Meaning", "Values", "Default"),
            ((f"`{o.name}`", o.description, _values(o), _code(o.default_text)) for o in action_inputs()),
        ),
        "outputs": _table(("Output", "Meaning"), ((f"`{name}`", text) for name, text in OUTPUTS.items())),
        "attacks": attacks.table(),
        "packages": package_attacks.table(),
        "faults": faults.table(),
        "exit codes": _table(("Code", "Meaning"), ((f"{int(code)}", meaning) for code, meaning in EXIT_CODES.items())),
    }


def known_errors() -> str:
    """A table for each group of known errors."""
    head = ("It says", "Cause", "What to do")
    return "\n".join(
        f"### {name}\n\n"
        + _table(head, ((f"`{known.says}`", _prose(known.cause), _prose(known.remedy)) for known in group))
        for name, group in GROUPS.items()
    )


def fill(text: str, name: str, content: str) -> str:
    """Put content between the two comments that mark its place.

    Raises:
        ValueError: the text has no such place, or more than one.
    """
    begin, end = f"<!-- {name}: made by scripts/generate.py -->", f"<!-- end of {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"There must be one place for {name}: {begin} and {end}")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{content}\n{end}{after}"


def _read(path: Path) -> str:
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _described(name: str, description: str, *lines: str) -> str:
    """An entry of a YAML mapping whose description is a folded text."""
    folded = textwrap.wrap(description, 110, break_long_words=False, break_on_hyphens=False)
    body = [
        f"  {name}:",
        "    description: >-",
        *(f"      {line}" for line in folded),
        *(f"    {line}" for line in lines),
    ]
    return "\n".join(body) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(re.sub(r'[|]', '&#124;', cell) for cell in line)} |\n" for line in lines)


def _prose(text: str) -> str:
    """Text for Markdown, in which nothing but code in backticks means anything."""
    parts = text.split("`")
    parts[::2] = (re.sub(r"(?<![^\W_])_|_(?![^\W_])|[*<>~\\]", r"\\\g<0>", part) for part in parts[::2])
    return "`".join(parts)


def _values(option: Option) -> str:
    if option.kind == "choice":
        return ", ".join(f"`{choice}`" for choice in option.choices)
    words = {"boolean": "`true`, `false`", "names": "names", "yaml": "YAML", "text": "text"}
    return words.get(option.kind, option.allowed.removeprefix("a "))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    sys.exit(main())
