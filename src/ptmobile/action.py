"""The action: inputs from the environment, results into the files that the runner gives."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import TextIO

from ptmobile.errors import ExitCode, internal_error
from ptmobile.github.commands import CommandWriter
from ptmobile.github.context import GitHubContext, scrub
from ptmobile.session import Session
from ptmobile.spec.action_inputs import read_action_inputs
from ptmobile.spec.options import all_options
from ptmobile.spec.workspace import Workspace


def main(environ: MutableMapping[str, str] | None = None, stream: TextIO | None = None) -> int:
    """Run the action and return its exit code. Never raises."""
    environ = os.environ if environ is None else environ
    stream = sys.stdout if stream is None else stream
    try:
        context = GitHubContext.from_environ(environ)
        scrub(environ)
        session = Session(context, Workspace(context.workspace or Path.cwd()), stream)
        return session.convert(lambda problems: read_action_inputs(environ, all_options(), problems))
    except Exception as error:  # noqa: BLE001 - the last resort, where not even a report can be written
        CommandWriter(stream).error(str(internal_error(error)), title="ptmobile: internal error")
        return int(ExitCode.INTERNAL)
