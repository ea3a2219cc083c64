"""What holds of every case, whatever was given."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import get_args

import jsonschema
from _fuzz_cases import Case
from _fuzz_place import SECRET, Place
from _fuzz_run import Ended

from ptmobile.errors import ExitCode
from ptmobile.local.file_commands import FileCommandError, Flavour, parse_key_values, summary_accepted
from ptmobile.local.workflow_commands import parse_commands
from ptmobile.report.model import report_schema
from ptmobile.report.outputs import OUTPUTS

#: The commands that the action itself gives.
OURS = {"group", "endgroup", "error", "warning", "notice", "add-mask"}
_MASK = re.compile(r"^::add-mask::.*$", re.MULTILINE)


def faults(case: Case, environ: dict[str, str], place: Place, ended: Ended) -> Iterator[str]:
    """Everything that should not be."""
    yield from _of_the_end(ended)
    yield from _of_the_log(environ, ended)
    yield from _of_the_command_files(environ, place)
    yield from _of_the_report(environ, place, ended)
    yield from _of_secrets(case, place, ended)
    if not place.outside_is_unchanged():
        yield "something outside of the workspace was changed"


def _of_the_end(ended: Ended) -> Iterator[str]:
    if ended.code is None:
        yield "it hangs"
    elif ended.code not in set(ExitCode):
        yield f"the exit code {ended.code} is not documented"
    elif ended.code == ExitCode.INTERNAL:
        yield "the exit code 1 says that ptmobile failed by itself"
    if "Traceback (most recent call last)" in ended.output:
        yield "there is a traceback"
    if "a fault of its own" in ended.output:
        yield "there is a fault of our own"


def _of_the_log(environ: dict[str, str], ended: Ended) -> Iterator[str]:
    try:
        ended.output.encode()
    except UnicodeEncodeError:
        yield "the log is not UTF-8"
    commands = {"runner": parse_commands(ended.output), "act": parse_commands(ended.output, "act")}
    for flavour, found in commands.items():
        for command in found:
            if environ.get("GITHUB_ACTIONS") != "true":
                yield f"{flavour} sees the command {command.name!r} outside of a job"
            elif command.name not in OURS:
                yield f"{flavour} sees the command {command.name!r}"
            elif command.name == "error" and command.data == "x":
                yield f"{flavour} sees a forged error"


def _of_the_command_files(environ: dict[str, str], place: Place) -> Iterator[str]:
    text = (place.runner / "output").read_bytes().decode("utf-8", "replace")
    for flavour in get_args(Flavour):
        try:
            found = parse_key_values(text, flavour=flavour)
        except FileCommandError as error:
            yield f"{flavour} cannot read the outputs: {error}"
        else:
            if set(found) - set(OUTPUTS):
                yield f"{flavour} reads outputs that are not ours: {set(found) - set(OUTPUTS)}"
    if (
        environ.get("GITHUB_OUTPUT") == str(place.runner / "output")
        and not text
        and environ.get("INPUT_MODE") != "comment"
    ):
        yield "there are no outputs"
    summary = (place.runner / "summary").read_bytes()
    if not summary_accepted(summary):
        yield "the summary is too large"
    try:
        summary.decode()
    except UnicodeDecodeError:
        yield "the summary is not UTF-8"


@cache
def _schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(report_schema())


def _of_the_report(environ: dict[str, str], place: Place, ended: Ended) -> Iterator[str]:
    file = place.workspace / "ptmobile-report" / "report.json"
    silent = environ.get("INPUT_MODE", "").strip() in ("plan", "comment") and ended.code in (0, 8)
    if not file.exists():
        if ended.code != ExitCode.PUBLISH and not silent:
            yield "there is no report"
        return
    report = json.loads(file.read_bytes())
    problem = next(iter(_schema().iter_errors(report)), None)
    if problem is not None:
        yield f"the report is not as its schema says: {problem.message[:200]}"
    elif report["exit_code"] != ended.code and ended.code != ExitCode.PUBLISH:
        yield f"the exit code is {ended.code}, but the report says {report['exit_code']}"


def _of_secrets(case: Case, place: Place, ended: Ended) -> Iterator[str]:
    if SECRET in _MASK.sub("", ended.output):
        yield "a secret is in the log"
    given = {place.workspace / path for path in case.files}
    for folder in (place.workspace, place.runner):
        for path in set(folder.rglob("*")) - given:
            if path.is_file() and not path.is_symlink() and SECRET.encode() in path.read_bytes():
                yield f"a secret is in {path.relative_to(place.root)}"
