"""The action: inputs from the environment, results into the files that the runner gives."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import TextIO

from ptmobile.errors import ConfigurationError, ExitCode
from ptmobile.github.commands import CommandWriter
from ptmobile.github.context import GitHubContext, scrub
from ptmobile.session import Session
from ptmobile.spec.action_inputs import read_action_inputs
from ptmobile.spec.options import all_options
from ptmobile.spec.problems import Problems
from ptmobile.spec.resolve import resolve
from ptmobile.spec.workspace import Workspace


def main(environ: MutableMapping[str, str] | None = None, stream: TextIO | None = None) -> int:
    """Run the action and return its exit code. Never raises."""
    stream = sys.stdout if stream is None else stream
    try:
        return _main(os.environ if environ is None else environ, stream)
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback for users
        return unexpected(error, stream)


def _main(environ: MutableMapping[str, str], stream: TextIO) -> int:
    context = GitHubContext.from_environ(environ)
    scrub(environ)
    workspace = Workspace(context.workspace or Path.cwd())
    session = Session(context, workspace, stream)
    problems = Problems()
    given = read_action_inputs(environ, all_options(), problems)
    try:
        spec = resolve(given, workspace, problems)
    except ConfigurationError as error:
        return session.refuse(error)
    return session.run(spec)


def unexpected(error: BaseException, stream: TextIO) -> int:
    """A fault of ours: said in one line, with the place in our code that a bug report needs."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None:
        frames = frames.tb_next
    place = f" ({Path(frames.tb_frame.f_code.co_filename).name}:{frames.tb_lineno})" if frames else ""
    message = f"ptmobile failed by a fault of its own: {type(error).__name__}: {error}{place}. Please report it."
    CommandWriter(stream).error(message, title="ptmobile: internal error")
    return int(ExitCode.INTERNAL)
