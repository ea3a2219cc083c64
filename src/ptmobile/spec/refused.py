"""What is to become of the report about a run whose specification is refused, as far as that can be understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from ptmobile.errors import ConfigurationError
from ptmobile.spec.coerce import Given, coerce
from ptmobile.spec.config_file import ConfigFile
from ptmobile.spec.handing_over import publishing_of
from ptmobile.spec.modes import name_of
from ptmobile.spec.options import all_options
from ptmobile.spec.problems import Problems
from ptmobile.spec.publishing import PublishingSpec
from ptmobile.spec.resolve import config_of
from ptmobile.spec.workspace import Workspace

#: In these modes there is no report, or none that another job waits for.
_WITHOUT_REPORT = ("plan", "comment")


@dataclass(frozen=True)
class Refused:
    """How to hand over, None where nothing is; and the config file of the run, if it has one."""

    publishing: PublishingSpec | None
    config: str | None = None


def read_refused(given: Mapping[str, Given], workspace: Workspace) -> Refused:
    """Read once more what was refused, without a word about its mistakes: they have been told.

    The artifact has the name that it would have had. A comment is only written where it is certainly the one that an
    earlier run has written: named by ``comment-id``, or about a config file.
    """
    mode = str(given["mode"].value).strip() if "mode" in given else ""
    if mode in _WITHOUT_REPORT:
        return Refused(None)
    options, passed_over = all_options(), Problems()
    try:
        config = config_of(given, workspace, options, passed_over) if mode != "merge" else ConfigFile("")
    except ConfigurationError:
        config = ConfigFile("")
    run = {name: g for name, g in {**config.shared, **given}.items() if not options[name].per_model}
    fields = {options[name].field: coerce(options[name], g, passed_over) for name, g in run.items()}
    understood = {name: value for name, value in fields.items() if value is not None}
    before = len(passed_over.found)
    publishing = publishing_of(understood, run, passed_over)
    if len(passed_over.found) > before:
        publishing = replace(publishing, artifact_name="")
    publishing = replace(publishing, artifact_name=publishing.artifact_name or _default_name(config, given))
    if not (publishing.comment_id or config.path):
        publishing = replace(publishing, comment="off")
    return Refused(publishing, config.path or None)


def _default_name(config: ConfigFile, given: Mapping[str, Given]) -> str:
    """The name of the only model, if it can be one of an artifact; else nothing."""
    from ptmobile.github.artifact.names import name_problem  # noqa: PLC0415 - what is beside it loads urllib3

    if len(config.models) != 1:
        return ""
    name = name_of(config.models[0], config, given)
    return "" if name_problem(name) else name
