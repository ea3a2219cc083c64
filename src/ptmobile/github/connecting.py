"""A connection to GitHub's REST API, as the job has it: its address, its token, its proxies."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from ptmobile.github.artifact import Effort, Waits
from ptmobile.github.artifact.proxies import Proxies
from ptmobile.github.artifact.retry import Retrying
from ptmobile.github.artifact.secrets import Secrets
from ptmobile.github.artifact.web import Web, quiet
from ptmobile.github.context import GitHubContext
from ptmobile.github.rest import RestClient


@dataclass(frozen=True)
class Connection:
    """The API, and what lies under it for requests that go elsewhere."""

    client: RestClient
    web: Web
    retrying: Retrying
    secrets: Secrets


@contextmanager
def connected(
    context: GitHubContext, mask: Callable[[str], None], effort: Effort | None = None
) -> Iterator[Connection]:
    """Connect with the token of the context; `mask` is told what the log must not show."""
    effort, secrets, stop = effort or Effort(waits=Waits(answer=60.0)), Secrets(mask), threading.Event()
    secrets.add(context.github_token)
    retrying = Retrying(effort.patience, effort.sleep or stop.wait)
    proxies = Proxies.from_environment(os.environ)
    with quiet(), closing(Web(proxies, effort.waits, 1, stop)) as web:
        client = RestClient(context.api_url, context.github_token, web.send, secrets, retrying)
        yield Connection(client, web, retrying, secrets)
