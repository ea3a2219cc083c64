"""GitHub's REST API as far as it is needed here: JSON there and back, again where that may help, page by page.

It shares its connections, proxies, waits and patience with the upload of artifacts.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

from ptmobile.errors import PublishError
from ptmobile.github.artifact.retry import TRANSIENT, Retrying, Tried, retry_after
from ptmobile.github.artifact.secrets import Secrets
from ptmobile.github.artifact.twirp import Sender
from ptmobile.github.artifact.web import NoReply, Reply

API_VERSION: Final = "2022-11-28"
PER_PAGE: Final = 100
_MOST_PAGES: Final = 100
_NEXT = re.compile(r'<[^>]*>\s*;\s*rel="?next"?')
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
T = TypeVar("T")


class RestError(PublishError):
    """GitHub did not carry out a request; ``maybe_done`` is whether it may have all the same."""

    maybe_done = False


class NotAllowedError(RestError):
    """The token may not do this (403), or must not know of it (404), or is not valid (401)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """What came back."""

    data: Any
    more: bool = False
    """Whether there is another page."""


class RestClient:
    """Calls the API at an address such as ``https://api.github.com``, with a token, which goes nowhere else."""

    def __init__(self, api_url: str, token: str, send: Sender, secrets: Secrets, retrying: Retrying) -> None:
        self._api_url = api_url.rstrip("/")
        self._token = token
        self._send = send
        self._secrets = secrets
        self._retrying = retrying

    def get(self, path: str, **query: str | int) -> Answer:
        """Read something; again where that may help.

        Raises:
            RestError: it cannot be read.
        """
        return self._call("GET", path, query=query)

    def pages(self, path: str, **query: str | int) -> Iterator[dict[str, Any]]:
        """All objects of a list, page by page as they are asked for.

        Raises:
            RestError: a page cannot be read.
        """
        for page in self.lists(path, **query):
            yield from page

    def lists(self, path: str, within: str = "", /, **query: str | int) -> Iterator[list[dict[str, Any]]]:
        """The pages of a list, which is the whole answer or the field `within` of it.

        Raises:
            RestError: a page cannot be read.
        """
        for page in range(1, _MOST_PAGES + 1):
            answer = self.get(path, **query, per_page=PER_PAGE, page=page)
            found = answer.data.get(within) if within and isinstance(answer.data, dict) else answer.data
            if not isinstance(found, list):
                raise RestError(f"GitHub's answer to {path} is no list.")
            yield [entry for entry in found if isinstance(entry, dict)]
            if not answer.more:
                return

    def location(self, path: str) -> str:
        """Where to download something: GitHub answers with another host's address, which is secret for a while.

        The token is not for that host. Over an API with TLS the address has TLS, too.

        Raises:
            RestError: there is no such address.
        """
        return self._persist("GET", path, self._redirect)

    def patch(self, path: str, body: Mapping[str, object]) -> Answer:
        """Change something; again where that may help, since twice is as good as once.

        Raises:
            RestError: it was not changed.
        """
        return self._call("PATCH", path, body)

    def post(self, path: str, body: Mapping[str, object]) -> Answer:
        """Make something; again only where it was certainly not made: else whoever repeats it must look first.

        Raises:
            RestError: it was not made, as far as we know.
        """
        return self._call("POST", path, body, repeatable=False)

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        asked = path + (f"?{urlencode(query)}" if query else "")
        return self._persist(method, asked, self._understand, body, repeatable=repeatable)

    def _persist(
        self,
        method: str,
        asked: str,
        understand: Callable[[str, Reply], Tried[T]],
        body: Mapping[str, object] | None = None,
        *,
        repeatable: bool = True,
    ) -> T:
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token}",
            "X-GitHub-Api-Version": API_VERSION,
            **({} if body is None else {"Content-Type": "application/json"}),
        }
        what = f"{method} {asked.partition('?')[0]}"

        def attempt() -> Tried[T]:
            reply = self._send(method, self._api_url + asked, headers, data)
            tried: Tried[T] = _no_answer(reply) if isinstance(reply, NoReply) else understand(what, reply)
            return replace(tried, again=tried.again and (repeatable or not tried.maybe_done))

        tried = self._retrying.persist(attempt)
        if isinstance(tried.error, RestError):
            tried.error.maybe_done = tried.maybe_done
        return tried.get()

    def _understand(self, what: str, reply: Reply) -> Tried[Answer]:
        data = _json(reply.body)
        if 200 <= reply.status < 300 and data is not None:
            return Tried(Answer(data, _NEXT.search(reply.headers.get("Link", "")) is not None))
        return self._refused(what, reply, data)

    def _redirect(self, what: str, reply: Reply) -> Tried[str]:
        if reply.status not in _REDIRECTS:
            return self._refused(what, reply, _json(reply.body))
        address = reply.headers.get("Location", "")
        self._secrets.add_signature(address)
        if not _is_fit(address, self._api_url):
            return Tried(error=RestError(f"GitHub's answer to {what} names no address that can be used."))
        return Tried(address)

    def _refused(self, what: str, reply: Reply, data: Any) -> Tried[Any]:
        text = data.get("message") if isinstance(data, dict) else None
        said = self._secrets.clean(text) if isinstance(text, str) else "no reason given"
        message = f"GitHub does not carry out {what}: {said} (HTTP {reply.status})."
        wait = _wait(reply)
        limited = reply.status in {403, 429} and (wait > 0 or "rate limit" in said.lower())
        if limited or reply.status in TRANSIENT or 200 <= reply.status < 300:
            maybe_done = reply.status not in {403, 429}
            return Tried(error=RestError(message), again=True, not_before=wait, maybe_done=maybe_done)
        if reply.status in {401, 403, 404}:
            return Tried(error=NotAllowedError(message, reply.status))
        return Tried(error=RestError(message))


def _is_fit(address: str, api_url: str) -> bool:
    """Whether an address may be asked: TLS where the API has it, a host, and no name or password."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    schemes = {"https", urlsplit(api_url).scheme}
    return parts.scheme in schemes and bool(parts.hostname) and "@" not in parts.netloc and address.isprintable()


def _no_answer(reply: NoReply) -> Tried[Any]:
    error = RestError(f"GitHub's API cannot be reached: {reply.reason}.")
    return Tried(error=error, again=not reply.hopeless, maybe_done=reply.sent)


def _wait(reply: Reply) -> float:
    """Seconds that we are asked to wait: told, or until the limit of requests is counted anew."""
    now = dt.datetime.now(dt.UTC)
    if told := retry_after(reply.headers.get("Retry-After", ""), now):
        return told
    reset = reply.headers.get("X-RateLimit-Reset", "")
    if reply.headers.get("X-RateLimit-Remaining") == "0" and reset.isascii() and reset.isdigit():
        return max(1.0, int(reset[:12]) - now.timestamp())
    return 0.0


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
