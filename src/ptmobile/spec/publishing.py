"""The options about handing over: the artifact of the run and the comment in the pull request."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

CommentWhen = Literal["always", "changes", "failures", "off"]


class PublishingSpec(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Where results go beside the workspace; like all options of a run, once for all models."""

    upload: Annotated[
        Literal["auto", "required", "off"],
        Meta(
            description=(
                "Whether the results become artifacts of the workflow run. auto: where GitHub has a service for it, "
                "else a notice says why not; required: else the run fails; off. On the command line: off."
            )
        ),
    ] = "auto"
    artifact_name: Annotated[
        str,
        Meta(
            description=(
                "Name of the artifact; the report's is the same with -report. Default: the name of the model, or "
                "ptmobile for several. Jobs of a matrix need one each."
            )
        ),
    ] = ""
    archive: Annotated[
        Literal["raw", "zip"],
        Meta(
            description=(
                "raw: the .ptl is downloaded as it is (several: as one zip archive), and the report is an artifact of "
                "its own; zip: everything in one archive."
            )
        ),
    ] = "raw"
    retention_days: Annotated[
        int, Meta(ge=0, le=400, description="Days that artifacts are kept; 0 is the default of the repository.")
    ] = 0
    overwrite: Annotated[bool, Meta(description="Replace artifacts of the same names that the run has already.")] = (
        False
    )
    comment: Annotated[
        CommentWhen,
        Meta(
            description=(
                "A comment in the pull request, one that is kept up to date. always; changes: it is left as it is "
                "while the result is the same; failures: it is begun by a failure; off. Needs github-token."
            )
        ),
    ] = "off"
    comment_id: Annotated[
        str,
        Meta(
            description=(
                "Which comment is kept up to date, where a pull request has several. Default: by workflow, job, and "
                "config file or models."
            ),
            pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$",
            extra={"allowed": "up to 100 letters, digits, '.', '_' and '-', a letter or digit first"},
        ),
    ] = ""
    report: Annotated[
        str | None,
        Meta(description="Path of the report.json that mode comment shows; it is read as data, whoever made it."),
    ] = None
    github_token: Annotated[
        str,
        Meta(
            description=(
                "Token for the comment, and for a baseline in an artifact: that of the job (github.token), with the "
                "permissions pull-requests: write, and actions: read. An input only; on the command line the variable "
                "GITHUB_TOKEN."
            )
        ),
    ] = ""


#: What is given to the action as an input and nowhere else: a secret, and what a job has just downloaded.
INPUT_ONLY = ("report", "github-token")
