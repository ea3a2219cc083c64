"""What an upload must know of its job, taken out of the environment once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ptmobile.github.artifact.errors import NoServiceError, UnsupportedServerError
from ptmobile.github.artifact.identity import BackendIds, backend_ids
from ptmobile.github.artifact.proxies import Proxies

_NOT_HERE = (
    "GitHub gives them to actions, not to `run:` steps; act gives them with --artifact-server-path. "
    "A later step with actions/upload-artifact can publish the files, which are in the workspace."
)
_OLD_PROTOCOL = (
    "The files are in the workspace: publish them in a later step with the version of actions/upload-artifact "
    "that the server's documentation names (v3)."
)


@dataclass(frozen=True)
class ServiceAccess:
    """The artifact service of a job, and what of the job goes into links and limits.

    Once it is made, nothing is read from the environment any more, so a caller can remove the token from there.
    """

    results_url: str = ""
    runtime_token: str = field(default="", repr=False)
    server_url: str = "https://github.com"
    repository: str = ""
    run_id: str = ""
    retention_limit: int = 0
    """The most days that the repository keeps an artifact; 0 if it says nothing."""

    on_act: bool = False
    proxies: Proxies = field(default_factory=Proxies)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ServiceAccess:
        """Read what the runner tells a step; a variable that is empty counts as absent."""

        def text(name: str, default: str = "") -> str:
            return environment.get(name) or default

        days = text("GITHUB_RETENTION_DAYS").strip()
        return cls(
            results_url=text("ACTIONS_RESULTS_URL"),
            runtime_token=text("ACTIONS_RUNTIME_TOKEN"),
            server_url=text("GITHUB_SERVER_URL", cls.server_url).rstrip("/"),
            repository=text("GITHUB_REPOSITORY"),
            run_id=text("GITHUB_RUN_ID"),
            retention_limit=int(days) if days.isascii() and days.isdigit() else 0,
            on_act=text("ACT") == "true",
            proxies=Proxies.from_environment(environment),
        )

    def identify(self) -> BackendIds:
        """Check that there is a service that we can use, and say who we are for it.

        Raises:
            UnsupportedServerError: this is GitHub Enterprise Server.
            NoServiceError: its address or the token is missing or cannot be used.
        """
        if not _speaks_the_protocol(self.server_url):
            raise UnsupportedServerError(
                "The artifact service that this action uploads to is not offered by GitHub Enterprise Server.",
                advice=_OLD_PROTOCOL,
            )
        given = {"ACTIONS_RUNTIME_TOKEN": self.runtime_token, "ACTIONS_RESULTS_URL": self.results_url}
        missing = " and ".join(name for name, value in given.items() if not value)
        if missing:
            verb = "are" if " " in missing else "is"
            raise NoServiceError(f"There is no artifact service here: {missing} {verb} not set.", advice=_NOT_HERE)
        if not self.origin:
            raise NoServiceError("ACTIONS_RESULTS_URL is not an http or https address.")
        return backend_ids(self.runtime_token)

    @property
    def origin(self) -> str:
        """Scheme, host and port of the service; empty if its address has none that we could use."""
        try:
            parts = urlsplit(self.results_url)
            port = parts.port
        except ValueError:
            return ""
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            return ""
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return f"{parts.scheme}://{host}" + (f":{port}" if port else "")

    def artifact_url(self, number: int) -> str:
        """The page from which an artifact is downloaded; empty where there is none, as on act."""
        if self.on_act or not (number and self.repository and self.run_id):
            return ""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}/artifacts/{number}"


def _speaks_the_protocol(server_url: str) -> bool:
    try:
        host = (urlsplit(server_url).hostname or "").lower()
    except ValueError:
        return False
    return host == "github.com" or host.endswith((".ghe.com", ".localhost"))
