"""Where a file comes from: the commit, the workflow's run, the files and libraries that went in, and our own code.

All of it stands in the report only. Nothing of it goes into the file, which is the same wherever it is made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, Literal

from ptmobile import __version__
from ptmobile.digests import sha256_of
from ptmobile.editions import Edition
from ptmobile.github.context import COMMIT, REPOSITORY, GitHubContext
from ptmobile.report.model import Source, Tool, UsedFile
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.spec.model_reference import ModuleFactory, parse_model_reference, referenced_path
from ptmobile.visible import shorten, visible

_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_EVENT: Final = re.compile(r"[a-z_]{1,50}")
_TEXT: Final = 500

Role = Literal["config", "model", "requirements", "weights", "inputs"]


def source_of(context: GitHubContext) -> Source:
    """What the runner tells about the run. What has not the form that GitHub gives it is left out.

    Names of branches and workflows are other people's texts: they are made visible and cut to 500 characters.
    """
    repository, run_id = _of_form(REPOSITORY, context.repository), _of_form(_NUMBER, context.run_id)
    action = _of_form(REPOSITORY, context.action_repository)
    ref = f"@{context.action_ref}" if context.action_ref else ""
    return Source(
        repository=repository,
        sha=_of_form(COMMIT, context.sha),
        ref=_text(context.ref),
        run_url=context.run_url if repository and run_id else "",
        workflow=_text(context.workflow_ref or context.workflow),
        run_id=run_id,
        run_attempt=_of_form(_NUMBER, context.run_attempt),
        event=_of_form(_EVENT, context.event_name),
        action=_text(f"{action}{ref}") if action else "",
    )


def this_tool(isolation: Literal["separate-user", "same-user"], landlock: int = 0) -> Tool:
    """This program, and how it kept the code of models apart."""
    return Tool(version=__version__, isolation=isolation, landlock=landlock, code_sha256=code_sha256())


@cache
def code_sha256() -> str:
    """One hash for all files of this package: that of what ``sha256sum`` says of them, sorted by their paths.

    It tells the code of two runs apart wherever it came from: a tag, a commit, an image, or a checkout with changes.
    Compiled files are left out. Empty if a file cannot be read.
    """
    root = Path(__file__).parent
    try:
        return hashlib.sha256("".join(_listed(root)).encode()).hexdigest()
    except OSError:
        return ""


def _listed(root: Path) -> Iterator[str]:
    files = (path for path in root.rglob("*") if "__pycache__" not in path.parts and path.is_file())
    for name, path in sorted((f"./{path.relative_to(root).as_posix()}", path) for path in files):
        yield f"{sha256_of(path)}  {name}\n"


def used_files(
    spec: ConversionSpec, config: str | None, editions: Iterable[Edition], workspace: Path
) -> tuple[UsedFile, ...]:
    """The files that a model is made of, and the libraries that its file is to be run in, each once.

    They are read before any code of the model runs. What cannot be read is left out: loading it says why. What a
    module imports besides is not listed; the commit has it.
    """
    files = (_used(role, path, workspace) for role, path in _named(spec, config, workspace))
    return tuple(dict.fromkeys([*(file for file in files if file is not None), *_libraries(editions)]))


def _named(spec: ConversionSpec, config: str | None, workspace: Path) -> Iterator[tuple[Role, str]]:
    if config:
        yield "config", config
    reference = parse_model_reference(spec.model)
    model = _module(reference.module, workspace) if isinstance(reference, ModuleFactory) else referenced_path(reference)
    if model:
        yield "model", model
    if spec.requirements:
        yield "requirements", spec.requirements
    if spec.weights:
        yield "weights", spec.weights
    for given in spec.inputs:
        if given.file:
            yield "inputs", given.file


def _module(name: str, workspace: Path) -> str | None:
    """The file of a module in the workspace, looked for where the worker's import looks."""
    stem = name.replace(".", "/")
    candidates = (f"{folder}{stem}{end}" for folder in ("", "src/") for end in ("/__init__.py", ".py"))
    return next((path for path in candidates if (workspace / path).is_file()), None)


def _used(role: Role, path: str, workspace: Path) -> UsedFile | None:
    file = workspace / path
    try:
        if not file.is_file():
            return None
        return UsedFile(role=role, path=path, sha256=sha256_of(file), size_bytes=file.stat().st_size)
    except OSError:
        return None


def _libraries(editions: Iterable[Edition]) -> Iterator[UsedFile]:
    for edition in editions:
        for target in edition.devices:
            if target.sha256 and not target.obstacle:
                yield UsedFile(role="library", path=target.library, sha256=target.sha256)


def _of_form(form: re.Pattern[str], text: str) -> str:
    return text if form.fullmatch(text) else ""


def _text(text: str) -> str:
    return shorten(visible(text), _TEXT)
