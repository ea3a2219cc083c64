"""A baseline from an artifact of an earlier run of this repository, by GitHub's REST API."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ptmobile.baseline.archive import report_bytes
from ptmobile.baseline.model import Baseline
from ptmobile.baseline.reading import BaselineError, read_baseline
from ptmobile.errors import PublishError
from ptmobile.github.context import COMMIT, REPOSITORY, GitHubContext
from ptmobile.spec.baseline_reference import ArtifactReference

if TYPE_CHECKING:
    from ptmobile.github.run_artifacts import FoundArtifact

_PERMISSION: Final = "permissions: {actions: read, contents: read}"
_IN_A_JOB: Final = f"Give the input github-token the value of github.token, and the job {_PERMISSION}."
_BY_HAND: Final = (
    "On the command line set GITHUB_TOKEN to a token that may read this repository's artifacts (Actions: read), and "
    "GITHUB_REPOSITORY to OWNER/NAME."
)
#: What each refusal means here.
_REFUSED: Final[Mapping[int, str]] = {
    401: f"The token is not valid, or not any more. {_IN_A_JOB}",
    403: f"The token may not read artifacts. The job needs {_PERMISSION}.",
    404: f"The token does not see the repository or its artifacts. The job needs {_PERMISSION}.",
}
_AGAIN: Final = "Run the job again; or download the report in a step before, and give baseline its path."


class ArtifactBaselines:
    """Fetches baselines; `say` prints a line of the log, `mask` is told what the log must not show."""

    def __init__(self, context: GitHubContext, say: Callable[[str], object], mask: Callable[[str], None]) -> None:
        self._context = context
        self._say = say
        self._mask = mask

    def fetch(self, wanted: ArtifactReference) -> Baseline:
        """The baseline in the artifact of the newest successful run of the branch.

        Raises:
            ReportError: it cannot be found, fetched or read.
        """
        # Loaded here, because it loads urllib3, which a run without such a baseline does not need.
        from ptmobile.github.rest import NotAllowedError  # noqa: PLC0415
        from ptmobile.github.run_artifacts import NoArtifactError  # noqa: PLC0415

        context = self._context
        if not context.github_token or not context.repository:
            what = "no token to fetch it with" if context.repository else "no repository to fetch it from"
            raise BaselineError(f"There is {what}.", advice=_IN_A_JOB if context.in_actions else _BY_HAND)
        if not REPOSITORY.fullmatch(context.repository):
            raise BaselineError("GITHUB_REPOSITORY is not of the form OWNER/NAME.")
        try:
            data, found = self._download(wanted)
        except NotAllowedError as error:
            raise BaselineError(error.message, advice=_REFUSED[error.status]) from error
        except NoArtifactError as error:
            raise BaselineError(error.message, advice=_first(wanted)) from error
        except PublishError as error:
            raise BaselineError(error.message, advice=error.advice or _AGAIN) from error
        baseline = read_baseline(data, str(wanted))
        self._say(f"Baseline: {wanted} of run {found.run_id}")
        # What is known of the run by GitHub goes before what the report says of itself.
        sha = found.run_sha if COMMIT.fullmatch(found.run_sha) else ""
        page = f"{context.server_url}/{context.repository}/actions/runs/{found.run_id}"
        return Baseline(replace(baseline.source, repository=context.repository, sha=sha, run_url=page), baseline.models)

    def _download(self, wanted: ArtifactReference) -> tuple[bytes, FoundArtifact]:
        from ptmobile.github.connecting import connected  # noqa: PLC0415
        from ptmobile.github.run_artifacts import RunArtifacts  # noqa: PLC0415

        with (
            connected(self._context, self._mask) as connection,
            tempfile.TemporaryFile() as stream,
        ):
            artifacts = RunArtifacts(connection, self._context.repository)
            found = artifacts.find(wanted.name, wanted.branch)
            artifacts.download(found, stream)
            return report_bytes(stream), found


def _first(wanted: ArtifactReference) -> str:
    return (
        f"Have a run of {wanted.branch} leave the artifact first: one without max-size-growth, which succeeds. "
        "Artifacts expire (docs/budgets.md)."
    )
