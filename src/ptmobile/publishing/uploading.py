"""The results of a run as artifacts of the workflow run: which there are, and what is said where they cannot be.

The verified files are what people download: one as it is, several in an archive. The report (with files that did not
verify, for looking at) is an artifact of its own under a name that is the same whether the run passed or failed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from ptmobile.errors import PublishError
from ptmobile.github.context import GitHubContext
from ptmobile.report.model import NOT_UPLOADED, PublishedArtifact, Reason, Report
from ptmobile.spec.publishing import PublishingSpec

if TYPE_CHECKING:
    from ptmobile.github.artifact import Effort, ServiceAccess

Level = Literal["notice", "warning"]
_SEVERAL = "ptmobile"


@dataclass(frozen=True)
class Plan:
    """One artifact to be: the names within it, and the paths in the workspace."""

    name: str
    files: tuple[tuple[str, str], ...]
    archive: Literal["raw", "zip"] = "zip"


@dataclass(frozen=True)
class Plans:
    """The files of the models, if there are any, and the report; with `archive: zip` the report has them all."""

    files: Plan | None
    report: Plan


@dataclass(frozen=True)
class Refusal:
    """Why an artifact was not uploaded; ``level`` is how much it matters where that is no failure.

    ``final`` is whether another artifact would fare no better.
    """

    reason: Reason
    level: Level = "warning"
    final: bool = False


def plan_artifacts(
    report: Report,
    report_dir: str,
    report_files: Sequence[str],
    spec: PublishingSpec,
    is_here: Callable[[str], bool],
) -> Plans:
    """Which artifacts a run has. ``report_files`` are paths in the workspace, as are those of the report."""
    models = [model for model in report.models if model.result.mode == "convert"]
    made = [file for model in models for file in model.files if is_here(file.path)]
    good = [file.path for file in made if file.verified]
    rest = [file.path for file in made if not file.verified]
    name = spec.artifact_name or (report.models[0].spec.name if len(report.models) == 1 else _SEVERAL)
    if spec.archive == "zip":
        return Plans(None, Plan(name, _named([*good, *rest, *report_files], report_dir)))
    files = None
    if len(good) == 1:
        path = PurePosixPath(good[0])
        files = Plan(spec.artifact_name or path.name, ((path.name, good[0]),), "raw")
    elif good:
        files = Plan(name, _named(good, report_dir))
    return Plans(files, Plan(f"{name}-report", _named([*rest, *report_files], report_dir)))


def _named(paths: Sequence[str], report_dir: str) -> tuple[tuple[str, str], ...]:
    """Names in the archive: within the report's folder where the file lies there, else the path in the workspace.

    A name that is taken gives way to the whole path.
    """
    names: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        whole = PurePosixPath(path)
        short = whole.relative_to(report_dir).as_posix() if whole.is_relative_to(report_dir) else path
        names[path if short in names else short] = path
    return tuple(names.items())


class Uploader:
    """Uploads what is planned; `mask` is told what the log must not show. A fault is returned, never raised."""

    def __init__(
        self,
        context: GitHubContext,
        workspace: Path,
        mask: Callable[[str], None],
        environ: Mapping[str, str] | None = None,
        effort: Effort | None = None,
    ) -> None:
        self._context = context
        self._workspace = workspace
        self._mask = mask
        self._environ = os.environ if environ is None else environ
        self._effort = effort

    def upload(self, plan: Plan, spec: PublishingSpec) -> tuple[PublishedArtifact | None, list[Refusal]]:
        """Upload one artifact; what was done otherwise than asked for is among the refusals, as a notice."""
        # Loaded here, because it loads urllib3, which a run without an upload does not need.
        from ptmobile.github.artifact import Artifact, upload  # noqa: PLC0415

        files = [(name, self._workspace / path) for name, path in plan.files]
        wanted = Artifact(files, plan.name, plan.archive, spec.retention_days, spec.overwrite)
        try:
            done = upload(wanted, self._access(), self._mask, self._effort)
        except PublishError as error:
            return None, [Refusal(_reason(error), _level(error), _is_final(error))]
        artifact = PublishedArtifact(
            name=done.name,
            id=done.id,
            url=done.url,
            digest=done.digest,
            size_bytes=done.size_bytes,
            archive=done.archive,
            files=tuple(name for name, _ in plan.files),
        )
        return artifact, list(_notices(done.name, done.notices))

    def _access(self) -> ServiceAccess:
        from ptmobile.github.artifact import Proxies, ServiceAccess  # noqa: PLC0415

        context = self._context
        return ServiceAccess(
            results_url=context.results_url,
            runtime_token=context.runtime_token,
            server_url=context.server_url.rstrip("/"),
            repository=context.repository,
            run_id=context.run_id,
            retention_limit=context.retention_days or 0,
            on_act=context.on_act,
            proxies=Proxies.from_environment(self._environ),
        )


def _reason(error: PublishError) -> Reason:
    return Reason(title=NOT_UPLOADED, message=error.message, advice=error.advice)


def _level(error: PublishError) -> Level:
    """Where there is nothing to upload to, or no room, that is how things are; anything else went wrong."""
    from ptmobile.github.artifact import NoServiceError, QuotaError, UnsupportedServerError  # noqa: PLC0415

    return "notice" if isinstance(error, NoServiceError | UnsupportedServerError | QuotaError) else "warning"


def _is_final(error: PublishError) -> bool:
    """Whether there is no service, no room, or no way to it: asking again for another artifact costs time only."""
    from ptmobile.github.artifact import UnreachableError  # noqa: PLC0415

    return _level(error) == "notice" or isinstance(error, UnreachableError)


def _notices(name: str, notices: Sequence[str]) -> Iterator[Refusal]:
    for notice in notices:
        yield Refusal(Reason(title=f"The artifact {name}", message=notice), "notice")
