"""A report as a comment in the pull request of the job: found, written, kept up to date, or why not.

Nothing here fails a run: whoever needs the comment looks at what is returned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from ptmobile.github.context import GitHubContext
from ptmobile.publishing.uploading import Refusal
from ptmobile.report.model import Reason, Report
from ptmobile.spec.publishing import PublishingSpec

if TYPE_CHECKING:
    from ptmobile.github.artifact import Effort
    from ptmobile.github.pull_request import Event
    from ptmobile.github.rest import RestClient

_TITLE: Final = "No comment in the pull request"
_GIVE_ONE: Final = (
    "Give the input github-token the value of github.token, and the job the permission pull-requests: write."
)
_NOT_ALLOWED: Final = (
    "The job needs the permission pull-requests: write. A pull request from a fork never has it: there, a second "
    "workflow with mode: comment writes the comment (docs/publishing.md)."
)


class Commenter:
    """Writes the comment; `say` prints a line of the log, `mask` is told what the log must not show."""

    def __init__(
        self,
        context: GitHubContext,
        say: Callable[[str], object],
        mask: Callable[[str], None],
        effort: Effort | None = None,
    ) -> None:
        self._context = context
        self._say = say
        self._mask = mask
        self._effort = effort

    def comment(self, report: Report, spec: PublishingSpec) -> Refusal | None:
        """Write the comment as far as it is asked for; the reason if it could not be."""
        # Loaded here, because it loads urllib3, which a run without a comment does not need.
        from ptmobile.github.pull_request import Event  # noqa: PLC0415
        from ptmobile.github.rest import NotAllowedError, RestError  # noqa: PLC0415

        context = self._context
        event = Event.read(context.event_name, context.event_file)
        if not (event.follows_a_run or "pull_request" in event.content):
            self._say(f"No comment: the event {context.event_name or '(none)'} belongs to no pull request.")
            return None
        if not context.github_token or not context.repository:
            return _refused("There is no token for it.", _GIVE_ONE)
        try:
            return self._write(report, spec, event, _key(context, spec, report))
        except NotAllowedError as error:
            return _refused(error.message, _NOT_ALLOWED)
        except RestError as error:
            return _refused(error.message, "The summary and report.json say the same.", warning=True)

    def _write(self, report: Report, spec: PublishingSpec, event: Event, key: str) -> Refusal | None:
        from ptmobile.github.connecting import connected  # noqa: PLC0415

        with connected(self._context, self._mask, self._effort) as connection:
            return self._on_pull_request(connection.client, event, report, spec, key)

    def _on_pull_request(
        self, client: RestClient, event: Event, report: Report, spec: PublishingSpec, key: str
    ) -> Refusal | None:
        from ptmobile.github.comment import COMMENT_LIMIT, MARK_SIZE, Comment, CommentedPullRequest  # noqa: PLC0415
        from ptmobile.github.pull_request import find_pull_request  # noqa: PLC0415
        from ptmobile.report.comment import Origin, comment_body, fingerprint  # noqa: PLC0415

        context = self._context
        pull = find_pull_request(event, client, context.repository)
        if pull is None:
            self._say("No comment: no open pull request has the commit of this run as its newest.")
            return None
        run_url = event.run_url if event.follows_a_run else context.run_url
        body = comment_body(report, Origin(run_url, pull.sha or context.sha), COMMENT_LIMIT - MARK_SIZE)
        verdict: Literal["passed", "failed"] = "failed" if report.exit_code or report.verdict == "failed" else "passed"
        comment = Comment(key, fingerprint(report), verdict, body)
        written = CommentedPullRequest(client, context.repository, pull.number).write(comment, spec.comment)
        where = f" ({written.url})" if written.url else ""
        self._say(f"Comment in pull request {pull.number}: {written.done}{where}")
        return None


def _key(context: GitHubContext, spec: PublishingSpec, report: Report) -> str:
    """What tells this comment from others in the same pull request."""
    if spec.comment_id:
        return spec.comment_id
    of = report.config or "\n".join(sorted(model.spec.name for model in report.models))
    return "\n".join((context.workflow, context.job, of))


def _refused(message: str, advice: str, *, warning: bool = False) -> Refusal:
    return Refusal(Reason(title=_TITLE, message=message, advice=advice), "warning" if warning else "notice")
